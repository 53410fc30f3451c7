"""Whatever a recipe has comes to the new one, or is refused or noted by its line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_env.recipe.convert import recipe as module
from lite_env.recipe.convert.output import OutTable
from lite_env.recipe.convert.work import convert_text

SECTIONS = {
    "package": ("name", "version", "extra"),
    "source": (
        "url",
        "fn",
        "md5",
        "sha256",
        "git_url",
        "git_rev",
        "git_depth",
        "folder",
        "patches",
        "path",
        "sha1",
        "odd",
    ),
    "build": (
        *("number", "string", "script", "noarch", "skip", "entry_points", "script_env", "run_exports", "rpaths", "odd"),
        *("ignore_run_exports", "missing_dso_whitelist", "features", "no_link", "has_prefix_files", "osx_is_app"),
        *("pre-link", "force_use_keys", "binary_relocation", "error_overlinking", "detect_binary_files_with_prefix"),
    ),
    "requirements": ("build", "host", "run", "run_constrained", "conflicts", "odd"),
    "test": ("imports", "commands", "requires", "files", "source_files", "downstreams", "odd"),
    "about": ("home", "license", "summary", "description", "dev_url", "doc_url", "keywords", "license_file", "odd"),
    "extra": ("recipe-maintainers", "odd"),
    "odd": ("odd",),
}
SELECTORS = ("", "", "", "  # [win]", "  # [not win]", "  # [py<38]", "  # [linux and mpi == 'a']", "  # [nomkl]")
FORMS = (
    "{}",
    "{}",
    "{}",
    '"{}"',
    "https://example.org/{}",
    "{} >=1.2",
    "true",
    "{{{{ name }}}}-{}",
    "{} {{{{ version.title() }}}}",
)


@dataclass(frozen=True, kw_only=True)
class Said:
    """A word of the old recipe, and where it stands."""

    word: str
    line: int
    key: str


@st.composite
def recipes(draw) -> tuple[str, list[Said]]:
    lines = ['{% set name = "thename" %}', '{% set version = "1.0" %}']
    said: list[Said] = []

    def put(start: str, key: str, selector: str = "") -> None:
        form = draw(st.sampled_from(FORMS))
        word = f"word{len(lines)}end"
        lines.append(f"{start}{form.format(word)}{selector}")
        if "{}" in form:
            said.append(Said(word=word, line=len(lines), key=key))

    for section in draw(st.lists(st.sampled_from(sorted(SECTIONS)), unique=True, min_size=1, max_size=5)):
        lines.append(f"{section}:")
        keys = draw(st.lists(st.sampled_from(SECTIONS[section]), unique=True, min_size=1, max_size=6))
        for key in keys:
            selector = draw(st.sampled_from(SELECTORS))
            if draw(st.booleans()):
                put(f"  {key}: ", f"{section}.{key}", selector)
                continue
            lines.append(f"  {key}:")
            for number in range(draw(st.integers(1, 3))):
                put("    - ", f"{section}.{key}[{number}]", draw(st.sampled_from(SELECTORS)))
    return "\n".join(lines) + "\n", said


def lost(text: str, said: list[Said]) -> list[Said]:
    new, refusals, notes = convert_text(text, "conda-build")
    lines = {each.line for each in (*refusals, *notes)}
    keys = [each.key for each in refusals if each.key]
    return [
        each
        for each in said
        if each.word not in new
        and each.line not in lines
        and not any(each.key == key or each.key.startswith((f"{key}.", f"{key}[")) for key in keys)
    ]


@settings(max_examples=300, deadline=None)
@given(recipes())
def test_every_value_is_converted_or_refused(recipe):
    text, said = recipe
    assert lost(text, said) == []


def test_a_section_that_the_conversion_forgets_is_refused(monkeypatch):
    real = module._body

    def forgetful(*arguments):
        made = real(*arguments)
        return {**made, "tests": None, "extra": OutTable(pairs=())}

    text = "package:\n  name: a\n  version: 1.0.0\ntest:\n  imports:\n    - a.b\nextra:\n  k: v\n"
    assert convert_text(text, "conda-build")[1] == ()
    monkeypatch.setattr(module, "_body", forgetful)
    _, refusals, _ = convert_text(text, "conda-build")
    assert [(each.line, each.key, each.why) for each in refusals] == [
        (6, "test.imports[0]", "nothing was made of it"),
        (8, "extra.k", "nothing was made of it"),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_change_nothing(ending):
    head = "{% set v = '1.0' %}\npackage:\n  name: a\n  version: {{ v }}  # [win]\n"
    text = f"{head}requirements:\n  run:\n    - b  # [win]\n"
    assert convert_text(text.replace("\n", ending), "conda-build") == convert_text(text, "conda-build")
