import ujson

value = {"a": [1.25, None, "ä", 2**60], "b": {"c": []}}
assert ujson.loads(ujson.dumps(value)) == value
assert ujson.dumps(0.1) == "0.1"
assert float(ujson.dumps(1e300)) == 1e300
try:
    ujson.loads("[1,")
except ujson.JSONDecodeError:
    pass
else:
    raise AssertionError("half a list was read")
