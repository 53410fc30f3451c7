"""Sizes and times as people write them."""

from __future__ import annotations

import pytest

from lite_env.spec.measures import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("25MB", 25_000_000),
        ("25 MiB", 26_214_400),
        ("1.5M", 1_500_000),
        ("500kB", 500_000),
        ("1GB", 10**9),
        ("4096", 4096),
        ("7 B", 7),
    ],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1e9", "25 mb", "1.MB", "NaN", "9" * 20, "1TB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90s", 90), ("30 min", 1800), ("1.5h", 5400), ("30d", 30 * 86400), ("2W", 14 * 86400)],
)
def test_times_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1d", "1e3s", "1 m", "5", "9" * 20 + "d"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)
