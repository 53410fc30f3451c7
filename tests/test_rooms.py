"""The rooms of the house: data flows one way, so a room imports only from rooms above it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lite_env"
# In the order of the way of the data; a later room may import from an earlier one.
ROOMS = (
    "errors",
    "progress",
    "store",
    "spec",
    "lock",
    "prefix",
    "pack",
    "bootstrap",
    "host",
    "channel",
    "workflow",
    "site",
    "recipe",
    "report",
    "jupyterlite",
    "cli",
)
# Of a library that only one module or folder may know: a change of its API is a change there.
ONLY_IMPORTER = {
    "rattler": "lite_env/lock/conda/",
    "rattler_build": "lite_env/channel/assemble.py",
}
ONLY_ROOM = {
    "rich": "cli",
    "click": "cli",
    "playwright": "host",
    "doit": "jupyterlite",
    "jupyterlite_core": "jupyterlite",
    "traitlets": "jupyterlite",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_room_is_in_the_list():
    rooms = {room_of(path) for path in modules()} - {"__init__", "__main__"}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE.parent).as_posix())
def test_a_room_imports_only_from_rooms_above_it(path: Path):
    room = room_of(path)
    if room in {"__init__", "__main__"}:
        return
    below = ROOMS[ROOMS.index(room) + 1 :]
    wrong = {
        name
        for name in imports_of(path)
        if name.split(".")[:1] == ["lite_env"] and name.split(".")[1:2] and name.split(".")[1] in below
    }
    assert not wrong


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE.parent).as_posix())
def test_one_module_knows_each_foreign_solver_and_one_room_each_terminal_library(path: Path):
    place = path.relative_to(PACKAGE.parent).as_posix()
    roots = {name.split(".")[0] for name in imports_of(path)}
    for library, module in ONLY_IMPORTER.items():
        assert library not in roots or place.startswith(module)
    for library, room in ONLY_ROOM.items():
        assert library not in roots or room_of(path) == room


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE.parent).as_posix())
def test_a_module_is_at_most_350_lines_or_says_why(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 350 or "More than 350 lines: " in text


def test_folders_are_removed_in_one_way():
    # `shutil.rmtree` does not survive folders in folders without end.
    users = [path.relative_to(PACKAGE.parent).as_posix() for path in modules() if "rmtree" in path.read_text("utf-8")]
    assert users == ["lite_env/store/removal.py"]


def test_no_module_leads_back_to_itself():
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in modules()}
    # A package's face only hands on what its modules have.
    graph = {
        name: {found for found in imports_of(path) if found in names and found != name}
        for name, path in names.items()
        if path.name != "__init__.py"
    }
    assert not circle_in(graph)


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, in its order; nothing where there is none."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for target in sorted(graph.get(name, ())):
            if found := visit(target, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def test_a_circle_is_seen():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_the_walk_in_contributing_passes_through_modules_that_are_there():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    walk = text[text.index("What becomes of") : text.index("House rules")]
    rooms = "|".join(ROOMS)
    named = re.findall(rf"\b((?:{rooms})/[\w./]+\w)", walk)
    assert len(named) > 15
    assert [name for name in named if not (PACKAGE / name).exists()] == []


@pytest.mark.parametrize("page", sorted((PACKAGE.parent / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_sources_of_the_runtime_that_the_docs_name_are_there(page: Path):
    sources = PACKAGE / "bootstrap" / "runtime" / "src"
    named = re.findall(r"`(?:src/)?([\w/-]+\.ts)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (sources / name).is_file()] == []
    assert named or page.name != "start.md"


FAMILIES = PACKAGE / "prefix" / "families"


def test_a_family_of_kernels_is_named_in_its_own_folder_and_the_table_alone():
    assert {path.name for path in FAMILIES.glob("*.py")} == {"__init__.py", "family.py"}
    families = sorted({path.parent for path in FAMILIES.glob("*/*.py")})
    assert [family.name for family in families] == ["pyodide", "xeus"]
    for family in families:
        naming = {path for path in modules() if family.name in path.read_text(encoding="utf-8").lower()}
        runtime = PACKAGE / "bootstrap" / "runtime" / "src" / "family" / family.name
        homes = {family, runtime}
        others = {path for path in naming if homes.isdisjoint(path.parents) and not names_another(path)}
        assert others == {FAMILIES / "__init__.py"}


def names_another(path: Path) -> bool:
    """Whether a module may name what only has the name of a family.

    That is jupyterlite-xeus, a packer with a layout; and the platforms of wheels and of uv that Pyodide gave its name.
    """
    place = path.relative_to(PACKAGE).as_posix()
    return place.startswith(("site/xeus_", "jupyterlite/")) or place in ("cli/pack.py", "lock/pip.py")
