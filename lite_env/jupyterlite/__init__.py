"""The addon of JupyterLite: `jupyter lite build` locks, packs and offers the kernels of an environment."""
