"""What compiles for ``emscripten-wasm32`` without an Emscripten: stock clang, headers, and packages around them."""
