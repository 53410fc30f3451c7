# Sourced before a build script: the Python that builds answers as the one that is built for.
"$BUILD_PREFIX/bin/python" "$BUILD_PREFIX/share/cross-python/configure_python.py" "$PREFIX" "$BUILD_PREFIX" @PYTHON@
export PYTHON="$BUILD_PREFIX/bin/python"
export _PYTHON_SYSCONFIGDATA_NAME=_sysconfigdata__emscripten_wasm32-emscripten
export _PYTHON_HOST_PLATFORM="emscripten_$(echo "$EMSCRIPTEN_VERSION" | tr . _)_wasm32"
export PYTHONPATH="$BUILD_PREFIX/share/cross-python/sysconfigdata${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
export LDSHARED="emcc -shared" LDCXXSHARED="em++ -shared"
export EMCC_FIRST_INCLUDES="$BUILD_PREFIX/share/cross-python/include/python@PYTHON@${EMCC_FIRST_INCLUDES:+:$EMCC_FIRST_INCLUDES}"
export PIP_PREFIX="$PREFIX" PIP_NO_COMPILE=0 PIP_NO_DEPS=1 PIP_NO_BUILD_ISOLATION=0 PIP_NO_INDEX=1 PIP_IGNORE_INSTALLED=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_WARN_SCRIPT_LOCATION=1
export PIP_CONFIG_SETTINGS="setup-args=--cross-file=$BUILD_PREFIX/share/cross-python/meson.cross"
# meson asks for cython as a program of the machine that builds, even in a cross build.
export CYTHON_FOR_BUILD="$BUILD_PREFIX/bin/python $BUILD_PREFIX/share/cross-python/run_cython.py"
export MESON_ARGS="--cross-file=$BUILD_PREFIX/share/cross-python/meson.cross --prefix=$PREFIX --libdir=lib"
