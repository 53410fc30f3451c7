from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import SpecError
from lite_env.spec.address import Channel
from lite_env.spec.environment import find_environment_file, parse_environment, read_environment
from lite_env.spec.model import DEFAULT_CHANNELS

FILE = Path("project/environment.yml")
MINIMAL = {"name": "name: x", "channels": "channels: [./c]", "dependencies": "dependencies: [numpy]"}


def parse(text: str, **options):
    return parse_environment(textwrap.dedent(text), file=FILE, **options)


def document(**sections: str) -> str:
    return "\n".join({**MINIMAL, **sections}.values()) + "\n"


def refused(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert dict(caught.value.context)["file"] == str(FILE)
    return caught.value


def test_a_whole_file_is_read():
    spec = parse(
        """\
        name: demo
        channels:
          - ../channel
          - https://prefix.dev/conda-forge/
          - nodefaults
        dependencies:
          - python   3.11.*
          - numpy >=1.25,<2
          - conda-forge::six
        variables:
          ZED: "1"
          ALPHA: two words
        category: demo
        platforms: [emscripten-wasm32]
        """
    )
    assert spec.name == "demo"
    assert tuple(map(str, spec.channels)) == ((Path.cwd() / "channel").as_uri(), "https://prefix.dev/conda-forge")
    assert [(r.text, r.match, r.channel, r.line) for r in spec.requirements] == [
        ("python 3.11.*", "python 3.11.*", None, 7),
        ("numpy >=1.25,<2", "numpy >=1.25,<2", None, 8),
        ("conda-forge::six", "six", Channel("https://prefix.dev/conda-forge"), 9),
    ]
    assert spec.variables == (("ALPHA", "two words"), ("ZED", "1"))
    assert (spec.file, spec.warnings, spec.notes) == (FILE, (), ())


@pytest.mark.parametrize("text", ["", "# only a comment\n", "null\n"])
def test_an_empty_file_is_refused(text):
    assert "is empty" in refused(text).message


def test_a_file_that_is_no_mapping_is_refused():
    assert "is a list where a mapping is expected" in refused("- numpy\n").message


def test_broken_yaml_names_the_line():
    error = refused("name: x\ndependencies: [a\nchannels: [b]\n")
    assert "not valid YAML" in error.message
    assert dict(error.context)["line"] == 3


def test_a_key_that_stands_twice_names_both_lines():
    error = refused("name: x\ndependencies: [a]\nname: y\n")
    assert error.message == "`name` stands twice: in line 1 and in line 3"
    assert dict(error.context)["line"] == 3


def test_a_nested_key_that_stands_twice_is_refused():
    assert "`A` stands twice" in refused(document(variables="variables:\n  A: x\n  A: y")).message


def test_unknown_sections_are_told_with_line_and_closest_match():
    (warning,) = parse(document(extra="variabels: {A: x}")).warnings
    assert warning == f"{FILE}, line 4: the section `variabels` is not known and is ignored; did you mean `variables`?"


def test_prefix_is_ignored_with_a_warning():
    (warning,) = parse(document(prefix="prefix: /opt/env")).warnings
    assert "line 4: `prefix` is ignored" in warning


@pytest.mark.parametrize("name", ["", "name:"])
def test_a_missing_name_is_the_folder(name):
    spec = parse(document(name=name))
    assert spec.name == "project"
    assert "`name` is missing; the folder's name `project` is taken" in spec.warnings[0]


def test_a_folder_whose_name_cannot_be_a_name_is_changed():
    assert parse_environment(document(name=""), file=Path("my project #1/e.yml")).name == "my-project--1"


@pytest.mark.parametrize(
    ("written", "read_as"), [("no", "true or false"), ("3.10", "a number"), ("2024-01-01", "a date"), ("7", "a number")]
)
def test_a_name_that_yaml_does_not_read_as_a_string_is_refused(written, read_as):
    error = refused(document(name=f"name: {written}"))
    assert error.message == f"`name`: YAML reads {written} as {read_as}, not as a string"
    assert error.hint == f'quote it: "{written}"'


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "'a#b'", "''", "base", "root"])
def test_bad_names_are_refused(name):
    assert "name" in refused(document(name=f"name: {name}")).message


@pytest.mark.parametrize("written", ["3.10", "1.0e+3", "yes", "2024-01-01"])
def test_an_unquoted_dependency_keeps_its_text_in_the_complaint(written):
    error = refused(document(dependencies=f"dependencies:\n  - numpy\n  - {written}"))
    assert f"YAML reads {written} as" in error.message
    assert dict(error.context)["line"] == 5


