"""Reading a recipe's folder, and writing the new one."""

from __future__ import annotations

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.convert.work import MAX_FILES, plan_conversion, write_conversion

META = "package:\n  name: a\n  version: 1.0.0\n"
BOA = 'context:\n  v: "1.0"\npackage:\n  name: a\n  version: "{{ v }}"\n'


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "old"
    made.mkdir()
    (made / "meta.yaml").write_text(META)
    (made / "conda_build_config.yaml").write_text("python:\n  - 3.10\n")
    (made / "build.sh").write_bytes(b"make\n")
    (made / "build.sh").chmod(0o755)
    (made / "bld.bat").write_bytes(b"nmake\r\n")
    (made / "patches").mkdir()
    (made / "patches" / "a.patch").write_bytes(b"--- a\n")
    (made / ".hidden").write_text("x")
    return made


def names_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_another_folder_gets_the_recipe_and_what_lies_beside_it(folder, tmp_path):
    out = tmp_path / "new" / "a"
    write_conversion(plan_conversion(folder, output=out), out)
    assert names_below(out) == ["build.bat", "build.sh", "patches/a.patch", "recipe.yaml", "variants.yaml"]
    assert (out / "build.bat").read_bytes() == b"nmake\r\n"
    assert (out / "build.sh").stat().st_mode & 0o777 == 0o755
    assert (out / "variants.yaml").read_text() == 'python:\n  - "3.10"\n'


def test_the_same_folder_keeps_what_it_has(folder):
    before = names_below(folder)
    conversion = plan_conversion(folder, output=folder)
    write_conversion(conversion, folder)
    assert names_below(folder) == sorted([*before, "recipe.yaml", "variants.yaml"])
    assert [each.text for each in conversion.notes] == ["rattler-build looks for `build.bat`: rename the file"]


def test_a_folder_below_the_recipe_is_not_copied_into_itself(folder):
    out = folder / "v1"
    for _ in range(2):
        write_conversion(plan_conversion(folder, output=out), out, force=True)
    assert "v1/patches/a.patch" in names_below(folder)
    assert not (out / "v1").exists()


def test_nothing_is_replaced_unasked(folder, tmp_path):
    out = tmp_path / "new"
    (out / "patches").mkdir(parents=True)
    (out / "patches" / "a.patch").write_text("mine")
    with pytest.raises(RecipeError, match=r"a\.patch is there already"):
        write_conversion(plan_conversion(folder, output=out), out)
    assert names_below(out) == ["patches/a.patch"]
    write_conversion(plan_conversion(folder, output=out), out, force=True)
    assert (out / "patches" / "a.patch").read_text() == "--- a\n"


def test_what_has_refusals_is_not_written(folder, tmp_path):
    (folder / "meta.yaml").write_text(f"{META}app:\n  entry: x\n")
    conversion = plan_conversion(folder, output=tmp_path / "new")
    assert conversion.files == ()
    with pytest.raises(RecipeError, match="not written"):
        write_conversion(conversion, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_refusals_of_variants_are_refusals_too(folder):
    (folder / "conda_build_config.yaml").write_text("extend_keys:\n  - a\n")
    (refusal,) = plan_conversion(folder).refusals
    assert (refusal.file, refusal.line, refusal.key) == ("conda_build_config.yaml", 1, "extend_keys")


@pytest.mark.parametrize(
    ("text", "old"),
    [
        (BOA, True),
        ("package:\n  name: a\n  version: 1.0.0\nabout:\n  home: https://example.org\n", True),
        ("package:\n  name: a\n  version: 1.0.0\nbuild:\n  skip:\n    - sel(win): osx\n", True),
        ("schema_version: 1\npackage:\n  name: a\n  version: 1.0.0\ntest:\n  x\n", False),
        ('context:\n  v: "1.0"\npackage:\n  name: a\n  version: ${{ v }}\n', False),
        ("package:\n  name: a\n  version: 1.0.0\nabout:\n  homepage: https://example.org\n", False),
        ("package:\n  name: a\n  version: 1.0.0\n", False),
    ],
)
def test_recipes_of_boa_are_told_from_those_of_rattler_build(tmp_path, text, old):
    (tmp_path / "recipe.yaml").write_text(text)
    if old:
        assert plan_conversion(tmp_path).format == "boa"
    else:
        with pytest.raises(RecipeError, match="a recipe of rattler-build already"):
            plan_conversion(tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the recipe is empty"),
        (b"# nothing\n", "the recipe is empty"),
        (b"a: [", "is not valid YAML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"a: b\n" * 300_000, "is larger than 1 MiB"),
    ],
)
def test_what_is_no_recipe_is_an_error_that_names_the_file(tmp_path, content, problem):
    (tmp_path / "meta.yaml").write_bytes(content)
    with pytest.raises(RecipeError, match=problem) as caught:
        plan_conversion(tmp_path)
    assert "meta.yaml" in str(dict(caught.value.context)["file"])


def test_a_folder_without_a_recipe_is_an_error(tmp_path):
    with pytest.raises(RecipeError, match=r"has no meta\.yaml and no recipe\.yaml"):
        plan_conversion(tmp_path)
    with pytest.raises(RecipeError, match="there is no"):
        plan_conversion(tmp_path / "missing")


def test_links_and_whole_projects_are_not_copied(folder, tmp_path):
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(RecipeError, match="is a symbolic link"):
        plan_conversion(folder, output=tmp_path / "new")
    (folder / "link").unlink()
    for number in range(MAX_FILES):
        (folder / f"file{number}").write_text("")
    with pytest.raises(RecipeError, match=f"more than {MAX_FILES} files"):
        plan_conversion(folder, output=tmp_path / "new")
    assert plan_conversion(folder, output=folder).refusals == ()
