from frozenlist import FrozenList, PyFrozenList

assert FrozenList is not PyFrozenList
items = FrozenList([1, 2])
items.append(3)
items.freeze()
assert list(items) == [1, 2, 3]
try:
    items.append(4)
except RuntimeError:
    pass
else:
    raise AssertionError("a frozen list was changed")
