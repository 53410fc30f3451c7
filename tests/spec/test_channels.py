from __future__ import annotations

from pathlib import Path

import pytest

from lite_env.spec.address import Channel
from lite_env.spec.channels import listed_channel, resolve_channel

BASE = Path("/base/folder")


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("conda-forge", ("https://conda.anaconda.org/conda-forge",)),
        ("conda-forge/label/dev", ("https://conda.anaconda.org/conda-forge/label/dev",)),
        ("channels/mine", ("https://conda.anaconda.org/channels/mine",)),
        ("pkgs/main", ("https://repo.anaconda.com/pkgs/main",)),
        ("defaults", ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")),
        ("https://prefix.dev/conda-forge/", ("https://prefix.dev/conda-forge",)),
        ("https://u:p@host/t/tk/c", ("https://host/c",)),
        ("HTTPS://Host:443/c", ("https://host/c",)),
        ("http://[::1]:8080/c", ("http://[::1]:8080/c",)),
        ("./mine", ("file:///base/folder/mine",)),
        ("../mine/", ("file:///base/mine",)),
        (".", ("file:///base/folder",)),
        ("/opt/c", ("file:///opt/c",)),
        ("file:///opt/with%20space", ("file:///opt/with%20space",)),
    ],
)
def test_what_a_channel_stands_for(text, resolved):
    assert tuple(map(str, resolve_channel(text, BASE))) == resolved


def test_a_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/of/user")
    assert resolve_channel("~/c", BASE) == (Channel("file:///home/of/user/c"),)


@pytest.mark.parametrize("text", ["", "a b", "a:b", "a::b", "https://", "~x?"])
def test_what_is_no_channel(text):
    with pytest.raises(ValueError, match=r"neither a channel's name|an address"):
        resolve_channel(text, BASE)


def test_a_plain_name_means_the_listed_channel_of_that_name():
    def listed(text: str, *channels: str) -> str | None:
        found = listed_channel(*resolve_channel(text, BASE), [resolve_channel(each, BASE)[0] for each in channels])
        return found.address_for_request() if found else None

    alias = "https://conda.anaconda.org/conda-forge"
    assert listed("conda-forge", "/x", "https://prefix.dev/conda-forge") == "https://prefix.dev/conda-forge"
    assert listed("conda-forge", alias, "https://prefix.dev/conda-forge") == alias
    assert listed("mine", "/a/mine") == "file:///a/mine"
    assert listed("conda-forge", "/a/conda-forge", "/b/conda-forge") is None
    assert listed("https://other/conda-forge", "https://prefix.dev/conda-forge") is None
    assert listed("https://host/mine", "https://u:p@host/t/tk/mine") == "https://host/t/tk/mine"
    assert listed("mine", "https://u:p@host/t/tk/mine") == "https://host/t/tk/mine"
