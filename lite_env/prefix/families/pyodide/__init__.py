"""CPython by Pyodide, in classic workers and in module workers."""
