# Sourced before a build script: which compiler there is.
export CC=emcc CXX=em++ AR=emar RANLIB=emranlib NM=emnm STRIP=emstrip
export HOST=wasm32-unknown-emscripten EMSCRIPTEN_VERSION=@VERSION@
export CFLAGS="${CFLAGS-} -O2" CXXFLAGS="${CXXFLAGS-} -O2" LDFLAGS="${LDFLAGS-} -L$PREFIX/lib"
export CPPFLAGS="${CPPFLAGS-} -I$PREFIX/include"
# What an archive says of time and owner would be of this build.
export ZERO_AR_DATE=1
