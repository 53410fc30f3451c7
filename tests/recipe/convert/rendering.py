"""Renders new recipes by rattler-build, the program that they are for."""

from __future__ import annotations

import json
from typing import Any

import yaml
from rattler_build import JinjaConfig, PlatformConfig, RenderConfig, Stage0Recipe, VariantConfig

PLATFORMS = ("emscripten-wasm32", "linux-64")


def rendered(text: str, platform: str, variants: dict[str, list[Any]] | str) -> list[dict[str, Any]]:
    """All packages that a recipe makes, as rattler-build prints them; variants as values, or as the text of a file."""
    place = PlatformConfig(target_platform=platform, build_platform="linux-64", host_platform=platform)
    config = (
        VariantConfig.from_yaml_with_context(variants, JinjaConfig(platform=place))
        if isinstance(variants, str)
        else VariantConfig(variants)
    )
    found = Stage0Recipe.from_yaml(text).render(config, RenderConfig(platform=place))
    return [json.loads(json.dumps(each.recipe.to_dict())) for each in found]


def is_skipped(text: str, platform: str, variants: dict[str, list[Any]]) -> bool:
    """Whether a recipe's own conditions skip it.

    What is rendered does not say so of a recipe that is skipped whole; of two outputs it leaves the skipped one out.
    """
    recipe = yaml.safe_load(text)
    probe = {
        "context": recipe.get("context", {}),
        "recipe": {"name": "probe", "version": "1"},
        "outputs": [
            {"package": {"name": "asked"}, "build": {"skip": recipe.get("build", {}).get("skip", False)}},
            {"package": {"name": "there"}},
        ],
    }
    names = [each["package"]["name"] for each in rendered(yaml.safe_dump(probe, sort_keys=False), platform, variants)]
    assert "there" in names
    return "asked" not in names


def requirement(value: Any) -> str:
    """A requirement, with pins as `tests.recipe.convert.reference` writes them."""
    if isinstance(value, str):
        return value
    ((kind, pin),) = value.items()
    bounds = "exact" if pin.get("exact") else f"{pin.get('lower_bound')} {pin.get('upper_bound')}"
    return f"{kind}({pin['name']} = {bounds})"