@pytest.mark.parametrize("channels", ["", "channels:", "channels: []"])
def test_without_channels_the_defaults_are_taken_and_told(channels):
    spec = parse(document(channels=channels))
    assert tuple(map(str, spec.channels)) == DEFAULT_CHANNELS
    assert DEFAULT_CHANNELS[0] in spec.notes[0]


def test_nodefaults_alone_leaves_no_channel():
    error = refused(document(channels="channels: [nodefaults]"))
    assert "no channel to take packages from" in error.message
    assert DEFAULT_CHANNELS[0] in error.hint


def test_a_channel_that_is_listed_twice_counts_once():
    spec = parse(document(channels="channels: [./c, ./x/../c]"))
    assert spec.channels == (Channel((Path.cwd() / "project/c").as_uri()),)
    assert "listed twice" in spec.warnings[0]


def test_a_scalar_in_place_of_the_list_of_channels():
    error = refused(document(channels="channels: conda-forge"))
    assert error.hint == "write it as a list: `- conda-forge`"


def test_a_channel_that_is_nothing():
    assert "neither a channel's name nor a URL nor a path" in refused(document(channels='channels: ["a b"]')).message


def test_a_folder_that_is_written_like_a_name_is_told(tmp_path):
    (tmp_path / "mine").mkdir()
    spec = parse_environment(document(channels="channels: [mine]"), file=tmp_path / "environment.yml")
    assert spec.channels == (Channel("https://conda.anaconda.org/mine"),)
    assert "write `./mine`" in spec.warnings[0]


def test_other_channels_can_be_given():
    assert parse(document(channels=""), channels=("/a",)).channels == ("/a",)


def test_the_pip_section_is_read_with_its_lines():
    section = parse(document(dependencies="dependencies:\n  - numpy\n  - pip:\n    - Six_Pack>=1  # why")).pip
    assert [(each.text, each.kind, each.line) for each in section.requirements] == [("six-pack>=1", "index", 6)]


def test_an_unknown_subsection_is_refused():
    error = refused(document(dependencies="dependencies:\n  - numpy: 1.25"))
    assert error.message == "the section `numpy` of `dependencies` is not known"
    assert error.hint == 'if a package is meant, write it as one string: `- numpy` or `- "numpy >=1.0"`'


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("", "`dependencies` is missing"),
        ("dependencies:", "`dependencies` is missing"),
        ("dependencies: []", "asks for no package"),
        ("dependencies: numpy", "is a string where a list is expected"),
        ("dependencies: [[numpy]]", "a dependency is a list where a string is expected"),
        ("dependencies: ['']", "a dependency is empty"),
        ("dependencies: ['c::']", "a dependency is empty"),
    ],
)
def test_dependencies_that_say_nothing(section, message):
    assert message in refused(document(dependencies=section)).message


@pytest.mark.parametrize("spec", ["./c/noarch::six", "./c[noarch]::six"])
def test_a_subdir_may_stand_behind_the_channel(spec):
    (requirement,) = parse(document(dependencies=f'dependencies: ["{spec}"]')).requirements
    assert (requirement.channel, requirement.subdir) == (Channel((Path.cwd() / "project/c").as_uri()), "noarch")
    assert requirement.match == "six"


def test_a_subdir_of_another_machine_is_refused():
    error = refused(document(dependencies='dependencies: ["./c/linux-64::six"]'))
    assert "asks for linux-64, which cannot run in a browser" in error.message


def test_a_channel_of_a_dependency_must_be_listed():
    error = refused(document(dependencies='dependencies: ["conda-forge::six"]'))
    assert (
        error.message
        == "`conda-forge::six` asks for the channel https://conda.anaconda.org/conda-forge, which is not listed"
    )
    assert dict(error.context)["line"] == 3


def test_defaults_in_front_of_a_dependency_is_ambiguous():
    assert "several channels" in refused(document(dependencies='dependencies: ["defaults::six"]')).message


def test_variables_that_are_no_strings_keep_what_was_written():
    spec = parse(document(variables="variables:\n  A: 3.10\n  B: yes\n  C: 007\n  D: text"))
    assert dict(spec.variables) == {"A": "3.10", "B": "yes", "C": "007", "D": "text"}
    assert [w.rpartition("quote it: ")[2] for w in spec.warnings] == ['"3.10"', '"yes"', '"007"']


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("variables: [A]", "is a list where a mapping is expected"),
        ("variables: {1A: x}", "cannot be the name of an environment variable"),
        ("variables: {A: [x]}", "the variable A is a list where a string is expected"),
        ("variables: {1: x}", "YAML reads 1 as a number"),
    ],
)
def test_variables_that_cannot_be(section, message):
    assert message in refused(document(variables=section)).message


