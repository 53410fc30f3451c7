"""What `--network` grants."""

from __future__ import annotations

import pytest

from lite_env.errors import HostError
from lite_env.host.chromium import ChromiumEngine
from lite_env.host.network import network_of


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "all"),
        (["all"], "all"),
        (["none"], ()),
        (
            ["example.org", "127.0.0.1:8000", "[::1]:81"],
            ("example.org", "127.0.0.1:8000", "[::1]:81"),
        ),
    ],
)
def test_words_are_a_grant(words, expected):
    assert network_of(words) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none", "a.org"], "stands alone"),
        (["a.org", "all"], "stands alone"),
        (["https://a.org"], "names no host"),
        (["a.org/x"], "names no host"),
        ([""], "names no host"),
        (["::1"], "names no host"),
        (["*.org"], "names no host"),
        (["a.org:"], "names no host"),
        (["a.org\n"], "names no host"),
    ],
)
def test_words_that_grant_nothing_are_refused(words, message):
    with pytest.raises(HostError, match=message):
        network_of(words)


def test_chromium_refuses_what_it_cannot_hold(tmp_path):
    engine = ChromiumEngine(tmp_path, runtime=tmp_path)
    with pytest.raises(HostError, match="cannot be limited"):
        engine.start(kernel=None, env={}, network=())
