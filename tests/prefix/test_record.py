from __future__ import annotations

import json

import pytest

from lite_env.errors import PrefixError
from lite_env.prefix.record import (
    is_prefix,
    read_own_record,
    read_packages,
    read_requested,
    read_variables,
    write_environment,
    write_package,
)
from tests.prefixes import Toy, make_prefix, put


def test_records_are_read_sorted_by_name(tmp_path):
    zlib = Toy(name="zlib", version="1.3", build="h1_2", depends=["b", "a"], files={"lib/z": "", "lib/a": ""})
    packages = read_packages(make_prefix(tmp_path, zlib, Toy(name="abc")))
    assert [package.name for package in packages] == ["abc", "zlib"]
    assert packages[1].files == ("lib/a", "lib/z")
    assert packages[1].depends == ("a", "b")
    assert packages[1].file_name == "zlib-1.3-h1_2.conda"
    assert len(packages[1].sha256) == 64


def test_a_record_of_micromamba_without_hash_and_file_name_is_read(tmp_path):
    record = {"name": "old", "version": "1", "build_string": "0", "build_number": 0, "files": []}
    put(tmp_path, "conda-meta/old-1-0.json", json.dumps(record))
    (package,) = read_packages(tmp_path)
    assert (package.sha256, package.file_name, package.subdir, package.build) == (None, "old-1-0.conda", "noarch", "0")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is JSON, but not an object"),
        ('{"version": "1", "build": "0"}', "incomplete or of a wrong type: 'name'"),
        ('{"name": 1, "version": "1", "build": "0"}', "expected a text, found 1"),
        ('{"name": "a", "version": "1", "build": "0", "files": [1]}', "expected a text, found 1"),
        ('{"name": "a", "version": "1", "build": "0", "build_number": "x"}', "wrong type"),
        ("[" * 5000 + "]" * 5000, "nested more than 100 deep"),
        (r'{"name": "\ud800", "version": "1", "build": "0"}', "half of a pair of surrogates"),
        ('{"name": "a", "version": "1", "build": "0", "build_number": ' + "1" * 5000 + "}", "a number of 5,000 digits"),
        (
            '{"name": "a", "version": "1", "build": "0", "depends": ["b ' + "(" * 5000 + '"]}',
            r"the dependency `b \(+… \(5,002 characters\)` has 5,002 characters, where 4,096 are the most",
        ),
    ],
)
def test_a_broken_record_is_named(tmp_path, text, reason):
    put(tmp_path, "conda-meta/a-1-0.json", text)
    with pytest.raises(PrefixError, match=reason) as caught:
        read_packages(tmp_path)
    assert dict(caught.value.context)["file"].endswith("a-1-0.json")
    assert caught.value.hint


def test_two_records_of_one_package_are_refused(tmp_path):
    make_prefix(tmp_path, Toy(name="a", version="1"), Toy(name="a", version="2"))
    with pytest.raises(PrefixError, match="two records describe the package 'a'"):
        read_packages(tmp_path)


def test_variables_are_read_and_unset_ones_are_not(tmp_path):
    assert read_variables(tmp_path) == ()
    put(tmp_path, "conda-meta/state", json.dumps({"env_vars": {"B": "2", "A": "", "C": "***unset***"}}))
    assert read_variables(tmp_path) == (("A", ""), ("B", "2"))
    put(tmp_path, "conda-meta/state", "{}")
    assert read_variables(tmp_path) == ()


def test_a_variable_with_credentials_is_not_published(tmp_path):
    put(tmp_path, "conda-meta/state", json.dumps({"env_vars": {"INDEX": "https://me:pw@host/simple"}}))
    with pytest.raises(PrefixError, match="the variable INDEX holds an address with credentials") as caught:
        read_variables(tmp_path)
    assert "pw" not in f"{caught.value} {caught.value.hint} {caught.value.context}"


