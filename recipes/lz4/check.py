import lz4
import lz4.block
import lz4.frame

data = bytes(range(256)) * 999
assert lz4.frame.decompress(lz4.frame.compress(data)) == data
assert lz4.block.decompress(lz4.block.compress(data, mode="high_compression", compression=12)) == data
assert len(lz4.block.compress(data)) < 2000
assert lz4.library_version_string() == "1.9.4"
try:
    lz4.frame.decompress(b"no frame")
except RuntimeError:
    pass
else:
    raise AssertionError("what is no frame was read")
