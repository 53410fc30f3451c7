"""Lines of a pip section, one by one, and the files that they lead to."""

from __future__ import annotations

import pytest

from lite_env.errors import SpecError
from lite_env.lock.uv import uv_environment
from lite_env.spec.pip import Option, PipLineError, Wanted, parse_line, split_git
from lite_env.spec.pip_reader import PipLine, read_section

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", None),
        ("   # a comment", None),
        ("Foo.Bar", Wanted(name="foo-bar")),
        ("foo[B_c,a]>=1,<2 # why", Wanted(name="foo", extras=("a", "b-c"), versions="<2,>=1")),
        ("foo; sys_platform == 'win32'", Wanted(name="foo", marker='sys_platform == "win32"')),
        (f"foo==1 --hash=sha256:{DIGEST}", Wanted(name="foo", versions="==1", hashes=(DIGEST,))),
        ("foo @ https://h/foo-1-py3-none-any.whl", Wanted(name="foo", place="https://h/foo-1-py3-none-any.whl")),
        ("foo-1-py3-none-any.whl", Wanted(place="foo-1-py3-none-any.whl")),
        ("./a[x] ; os_name == 'nt'", Wanted(place="./a", extras=("x",), marker='os_name == "nt"')),
        ("-e .", Wanted(place=".", editable=True)),
        ("--editable=./a b", Wanted(place="./a b", editable=True)),
        ("-rfile.txt", Option(name="--requirement", value="file.txt")),
        ("-r 'a b.txt'", Option(name="--requirement", value="a b.txt")),
        ("--index-url=https://h/simple", Option(name="--index-url", value="https://h/simple")),
        ("--pre", Option(name="--pre")),
        ("--only-binary :all:", None),
        ("git+ssh://git@h/p@v1", Wanted(place="git+ssh://git@h/p@v1")),
    ],
)
def test_a_line_means(line, expected):
    assert parse_line(line) == expected


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("foo bar", "is no requirement"),
        ("foo>=1=2", "is no requirement"),
        ("foo; sys_platform = 'x'", "is no requirement"),
        ("./a ; nothing", "is no marker"),
        ("${TOKEN}", "names an environment variable"),
        ("-i https://user:secret@h/simple", "holds credentials"),
        ("git+https://secret@h/p", "holds credentials"),
        ("foo @ https://user:secret@h/foo-1-py3-none-any.whl", "holds credentials"),
        ("--no-binary foo", "has no meaning here"),
        ("--trusted-host h", "has no meaning here"),
        ("-r", "needs exactly one value"),
        ("-r 'a", "has a quote that is not closed"),
        ("--pre x", "needs no value"),
        ("foo-1.tar.gz", "is a source archive"),
        ("https://h/foo-1.tar.gz", "is a source archive"),
        ("./foo.zip", "is a source archive"),
        ("hg+https://h/p", "is no git repository"),
        ("https://h/foo", "is no wheel's address"),
        ("-e foo", "names no project here"),
        ("foo --hash=md5:00", "is no SHA-256"),
        ("a" * 5000, "has 5,000 characters"),
    ],
)
def test_what_is_refused(line, says):
    with pytest.raises(PipLineError, match=says) as caught:
        parse_line(line)
    assert caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git+https://h/g/p.git", ("https://h/g/p.git", "", "", None)),
        ("git+https://h/p@v1#egg=A_b&subdirectory=x/y", ("https://h/p", "v1", "x/y", "a-b")),
        ("git+ssh://git@h/p@feature/x", ("ssh://git@h/p", "feature/x", "", None)),
        ("git+file:///p", ("file:///p", "", "", None)),
    ],
)
def test_the_parts_of_a_repositorys_address(address, expected):
    assert split_git(address) == expected


@pytest.mark.parametrize(
    "address",
    ["git+https://h", "git+ext::sh -c x", "git+https://h/p@--upload-pack=x", "git+https://h/p#subdirectory=../x"],
)
def test_addresses_that_git_is_not_given(address):
    with pytest.raises(PipLineError):
        split_git(address)


def refused(tmp_path, *lines):
    with pytest.raises(SpecError) as caught:
        read_section(
            [PipLine(text=line, file=tmp_path / "environment.yml", line=n) for n, line in enumerate(lines, 7)], tmp_path
        )
    return caught.value


def test_files_that_lead_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x\n-r b.txt\n")
    (tmp_path / "b.txt").write_text("-r a.txt\n")
    error = refused(tmp_path, "-r a.txt")
    assert "leads back to itself" in error.message
    assert dict(error.context) == {"file": str(tmp_path / "b.txt"), "line": 1}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-r nowhere.txt", "the requirements file 'nowhere.txt' cannot be read"),
        ("./nowhere", "'./nowhere' is neither a wheel nor a folder"),
        ("./x-1-py3-none-any.whl", "the wheel './x-1-py3-none-any.whl' is not there"),
        ("./empty", "has neither a pyproject.toml, nor a setup.py, nor wheels"),
        ("--find-links ./nowhere", "the folder of wheels './nowhere' is not there"),
        ("-i nowhere", "is not one of http or https"),
        ("-c constraints.txt", "a constraint is neither an address nor a path"),
    ],
)
def test_what_is_not_there_is_told_with_its_line(tmp_path, line, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "constraints.txt").write_text("./x\n")
    error = refused(tmp_path, "six", line)
    assert says in error.message
    assert dict(error.context)["line"] in (8, 1)


def test_uv_sees_how_to_reach_an_index_and_no_other_setting():
    variables = {
        "PATH": "/bin", "UV_DEFAULT_INDEX": "https://h", "UV_INDEX_A_PASSWORD": "p", "UV_PYTHON": "3.9",
        "UV_CONSTRAINT": "x", "PIP_INDEX_URL": "y", "VIRTUAL_ENV": "/v", "HTTPS_PROXY": "z",
    }  # fmt: skip
    kept = uv_environment(variables)
    assert {"PATH", "UV_DEFAULT_INDEX", "UV_INDEX_A_PASSWORD", "HTTPS_PROXY"} <= kept.keys()
    assert not {"UV_PYTHON", "UV_CONSTRAINT", "PIP_INDEX_URL", "VIRTUAL_ENV"} & kept.keys()