def test_platforms():
    assert "`noarch` is not a platform" in refused(document(platforms="platforms: [noarch]")).message
    (warning,) = parse(document(platforms="platforms: [linux-64]")).warnings
    assert "does not list emscripten-wasm32" in warning


def test_comment_selectors_choose_lines_and_keep_the_others_numbers():
    spec = parse(
        """\
        name: x
        channels: [./c]
        dependencies:
          - pywin32  # [win]
          - pexpect  # [unix]
          - numpy  # [not emscripten or (linux and x64)]
          - six  # [see the docs]
        """
    )
    assert [(r.text, r.line) for r in spec.requirements] == [("pexpect", 5), ("six", 7)]
    (warning,) = spec.warnings
    assert "line 7: `# [see the docs]` looks like a selector" in warning


def test_key_selectors_choose_entries():
    spec = parse(document(dependencies="dependencies:\n  - sel(win): pywin32\n  - sel(unix): pexpect\n  - numpy"))
    assert [r.text for r in spec.requirements] == ["pexpect", "numpy"]
    assert "cannot be understood" in refused(document(dependencies="dependencies: [{sel(moon): a}]")).message


def test_both_file_names_are_refused(tmp_path):
    (tmp_path / "environment.yaml").write_text(document())
    assert find_environment_file(tmp_path) == tmp_path / "environment.yaml"
    (tmp_path / "environment.yml").write_text(document())
    with pytest.raises(SpecError, match=r"both environment\.yml and environment\.yaml"):
        find_environment_file(tmp_path)


def test_no_file_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"no environment\.yml here"):
        find_environment_file(tmp_path)
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_environment(tmp_path / "environment.yml")


def test_a_file_that_is_not_utf8(tmp_path):
    path = tmp_path / "environment.yml"
    path.write_bytes("name: é".encode("latin-1"))
    with pytest.raises(SpecError, match="not UTF-8"):
        read_environment(path)


def test_a_byte_order_mark_and_dos_lines_are_read(tmp_path):
    path = tmp_path / "environment.yml"
    path.write_bytes(b"\xef\xbb\xbf" + document().replace("\n", "\r\n").encode())
    assert read_environment(path).name == "x"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        parse_environment(text, file=FILE)
    except SpecError as error:
        assert error.message  # noqa: PT017 - either way is right, nothing else is


def test_names_that_are_too_long_for_any_folder_are_answers(tmp_path):
    spec = parse(document(channels=f"channels: [{'c' * 5000}]"))
    assert spec.channels[0].name == "c" * 5000


def test_what_a_stranger_wrote_is_text_in_messages():
    odd = "{0.__class__}%s%n[red]x[/]"
    fault = refused(document(variables=f"variables: {{'{odd}': x}}"))
    assert fault.message == f"'{odd}' cannot be the name of an environment variable"


@pytest.mark.parametrize(("letter", "most"), [("n", 200), ("ü", 100)])
def test_a_name_that_no_folder_can_have_is_refused_where_it_stands(tmp_path, letter, most):
    text = "# mine\nname: {}\ndependencies: [numpy]\n"
    assert parse_environment(text.format(letter * most), file=tmp_path / "e.yml").name == letter * most
    with pytest.raises(SpecError, match="has more than 200 bytes, too many for a folder's name") as caught:
        parse_environment(text.format(letter * (most + 1)), file=tmp_path / "e.yml")
    assert dict(caught.value.context)["line"] == 2
    assert caught.value.hint == "give the environment a shorter `name`"


def test_a_folder_whose_name_is_too_long_for_an_environment_is_told(tmp_path):
    with pytest.raises(SpecError, match="has more than 200 bytes") as caught:
        parse_environment("dependencies: [numpy]\n", file=tmp_path / ("n" * 201) / "environment.yml")
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["timestamp", "bool", "int"])
def test_a_tag_that_does_not_fit_is_to_be_removed(tmp_path, kind):
    with pytest.raises(SpecError, match=f"`x` is of the type {kind}, and it is not") as caught:
        parse_environment(f"name: !!{kind} x\ndependencies: [numpy]\n", file=tmp_path / "e.yml")
    assert caught.value.hint == f"remove the tag `!!{kind}`"
