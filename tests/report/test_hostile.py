"""Names with markup, control characters and no end, in every place that a package can put one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import pytest
from markdown_it import MarkdownIt

from lite_env.report.budget import budget_lines, check_budget
from lite_env.report.cyclonedx import cyclonedx
from lite_env.report.difference import compare
from lite_env.report.html import report_html
from lite_env.report.markdown import code, diff_markdown, report_markdown
from lite_env.report.model import Filtered
from lite_env.report.size import measure
from lite_env.report.subject import Root, read_subject
from lite_env.report.text import diff_lines, list_lines, report_lines
from lite_env.store.plain import plain
from tests.frozen import PACKS
from tests.hostile_text import EVIL, evil
from tests.locks import science

ALLOWED = {"h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "details", "summary"}


@pytest.fixture(scope="module")
def hostile():
    """A pack in which every text that a stranger has written is hostile, and a report of it."""
    subject = read_subject(PACKS / "2.0/python")
    report = measure(subject)
    count = iter(range(10**6))

    def spoil(value):
        if isinstance(value, dict):
            return {
                key: each if key in ("kind", "load", "what", "format") else spoil(each) for key, each in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [spoil(each) for each in value]
        return evil(value, next(count)) if isinstance(value, str) else value

    spoiled = msgspec.convert(spoil(msgspec.to_builtins(report)), type(report))
    spoiled = msgspec.structs.replace(
        spoiled,
        # Files, so that there are folders with such names too.
        files=tuple(
            msgspec.structs.replace(file, path=evil(f"/{file.path}", number))
            for number, file in enumerate(report.files)
        ),
        filtered=tuple(Filtered(rule=text, reason=text, files=1, size=1) for text in EVIL),
        archives=report.archives,
    )
    packages = tuple(
        replace(package, version=evil("1", number), build=EVIL[-number % len(EVIL)], license=evil("MIT", number + 1))
        for number, package in enumerate(subject.packages)
    )
    roots = tuple(Root(spec=text, name=text) for text in EVIL)
    return replace(subject, name=EVIL[0], packages=packages, roots=roots), spoiled


def everything(hostile):
    subject, report = hostile
    difference = compare(measure(read_subject(PACKS / "2.0/kernels")), report)
    return subject, report, difference


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def tags_of(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    parser.close()
    return parser


def test_a_terminal_obeys_nothing(hostile):
    subject, report, difference = everything(hostile)
    answer = check_budget(report, 1)
    lines = [
        *list_lines(subject, report),
        *report_lines(report, difference),
        *diff_lines(difference),
        *budget_lines(answer),
    ]
    assert any("\\x1b" in line for line in lines)
    for line in lines:
        assert line == plain(line)
        assert "\n" not in line
        assert "\t" not in line


def test_a_page_holds_no_element_and_no_attribute_of_a_strangers(hostile):
    _, report, difference = everything(hostile)
    page = tags_of(report_html(report, difference))
    kinds = {tag for tag, _ in page.tags}
    assert kinds.isdisjoint({"img", "svg", "a", "iframe", "object", "form", "base"})
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    names = {name for _, attributes in page.tags for name, _ in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("href", "src", "style")} - {"href"}
    assert [attributes for tag, attributes in page.tags if "href" in dict(attributes)] == [
        (("rel", "icon"), ("href", "data:,"))
    ]
    assert any("<script>alert(1)</script>" in text for text in page.texts)
    # And a browser is told so.
    (policy,) = (dict(attributes)["content"] for tag, attributes in page.tags if dict(attributes).get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_the_data_of_a_page_is_read_back_as_it_was(hostile):
    _, report, _ = everything(hostile)
    page = report_html(report)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    value = json.loads(data)
    assert value["name"].startswith("<script>alert(1)</script>")

    def leaves(inside):
        for each in inside:
            yield from [each] if len(each) == 4 else leaves(each[1])

    assert sum(leaf[2] for leaf in leaves(value["packages"])) == sum(file.packed for file in report.files)


def test_markdown_shows_text_as_text(hostile):
    _, report, difference = everything(hostile)
    for text in (report_markdown(report, difference), diff_markdown(difference)):
        page = tags_of(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))
        assert {tag for tag, _ in page.tags} <= ALLOWED
        assert {name for _, attributes in page.tags for name, _ in attributes} <= {"style"}
        whole = "".join(page.texts)
        assert "<script>alert(1)</script>" in whole
        assert "@someone" in whole
        # Each row has as many cells as its table's head: no pipe of a stranger's has made one.
        rows = [line for line in text.split("\n") if line.startswith("|")]
        assert all(len(re.findall(r"(?<!\\)\|", row)) in (3, 4, 5, 6) for row in rows)


@pytest.mark.parametrize("text", [*EVIL, "numpy", "1.0 py_0", "a`b"])
def test_code_is_one_code_element_with_the_text_in_it(text):
    page = tags_of(
        MarkdownIt("commonmark", {"html": True}).enable("table").render(f"| x |\n| --- |\n| {code(text)} |\n")
    )
    assert [tag for tag, _ in page.tags] == ["table", "thead", "tr", "th", "tbody", "tr", "td", "code"]
    shown = plain(text.replace("\n", "\\n").replace("\t", "\\t")).strip()
    assert "".join(page.texts).split("x", 1)[1].strip() == shown


def test_a_bill_of_materials_stays_json(hostile):
    subject, _ = hostile
    document = json.loads(cyclonedx(subject))
    assert document["metadata"]["component"]["name"] == EVIL[0]
    assert any(
        component["licenses"][0].get("license", {}).get("name", "").startswith("<")
        for component in document["components"]
    )


def test_a_path_without_end_is_drawn(hostile):
    _, report = hostile
    deep = msgspec.structs.replace(report, files=(msgspec.structs.replace(report.files[0], path="a/" * 5000 + "b"),))
    assert "a/a/a" in report_html(deep)


WORDS = [
    ("list", "LOCK", "--json"),
    ("tree", "LOCK", "--json"),
    ("why", "python", "LOCK"),
    ("diff", "LOCK", "PACK", "--format", "markdown"),
    ("report", "PACK", "--format", "html"),
    ("report", "PACK", "--json"),
    ("export", "LOCK", "--format", "cyclonedx"),
    ("export", "PACK", "--format", "cyclonedx"),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_answers_are_the_same_in_another_folder_and_with_another_hash_seed(tmp_path, words):
    import shutil  # noqa: PLC0415

    answers = set()
    for seed, name in (("1", "here"), ("77", "there/further")):
        folder = tmp_path / name
        places = {"LOCK": str(science(folder / "conda-lock.yml")), "PACK": str(folder / "pack")}
        shutil.copytree(PACKS / "2.0/kernels", folder / "pack")
        done = subprocess.run(
            [sys.executable, "-m", "lite_env", *(places.get(word, word) for word in words)],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC{seed[0]}", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        )
        answers.add(done.stdout)
    assert len(answers) == 1
    assert str(tmp_path).encode() not in answers.pop()
