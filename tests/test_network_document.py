"""The table of clients in docs/network.md is what the tests try."""

from __future__ import annotations

from tests.network_clients import DOCUMENT, written


def test_the_table_of_clients_is_that_of_the_tests():
    document = DOCUMENT.read_text(encoding="utf-8")
    assert written(document) == document, "write it anew: `python -m tests.network_clients`"
