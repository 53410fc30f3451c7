"""How fast the scientific stack is there: ours against Pyodide's own loading of the same wheels."""
