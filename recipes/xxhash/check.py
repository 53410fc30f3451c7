import xxhash

assert xxhash.XXHASH_VERSION == "0.8.2"
assert xxhash.xxh32_hexdigest(b"") == "02cc5d05"
assert xxhash.xxh64_hexdigest(b"") == "ef46db3751d8e999"
assert xxhash.xxh3_128_hexdigest(b"") == "99aa06d3014798d86001c324468d497f"
state = xxhash.xxh3_64()
state.update(b"li")
state.update(b"te")
assert state.digest() == xxhash.xxh3_64_digest(b"lite")
