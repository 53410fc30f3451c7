"""What runs in the browser: where the built runtime lies, and `runtime/`, the TypeScript project it is built from."""
