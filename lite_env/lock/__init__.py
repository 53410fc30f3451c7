"""The exact answer to what was asked for: solved packages with their hashes, written as a lock file."""
