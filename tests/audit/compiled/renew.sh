#!/bin/sh
# Makes the libraries in this folder anew, as a stock clang 19 and its linker make them.
#
# CLANG and WASM_LD are programs, SYSROOT is Emscripten's (only its headers are read).
set -eu
cd "$(dirname "$0")"
: "${CLANG:=clang-19}" "${WASM_LD:=wasm-ld-19}" "${SYSROOT:?the folder of the sysroot of Emscripten}"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

make() { # output, source, "export" where the constructors are to be run, flags of the compiler
  output=$1 source=$2 export=${3:+--export-if-defined=__wasm_call_ctors}
  shift 3
  "$CLANG" --target=wasm32-unknown-emscripten --sysroot="$SYSROOT" -O2 -fPIC -fvisibility=default "$@" -c "$source" -o "$work/object.o"
  # shellcheck disable=SC2086 # no word where nothing is exported
  "$WASM_LD" -shared --experimental-pic --no-entry $export --import-memory --import-table --allow-undefined --strip-debug \
    "$work/object.o" -o "$output" 2>/dev/null
}

make plain.so plain.c ""
make constructor-lost.so constructor.cpp "" -fno-exceptions
make constructor.so constructor.cpp export -fno-exceptions
make jump-javascript.so jump.c export -mllvm -enable-emscripten-sjlj
make jump-wasm.so jump.c export -mllvm -wasm-enable-sjlj -mllvm -wasm-enable-eh -mexception-handling
make catch-javascript.so catch.cpp export -fexceptions -mllvm -enable-emscripten-cxx-exceptions
make catch-wasm.so catch.cpp export -fwasm-exceptions
