from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.lock.answer import answers, requested_of, spec_digest
from lite_env.lock.diff import diff_packages
from lite_env.lock.model import LockedPackage, Lockfile
from lite_env.lock.urls import from_relative, split_package_url, to_relative
from lite_env.spec.address import public_url
from lite_env.spec.environment import parse_environment

ENVIRONMENT = """\
name: demo
channels: [./c, conda-forge]
dependencies: [numpy >=1, six]
variables: {A: "1"}
"""


def spec(text: str = ENVIRONMENT, folder: str = "/home/project"):
    return parse_environment(text, file=Path(folder) / "environment.yml")


def package(name: str, version: str = "1.0", build: str = "0", sha256: str = "a" * 64) -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        build=build,
        build_number=0,
        subdir="noarch",
        file_name=f"{name}-{version}-{build}.conda",
        url=f"https://h/c/noarch/{name}-{version}-{build}.conda",
        channel="https://h/c",
        sha256=sha256,
    )


@pytest.fixture
def lock():
    """The lock that answers `ENVIRONMENT`."""
    asked = spec()
    return Lockfile(
        name=asked.name,
        channels=tuple(map(str, asked.channels)),
        packages=(package("numpy"), package("six")),
        requested=requested_of(asked),
        variables=asked.variables,
        spec_digest=spec_digest(asked),
    )


def test_a_lock_answers_the_file_it_was_made_from(lock):
    assert answers(lock, spec()).differences == ()
    assert answers(lock, spec())


@pytest.mark.parametrize(
    ("old", "new", "differences"),
    [
        ("name: demo", "name: other", ["the name was demo and is other"]),
        ("conda-forge", "bioconda", ["the channel https://conda.anaconda.org/bioconda was added",
                                     "the channel https://conda.anaconda.org/conda-forge was removed"]),
        ("./c, conda-forge", "conda-forge, ./c", ["the channels have another order: "]),
        ("numpy >=1", "numpy", ["the dependency numpy was added", "the dependency numpy >=1 was removed"]),
        (", six", "", ["the dependency six was removed"]),
        ('A: "1"', 'A: "2"', ["the variable A=2 was added", "the variable A=1 was removed"]),
        (", six", ", six, x", ["the dependency x was added", "the environment file needs x, which is not locked"]),
    ],
)  # fmt: skip
def test_what_changed_is_said(lock, old, new, differences):
    answer = answers(lock, spec(ENVIRONMENT.replace(old, new)))
    assert not answer
    assert len(answer.differences) == len(differences)
    for found, expected in zip(answer.differences, differences, strict=True):
        assert found.startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n" + ENVIRONMENT,
        ENVIRONMENT.replace("numpy >=1, six", "six, numpy   >=1, six"),
        ENVIRONMENT.replace("./c", "../project/c/"),
        ENVIRONMENT.replace("[./c", "[nodefaults, ./c"),
    ],
)
def test_what_means_the_same_is_the_same(lock, text):
    assert answers(lock, spec(text))


def test_the_digest_does_not_depend_on_the_folder():
    assert spec_digest(spec(folder="/a/b")) == spec_digest(spec(folder="/c"))
    assert spec_digest(spec(ENVIRONMENT.replace("./c", "/abs/c"), "/a")) != spec_digest(
        spec(ENVIRONMENT.replace("./c", "/abs/c"), "/a/b")
    )


def test_credentials_do_not_count():
    plain = spec(ENVIRONMENT.replace("conda-forge", "https://h/c"))
    secret = spec(ENVIRONMENT.replace("conda-forge", "https://user:x@h/t/tk/c"))
    assert spec_digest(plain) == spec_digest(secret)


def test_a_lock_of_another_tool_does_not_answer(lock):
    foreign = replace(lock, spec_digest="")
    assert answers(foreign, spec()).differences == ("the lock was not made from this file by lite_env",)


def test_a_diff_tells_what_came_went_and_changed():
    before = [package("gone"), package("kept"), package("newer"), package("rebuilt"), package("remade")]
    after = [
        package("came"),
        package("kept"),
        package("newer", "2.0"),
        package("rebuilt", build="1"),
        package("remade", sha256="b" * 64),
    ]
    diff = diff_packages(before, after)
    assert diff.lines() == (
        "+ came 1.0 0",
        "- gone 1.0 0",
        "~ newer 1.0 → 2.0",
        "~ rebuilt 1.0 0 → 1",
        "~ remade 1.0 0: built anew, aaaaaaaa → bbbbbbbb",
    )
    assert diff.summary() == "1 added, 1 removed, 3 changed"
    assert diff
    assert not diff_packages(before, before)
    assert diff_packages(before, before).summary() == "nothing changed"


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://u:p@h/t/tk-1/c/noarch/a.conda", "https://h/c/noarch/a.conda"),
        ("https://h:8080/c", "https://h:8080/c"),
        ("https://h/t", "https://h/t"),
        ("https://h/x/t/y", "https://h/x"),
        ("file:///t/x/y", "file:///t/x/y"),
    ],
)
def test_credentials_are_taken_out(url, clean):
    assert public_url(url) == clean


_segments = st.lists(
    st.text("abc -_.%#é", min_size=1, max_size=5).filter(lambda s: s.strip(".")), min_size=1, max_size=4
)


@given(_segments, _segments)
def test_relative_paths_lead_back(channel, folder):
    url, base = Path("/", *channel).as_uri(), Path("/", *folder)
    written = to_relative(url, base)
    assert written.startswith((".", ".."))
    assert from_relative(written, base) == url


def test_urls_stay_urls():
    assert to_relative("https://h/c", Path("/x")) == "https://h/c"
    assert from_relative("https://h/c", Path("/x")) == "https://h/c"


def test_a_package_url_is_split():
    assert split_package_url("https://h/c/noarch/a%2B-1-0.conda#md5") == ("https://h/c", "noarch", "a+-1-0.conda")
