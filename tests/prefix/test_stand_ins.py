"""What stands for a project gives way to the project itself."""

from __future__ import annotations

from lite_env.prefix.reader import read_prefix
from lite_env.prefix.stand_ins import make_way
from tests.prefixes import SITE, Toy, make_prefix, python_package

OWN = {f"{SITE}/requests/__init__.py": "polyfill = True\n", f"{SITE}/requests/deep/a.py": "", f"{SITE}/shared/x.py": ""}


def prefix_with_polyfill(tmp_path):
    polyfill = Toy(name="requests-wasm-polyfill", version="0.3.0", files=OWN)
    other = Toy(name="other", files={f"{SITE}/shared/y.py": ""})
    return make_prefix(tmp_path / "prefix", python_package(), polyfill, other)


def test_a_polyfill_gives_way_with_all_its_files_and_keeps_its_record(tmp_path):
    prefix = prefix_with_polyfill(tmp_path)
    before = read_prefix(prefix)
    make_way(prefix, {"requests", "idna"})
    assert not (prefix / SITE / "requests").exists()
    assert [path.name for path in (prefix / SITE / "shared").iterdir()] == ["y.py"]
    after = read_prefix(prefix)
    assert [(package.name, package.sha256) for package in after.packages] == [
        (package.name, package.sha256) for package in before.packages
    ]
    assert {file.path for file in before.files} - {file.path for file in after.files} == set(OWN)


def test_without_the_project_it_stays(tmp_path):
    prefix = prefix_with_polyfill(tmp_path)
    make_way(prefix, {"idna"})
    assert (prefix / SITE / "requests" / "__init__.py").is_file()
