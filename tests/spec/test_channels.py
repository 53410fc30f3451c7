from __future__ import annotations

from pathlib import Path

import pytest

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
        ("https://u:p@host/t/tk/c", ("https://u:p@host/t/tk/c",)),
        ("./mine", ("/base/folder/mine",)),
        ("../mine/", ("/base/mine",)),
        (".", ("/base/folder",)),
        ("/opt/c", ("/opt/c",)),
        ("file:///opt/with%20space", ("/opt/with space",)),
    ],
)
def test_what_a_channel_stands_for(text, resolved):
    assert resolve_channel(text, BASE) == resolved


def test_a_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/of/user")
    assert resolve_channel("~/c", BASE) == ("/home/of/user/c",)


@pytest.mark.parametrize("text", ["", "a b", "a::b", "https://"])
def test_what_is_no_channel(text):
    with pytest.raises(ValueError, match="neither a channel's name"):
        resolve_channel(text, BASE)


def test_a_plain_name_means_the_listed_channel_of_that_name():
    alias = "https://conda.anaconda.org/conda-forge"
    assert listed_channel(alias, ["/x", "https://prefix.dev/conda-forge"]) == "https://prefix.dev/conda-forge"
    assert listed_channel(alias, [alias, "https://prefix.dev/conda-forge"]) == alias
    assert listed_channel("https://conda.anaconda.org/mine", ["/a/mine"]) == "/a/mine"
    assert listed_channel(alias, ["/a/conda-forge", "/b/conda-forge"]) is None
    assert listed_channel("https://other/conda-forge", ["https://prefix.dev/conda-forge"]) is None
