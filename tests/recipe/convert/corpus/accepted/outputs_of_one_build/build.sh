cmake --install .
