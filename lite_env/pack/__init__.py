"""Which file goes into which archive and when it loads; the pack that is written, read and undone."""
