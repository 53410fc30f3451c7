"""Snapshots of Pyodide in Node: made of a kernel at rest, and never in the way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.host.test_snapshots import gives_two, how, snapshot_in, started, with_header

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.node, pytest.mark.slow]
KEPT = "the next start takes a snapshot"


@pytest.fixture(params=["science_pack", "newest_pack"])
def pack(request) -> Path:
    return request.getfixturevalue(request.param)


def test_a_kernel_that_was_asked_what_it_is_becomes_one_while_it_rests(pack, tmp_path):
    log: list[str] = []
    with started(pack, tmp_path, log) as running:
        running.client.kernel_info()
        for _ in range(200):
            running.client.figures()
            if any(KEPT in text for text in log):
                break
            running.client._receive(0.1)
        assert snapshot_in(tmp_path)
        # It goes on as if nothing had been.
        assert gives_two(running)
    with started(pack, tmp_path) as running:
        assert how(running) == ""
        assert running.client.kernel_info()["implementation"] == "pyodide"
        assert gives_two(running)


@pytest.mark.parametrize(
    ("there", "put", "why"),
    [
        pytest.param(rb'"serialized":\["kernel"\]', b'"serialized":["kernal"]', "there is no kernal", id="a value"),
        pytest.param(rb'"freshTable":\d', b'"freshTable":9', "a fresh table has", id="a table"),
        pytest.param(rb'("libraries":\["[^]]*?\.)so', rb"\1xo", "is no file of the environment", id="a library"),
    ],
)
def test_a_restore_that_fails_in_the_middle_ends_in_a_plain_start(science_pack, tmp_path, there, put, why):
    pack = science_pack
    with started(pack, tmp_path):
        pass
    path = snapshot_in(tmp_path)
    path.write_bytes(with_header(path.read_bytes(), lambda text: re.sub(there, put, text)))
    with started(pack, tmp_path) as running:
        assert why in how(running)
        assert gives_two(running)
    # It was thrown away, and made anew.
    with started(pack, tmp_path) as running:
        assert how(running) == ""
        assert gives_two(running)
