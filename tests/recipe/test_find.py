from __future__ import annotations

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.find import find_recipes, find_variants, render_all
from tests.recipe.recipes import library, write_recipe, write_variants


def test_a_recipe_is_found_by_its_folder_by_its_file_and_by_the_folder_above(tmp_path):
    one, two = (write_recipe(tmp_path / name, library(name)) for name in ("one", "two"))
    assert find_recipes([one]) == (one,)
    assert find_recipes([one / "recipe.yaml"]) == (one,)
    assert find_recipes([tmp_path]) == find_recipes([two, one, tmp_path]) == (one, two)


def test_where_there_is_no_recipe_it_is_said_what_was_looked_for(tmp_path):
    with pytest.raises(RecipeError, match="there is no recipe") as caught:
        find_recipes([tmp_path])
    assert "recipe.yaml" in (caught.value.hint or "")


def test_a_recipe_of_conda_build_is_to_be_converted(tmp_path):
    (tmp_path / "meta.yaml").write_text("package:\n  name: old\n", encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        find_recipes([tmp_path])
    assert "recipe convert" in (caught.value.hint or "")


def test_variants_are_those_beside_recipes_or_what_is_named(tmp_path):
    recipe = write_recipe(tmp_path / "one", library("one"))
    file = write_variants(tmp_path)
    assert find_variants([tmp_path], []) == find_variants([recipe], []) == (file,)
    other = write_variants(tmp_path / "other")
    assert find_variants([recipe], [other]) == (other,)
    with pytest.raises(RecipeError, match="no file of variants"):
        find_variants([recipe], [tmp_path / "missing.yaml"])


def test_what_is_needed_is_built_first(tmp_path):
    write_recipe(tmp_path / "a", library("a", "c", "b"))
    write_recipe(tmp_path / "b", library("b", "c >=1"))
    write_recipe(tmp_path / "c", library("c"))
    found = render_all(find_recipes([tmp_path]), [write_variants(tmp_path)])
    assert [recipe.name for recipe in found] == ["c", "b", "a"]


def test_recipes_that_need_each_other_are_named(tmp_path):
    write_recipe(tmp_path / "a", library("a", "b"))
    write_recipe(tmp_path / "b", library("b", "a"))
    with pytest.raises(RecipeError, match=r"need each other: (a → b → a|b → a → b)"):
        render_all(find_recipes([tmp_path]), [write_variants(tmp_path)])


def test_two_recipes_of_one_package_are_refused(tmp_path):
    write_recipe(tmp_path / "a", library("same"))
    write_recipe(tmp_path / "b", library("same"))
    with pytest.raises(RecipeError, match="two recipes make the package"):
        render_all(find_recipes([tmp_path]), [write_variants(tmp_path)])


def test_a_test_may_need_a_package_of_another_recipe(tmp_path):
    text = library("a") + "tests:\n  - script:\n      - python -c pass\n    requirements:\n      run:\n        - b\n"
    write_recipe(tmp_path / "a", text)
    write_recipe(tmp_path / "b", library("b"))
    found = render_all(find_recipes([tmp_path]), [write_variants(tmp_path)])
    assert [recipe.name for recipe in found] == ["b", "a"]
