"""What uv answers, of which an index wrote the numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from lite_env.lock.pylock import parse_pylock


@pytest.mark.parametrize(
    ("size", "kept"), [(0, 0), (2**63 - 1, 2**63 - 1), (2**63, None), (10**19, None), (-1, None)], ids=str
)
def test_a_size_that_no_lock_can_hold_is_none(size, kept):
    wheel = f'{{url = "https://h/a-1-py3-none-any.whl", size = {size}, hashes = {{}}}}'
    text = f'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\nwheels = [{wheel}]\n'
    (package,) = parse_pylock(text, Path("/p"))
    assert [file.size for file in package.files] == [kept]
