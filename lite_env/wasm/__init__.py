"""WebAssembly modules, read without a WebAssembly engine."""
