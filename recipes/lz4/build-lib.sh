#!/bin/bash
set -eux

cd lz4libs
for name in lz4 lz4hc lz4frame xxhash; do
    # The library's own name for the hash that it brings: another one may be linked beside it.
    ${CC} ${CFLAGS} -DXXH_NAMESPACE=LZ4_ -c "${name}.c"
done
mkdir -p "${PREFIX}/lib" "${PREFIX}/include"
${AR} rcs "${PREFIX}/lib/liblz4.a" lz4.o lz4hc.o lz4frame.o xxhash.o
cp lz4.h lz4hc.h lz4frame.h "${PREFIX}/include/"
