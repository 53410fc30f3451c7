import msgpack

assert msgpack.Packer.__module__ == "msgpack._cmsgpack"
value = {"a": [1, 2.5, b"x", None, True, -(2**63)], "ü": {"b": "c" * 1000}}
assert msgpack.unpackb(msgpack.packb(value)) == value
try:
    msgpack.unpackb(b"\x92\x01")
except ValueError:
    pass
else:
    raise AssertionError("half a message was read")
