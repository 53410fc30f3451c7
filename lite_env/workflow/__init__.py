"""The steps put together: what the command line and other front ends call."""
