"""Recipes of many shapes, what each becomes in ``expected/``, and what rattler-build makes of that.

``make snapshots`` writes the expected files anew; what changed is then read in the difference.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from rattler_build import JinjaConfig, PlatformConfig, VariantConfig

from lite_env.recipe.convert.work import plan_conversion
from tests.recipe.convert import reference, rendering
from tests.snapshots import VARIABLE

CORPUS = Path(__file__).parent / "corpus"
ACCEPTED = sorted((CORPUS / "accepted").iterdir())
REFUSED = sorted((CORPUS / "refused").glob("*.yaml"))
OF_CONDA_BUILD = [folder for folder in ACCEPTED if (folder / "meta.yaml").exists()]
# What conda takes for the same requirement in several spellings is in test_matchspec.py.
OF_ONE_PACKAGE = [each for each in OF_CONDA_BUILD if "outputs" not in each.name and each.name != "matchspecs"]
VARIANTS = {**{key: [value] for key, value in reference.VARIANTS.items()}, "use_gpu": [False]}
KINDS = ("build", "host", "run", "run_constraints")


def names(folders):
    return {"argvalues": folders, "ids": [folder.name for folder in folders]}


def converted(folder: Path) -> dict[str, str]:
    conversion = plan_conversion(folder)
    assert conversion.refusals == ()
    return {file.name: file.text for file in conversion.files}


def hold(file: Path, text: str) -> None:
    if os.environ.get(VARIABLE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8"), f"{file} has changed; {VARIABLE}=1 writes it anew"


def packages_of(folder: Path, platform: str) -> list[dict]:
    return rendering.rendered(converted(folder)["recipe.yaml"], platform, VARIANTS)


def requirements_of(package: dict) -> dict[str, list[str]]:
    found = package["requirements"]
    return {kind: [rendering.requirement(each) for each in found[kind]] for kind in KINDS if kind in found}


@pytest.mark.parametrize("folder", **names(ACCEPTED))
def test_each_recipe_becomes_what_is_expected(folder):
    files = converted(folder)
    for name, text in files.items():
        hold(folder / "expected" / name, text)
    assert sorted(path.name for path in (folder / "expected").glob("*.yaml")) == sorted(files)


@pytest.mark.parametrize("folder", **names(ACCEPTED))
def test_what_rattler_build_makes_of_it_is_what_is_expected(folder):
    found = {
        platform: [
            {
                "package": [package["package"]["name"], package["package"]["version"]],
                "number": package["build"].get("number", 0),
                "requirements": requirements_of(package),
                "sources": [each.get("url") or each.get("git") or each["path"] for each in package.get("source", [])],
                "tests": package.get("tests", []),
            }
            for package in packages_of(folder, platform)
        ]
        for platform in rendering.PLATFORMS
    }
    hold(folder / "expected" / "rendered.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("platform", rendering.PLATFORMS)
@pytest.mark.parametrize("folder", **names(OF_ONE_PACKAGE))
def test_conda_build_would_make_the_same_of_the_old_recipe(folder, platform):
    old = reference.rendered((folder / "meta.yaml").read_text("utf-8"), platform)
    build = old.get("build") or {}
    assert rendering.is_skipped(converted(folder)["recipe.yaml"], platform, VARIANTS) == (
        build.get("skip", "").lower() == "true"
    )
    (new,) = packages_of(folder, platform)
    assert new["package"] == {"name": old["package"]["name"].lower(), "version": str(old["package"]["version"])}
    assert new["build"].get("number", 0) == int(build.get("number", 0))
    assert new["build"].get("noarch") == (build.get("noarch") or ("python" if "noarch_python" in build else None))
    if "string" in build:
        head, tail = build["string"].split("HASH") if "HASH" in build["string"] else (build["string"], "")
        assert new["build"]["string"].startswith(head)
        assert new["build"]["string"].endswith(tail)
    assert requirements_of(new) == {
        kind.replace("run_constrained", "run_constraints"): [reference.requirement(each) for each in wanted]
        for kind, wanted in (old.get("requirements") or {}).items()
        if wanted
    }
    known = {key: str(value) for key, value in new["context"].items()}
    assert scripts_of(new, known) == listed(build.get("script"))
    assert urls_of(new.get("source", [])) == urls_of(old.get("source") or [])
    assert patches_of(new.get("source", [])) == patches_of(old.get("source") or [])
    about = old.get("about") or {}
    for there, here in (("home", "homepage"), ("summary", "summary"), ("description", "description")):
        assert (new.get("about", {}).get(here) or "").strip("/\n") == about.get(there, "").strip("/\n")


@pytest.mark.parametrize("platform", rendering.PLATFORMS)
@pytest.mark.parametrize("folder", **names([each for each in OF_CONDA_BUILD if "outputs" in each.name]))
def test_conda_build_would_make_the_same_packages(folder, platform):
    old = reference.rendered((folder / "meta.yaml").read_text("utf-8"), platform)
    wanted = {
        output["name"]: (
            str(output.get("version", old["package"]["version"])),
            int(
                output.get("number")
                or (output.get("build") or {}).get("number")
                or old.get("build", {}).get("number", 0)
            ),
            of_output(output.get("requirements") or {}),
        )
        for output in old["outputs"]
        if (output.get("build") or {}).get("skip") != "true"
    }
    found = {
        package["package"]["name"]: (
            package["package"]["version"],
            package["build"].get("number", 0),
            requirements_of(package),
        )
        for package in packages_of(folder, platform)
    }
    assert found == wanted


def of_output(requirements) -> dict[str, list[str]]:
    # A list alone is installed for building and for running.
    both = {"host": requirements, "run": requirements} if isinstance(requirements, list) else requirements
    return {kind: [reference.requirement(each) for each in texts] for kind, texts in both.items() if texts}


def listed(value) -> list[str]:
    found = [] if value in (None, "") else value if isinstance(value, list) else [value]
    return [each.strip() for text in found for each in text.strip().split("\n") if not each.lstrip().startswith("#")]


def scripts_of(package: dict, known: dict[str, str]) -> list[str]:
    """The commands, with what rattler-build puts in when it runs them."""
    script = package["build"].get("script")
    content = script.get("content") if isinstance(script, dict) else script
    return [re.sub(r"\$\{\{ (\w+) \}\}", lambda found: known.get(found[1], found[0]), line) for line in listed(content)]


def urls_of(sources) -> list[str]:
    found = sources if isinstance(sources, list) else [sources]
    urls = [each.get("url") or each.get("git_url") or each.get("git") or each.get("path") for each in found]
    return [url for each in urls for url in (each if isinstance(each, list) else [each])]


def patches_of(sources) -> list[str]:
    found = sources if isinstance(sources, list) else [sources]
    return [patch for each in found for patch in each.get("patches") or []]


@pytest.mark.parametrize("platform", rendering.PLATFORMS)
def test_variants_are_those_that_rattler_build_reads_in_the_old_file(platform):
    folder = CORPUS / "accepted" / "variants"
    place = PlatformConfig(target_platform=platform, build_platform="linux-64", host_platform=platform)
    jinja = JinjaConfig(platform=place)
    old = VariantConfig.from_conda_build_config(folder / "conda_build_config.yaml", jinja)
    text = converted(folder)["variants.yaml"]
    new = VariantConfig.from_yaml_with_context(text, jinja)
    assert as_texts(new) == as_texts(old)
    assert new.zip_keys == old.zip_keys == [["python", "numpy"]]
    packages = rendering.rendered(converted(folder)["recipe.yaml"], platform, text)
    assert len(packages) == 2
    assert all("level-3.*" not in package["requirements"]["run"] for package in packages)


def as_texts(config: VariantConfig) -> dict[str, list[str]]:
    return {key: [str(value).lower() for value in values] for key, values in config.to_dict().items()}


@pytest.mark.parametrize("folder", **names(ACCEPTED))
def test_no_comment_is_lost(folder):
    for name, made in (("meta.yaml", "recipe.yaml"), ("recipe.yaml", "recipe.yaml")):
        if not (folder / name).exists():
            continue
        text = (folder / name).read_text("utf-8")
        wanted = [line.strip() for line in text.splitlines() if line.strip().startswith("#") and "shell" not in line]
        for comment in wanted:
            assert comment in converted(folder)[made]


@pytest.mark.parametrize("file", **names(REFUSED))
def test_each_refused_recipe_is_refused_by_line(file, tmp_path):
    text = file.read_text("utf-8")
    boa = file.name.startswith("boa_")
    name = "conda_build_config.yaml" if file.name.startswith("variants_") else "recipe.yaml" if boa else "meta.yaml"
    (tmp_path / name).write_text(text, "utf-8")
    if name == "conda_build_config.yaml":
        (tmp_path / "meta.yaml").write_text("package:\n  name: a\n  version: 1.0.0\n")
    conversion = plan_conversion(tmp_path)
    assert conversion.files == ()
    told = [[each.line, each.key, each.found, each.why, each.hint] for each in conversion.refusals]
    hold(file.with_suffix(".json"), json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    # Each line that is marked so is refused, and no other one.
    marked = {number for number, line in enumerate(text.split("\n"), start=1) if "REFUSED" in line}
    assert {line for line, *_ in told} == marked
    assert all(found and why and hint for _, _, found, why, hint in told)


def test_the_corpus_is_whole():
    assert len(ACCEPTED) >= 35
    assert len(REFUSED) >= 25
    assert sorted(file.with_suffix(".json") for file in REFUSED) == sorted((CORPUS / "refused").glob("*.json"))


@pytest.mark.parametrize("folder", **names(ACCEPTED))
def test_what_is_written_is_yaml_of_texts(folder):
    for text in converted(folder).values():
        assert yaml.safe_load(text)
        assert text.endswith("\n")
        assert not any(line != line.rstrip() for line in text.split("\n"))
