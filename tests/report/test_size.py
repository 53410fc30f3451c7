"""Figures: they add up, and are those of the files that lie there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import LiteEnvError, ReportError
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import Opened, make_profile
from lite_env.pack.reader import read_manifest
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.report.budget import budget_lines, check_budget
from lite_env.report.difference import compare
from lite_env.report.earlier import read_earlier, read_filtered
from lite_env.report.size import measure, share_out
from lite_env.report.subject import read_subject
from lite_env.report.table import change_text, columns, size_text
from lite_env.report.text import diff_lines
from tests.frozen import PACKS
from tests.locks import conda, write
from tests.prefixes import SITE, Toy, kernel_package, make_prefix, python_package

ALL = sorted(path for path in PACKS.glob("*/*") if path.is_dir())
PACK, KERNELS, UNTRACED = PACKS / "2.0/python", PACKS / "2.0/kernels", PACKS / "2.0/lua"


@given(total=st.integers(0, 2**40), weights=st.lists(st.integers(1, 2**32), min_size=1))
def test_shares_add_up_and_none_is_far_from_its_part(total, weights):
    shares = share_out(total, weights)
    assert sum(shares) == total
    assert all(
        abs(share - total * weight / sum(weights)) <= 1 + total / 2**40
        for share, weight in zip(shares, weights, strict=True)
    )


@pytest.mark.parametrize("pack", ALL, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_parts_add_up_to_what_lies_in_the_pack(pack):
    report = measure(read_subject(pack))
    stored = {path.relative_to(pack).as_posix(): path.stat().st_size for path in pack.rglob("*") if path.is_file()}
    holding = {file.archive for file in report.files} - {None}
    for position in holding:
        shares = sum(file.packed for file in report.files if file.archive == position)
        assert (
            shares == report.archives[position].packed == stored[f"archives/{report.archives[position].digest}.tar.zst"]
        )
    for kernel in report.kernels:
        assert kernel.files
        assert all(stored[file.path] == file.size for file in kernel.files)
    contents = json.loads(pack.with_name(f"{pack.name}.files.json").read_text("utf-8"))
    regular = {path for path, what in contents.items() if isinstance(what, str)}
    packed = {file.path for file in report.files if not file.path.endswith(".pyc")}
    assert packed <= regular
    assert sum(package.files for package in report.packages) == sum(file.package is not None for file in report.files)
    assert sum(package.packed for package in report.packages) <= report.packed


def test_a_start_costs_what_it_loads_and_each_kernel_its_own():
    report, manifest = measure(read_subject(KERNELS)), read_manifest(KERNELS)
    by_name = {kernel.name: kernel for kernel in report.kernels}
    assert by_name["xlua"].size < by_name["xpython"].size
    for kernel in manifest.kernels:
        asked = {file.path for file in by_name[kernel.name].files}
        archives = {manifest.archives[position].path for position in kernel.start.all}
        assert asked == {"manifest.json", manifest.index.path, *archives, *(file.path for file in kernel.binaries)}
        assert by_name[kernel.name].traced
    assert not any(kernel.traced for kernel in measure(read_subject(UNTRACED)).kernels)


def test_a_pack_is_checked_while_it_is_measured(tmp_path):
    pack = toy_pack(tmp_path)
    archive = max((pack / "archives").iterdir(), key=lambda path: path.stat().st_size)
    archive.write_bytes(archive.read_bytes()[:-1] + b"\0")
    with pytest.raises(LiteEnvError, match="is not the file that the manifest names"):
        measure(read_subject(pack))


def toy_pack(folder, name="toys", **files):
    """A traced pack of a kernel, its Python and a library."""
    prefix = make_prefix(
        folder / f"{name}.prefix",
        kernel_package(language="python", depends=["python 3.11.*"]),
        python_package(files={"lib/python3.11/abc.py": "x = 1\n" * 500, "lib/python3.11/os.py": "import abc\n"}),
        Toy(name="lib", files={f"{SITE}/lib/__init__.py": "y = 2\n" * 300, **files}),
    )
    profile = make_profile(
        name,
        kernels={"toy": Opened(interpreter=("python:lib/python3.11/abc.py",), kernel=())},
        imports={"lib": [f"lib:{SITE}/lib/__init__.py"]},
        workloads={},
        failed={},
    )
    write_pack(plan_pack(read_prefix(prefix), name=name, profile=profile, level=3), folder / name)
    return folder / name


def test_a_budget_holds_for_each_kernel_and_says_what_the_bytes_go_to():
    report = measure(read_subject(KERNELS))
    sizes = {kernel.name: kernel.size for kernel in report.kernels}
    assert check_budget(report, max(sizes.values()))
    answer = check_budget(report, max(sizes.values()) - 1)
    assert not answer
    over = {each.kernel.name: each for each in answer.kernels if each.over > 0}
    assert {name: each.over for name, each in over.items()} == {
        name: 1 for name, size in sizes.items() if size == max(sizes.values())
    }
    assert [line for line in budget_lines(answer) if "1 B above the budget" in line]
    for each in check_budget(report, 0).kernels:
        assert sum(size for _, size in each.contributors) == each.kernel.size
        assert dict(each.contributors)["(manifest and index)"] == report.manifest + report.index


def test_a_budget_is_not_said_to_hold_where_nothing_was_traced():
    report = measure(read_subject(UNTRACED))
    with pytest.raises(ReportError, match="the pack was not traced"):
        check_budget(report, 10**9)
    # What is known is too much already.
    assert not check_budget(report, 1)


def test_a_lock_tells_nothing_of_a_start(tmp_path):
    lock = write(tmp_path / "conda-lock.yml", [conda("a")])
    with pytest.raises(ReportError, match="a lock does not tell"):
        check_budget(measure(read_subject(lock)), 1)


def test_what_grew_is_found_though_its_package_is_the_same(tmp_path):
    before, after = (
        toy_pack(tmp_path, "toys"),
        toy_pack(tmp_path / "after", "toys", **{f"{SITE}/lib/more.py": "z\n" * 99}),
    )
    difference = compare(measure(read_subject(before)), measure(read_subject(after)))
    assert difference
    assert not difference.packages
    assert difference.resized[0].name == "lib"
    assert difference.resized[0].change > 0
    assert [archive.packages for archive in difference.archives] == [{"lib": 1}]
    assert "the same packages, of another size:" in diff_lines(difference)


def test_a_lock_and_the_pack_of_it_are_the_same_packages(tmp_path):
    pack = toy_pack(tmp_path)
    packages = [
        conda(
            p.name,
            p.version,
            *p.depends,
            build=p.build,
            subdir=p.subdir,
            file_name=p.file_name,
            sha256=p.sha256 or "0" * 64,
        )
        for p in read_manifest(pack).environment.packages
    ]
    lock = write(tmp_path / "conda-lock.yml", packages)
    difference = compare(measure(read_subject(lock)), measure(read_subject(pack)))
    assert not difference
    assert diff_lines(difference) == ["the same packages"]


def test_what_was_left_out_is_told_when_it_is_known(tmp_path):
    pack = toy_pack(tmp_path)
    manifest = read_manifest(pack)
    told = {
        "lock_digest": manifest.environment.lock_digest,
        "archives": [{"raw_size": archive.raw_size, "more": 1} for archive in manifest.archives],
        "dropped": [
            {"path": f"a{number}", "size": number, "package": None, "rule": rule, "reason": f"{rule} it is"}
            for number, rule in ((1, "x"), (5, "y"), (3, "x"))
        ],
    }
    file = tmp_path / "packed.json"
    file.write_text(json.dumps(told))
    assert [(rule.rule, rule.files, rule.size, rule.reason) for rule in read_filtered(file, manifest)] == [
        ("y", 1, 5, "y it is"),
        ("x", 2, 4, "x it is"),
    ]
    told["archives"][0]["raw_size"] += 1
    file.write_text(json.dumps(told))
    with pytest.raises(ReportError, match="another pack") as caught:
        read_filtered(file, manifest)
    assert caught.value.hint
    with pytest.raises(ReportError, match="cannot be read") as caught:
        read_filtered(tmp_path / "gone.json", manifest)
    assert "lite-env pack" in caught.value.hint


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("[]", "does not tell its format"),
        ('{"format": "2.0"}', "has the format '2.0'"),
        ('{"format": 1}', "has the format 1"),
        ('{"format": "1.0", "kind": "pack"}', "is malformed"),
        ("{", "is not JSON"),
    ],
)
def test_a_report_that_is_none_is_refused(tmp_path, document, message):
    file = tmp_path / "report.json"
    file.write_text(document)
    with pytest.raises(ReportError, match=message) as caught:
        read_earlier(file)
    assert caught.value.hint
    assert dict(caught.value.context)["file"] == str(file)


def test_a_report_of_a_later_minor_format_is_read(tmp_path):
    from click.testing import CliRunner  # noqa: PLC0415

    from lite_env.cli.main import cli  # noqa: PLC0415

    file = tmp_path / "report.json"
    written = CliRunner().invoke(cli, ["report", str(PACK), "--json"]).stdout
    file.write_text(json.dumps(json.loads(written) | {"format": "1.7", "new": [1]}))
    assert read_earlier(file) == measure(read_subject(PACK)).__class__(**fields(read_earlier(file)))
    assert not compare(read_earlier(file), measure(read_subject(PACK)))


def fields(report):
    return {name: getattr(report, name) for name in report.__struct_fields__}


def test_sizes_are_shown_for_people():
    assert [size_text(size) for size in (None, 0, 999, 1000, 99_949, 100_000, 999_999, 1_000_000, 24_680_000)] == [
        *("?", "0 B", "999 B", "1.0 kB", "99.9 kB", "100 kB", "1000 kB", "1.00 MB", "24.68 MB")
    ]
    assert [change_text(change) for change in (None, 0, 5, -1500)] == ["?", "0", "+5 B", "\N{MINUS SIGN}1.5 kB"]


def test_a_strangers_text_stays_in_its_line():
    assert columns([("a\nb", "1"), ("\x1b[31m", "22")], "<>") == ["a\\nb       1", "\\x1b[31m  22"]