@pytest.mark.parametrize("variables", [["A"], {"A": 1}, "A=1"])
def test_wrong_variables_are_refused(tmp_path, variables):
    put(tmp_path, "conda-meta/state", json.dumps({"env_vars": variables}))
    with pytest.raises(PrefixError, match="variables of the environment are not texts by name"):
        read_variables(tmp_path)


class TestRequested:
    def test_out_of_records_of_rattler(self, tmp_path):
        make_prefix(
            tmp_path,
            Toy(name="numpy", record={"requested_specs": ["numpy >=1.25", "numpy"]}),
            Toy(name="python", record={"requested_spec": "python 3.11.*"}),
            Toy(name="zlib", record={"requested_spec": "None"}),
            Toy(name="xz", record={"requested_specs": []}),
        )
        assert read_requested(tmp_path) == ("numpy", "numpy >=1.25", "python 3.11.*")

    @pytest.mark.parametrize(
        ("history", "requested"),
        [
            ('# update specs: ["numpy", "python=3.11"]\n', ("numpy", "python=3.11")),
            ("# update specs: ['numpy[version=1]']\n# remove specs: ['numpy']\n", ()),
            ("# install specs: numpy,zlib\n# update specs: ['numpy>=2']\n", ("numpy>=2", "zlib")),
            ("==> 2023-12-13 <==\n# cmd: micromamba create\n+conda-forge::zlib-1\n", ()),
            ("# update specs: [\n# neutered specs: ['a']\n", ()),
            ("# update specs: ['conda-forge::numpy']\n# remove specs: ['numpy']\n", ()),
            (
                "# update specs: ['https://u:p@h/c::numpy>=2', 'zlib[channel=https://h/t/k/c]']\n",
                ("numpy>=2", "zlib"),
            ),
            ("", ()),
        ],
    )
    def test_out_of_condas_history(self, tmp_path, history, requested):
        put(tmp_path, "conda-meta/history", history)
        assert read_requested(tmp_path) == requested

    def test_our_own_record_comes_first(self, tmp_path):
        put(tmp_path, "conda-meta/history", "# update specs: ['a']\n")
        write_environment(tmp_path, name="n", lock_digest="d", requested=["z", "b"], variables={})
        assert read_requested(tmp_path) == ("b", "z")


def test_what_is_written_is_read(tmp_path):
    (package,) = read_packages(make_prefix(tmp_path / "a", Toy(name="a", depends=["b"], files={"x": ""})))
    write_package(tmp_path / "b", package)
    assert read_packages(tmp_path / "b") == (package,)
    write_environment(tmp_path / "b", name="n", lock_digest="d", requested=["a"], variables={"V": "\N{SNOWMAN}"})
    assert read_variables(tmp_path / "b") == (("V", "\N{SNOWMAN}"),)
    assert read_own_record(tmp_path / "b") == {"name": "n", "lock_digest": "d", "requested": ["a"], "version": 1}
    # conda and mamba look for this one.
    assert (tmp_path / "b/conda-meta/history").read_text() == ""
    assert read_packages(tmp_path / "b") == (package,)


def test_a_prefix_is_a_folder_with_conda_meta(tmp_path):
    assert not is_prefix(tmp_path)
    (tmp_path / "conda-meta").mkdir()
    assert is_prefix(tmp_path)
    assert read_own_record(tmp_path) is None


def test_requested_specs_that_are_no_list_are_refused(tmp_path):
    put(tmp_path, "conda-meta/a-1-0.json", '{"requested_specs": 1}')
    with pytest.raises(PrefixError, match="'requested_specs' is not a list of match specs"):
        read_requested(tmp_path)


def test_condas_history_is_not_evaluated(tmp_path):
    put(
        tmp_path,
        "conda-meta/history",
        "# update specs: [" + "-" * 100_000 + "1]\n# update specs: ['a >=1', \"b\"]\n# install specs: [" * 2,
    )
    assert read_requested(tmp_path) == ("a >=1", "b")
