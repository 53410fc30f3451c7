"""Get a scientific conda environment into the browser: lock it, pack it, start it lazily."""

__version__ = "0.1.0"
