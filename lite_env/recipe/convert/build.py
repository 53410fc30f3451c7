"""``build`` of the old recipe, without what belongs to ``requirements`` now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Text, names_in
from lite_env.recipe.convert.make import condition_text, truth
from lite_env.recipe.convert.output import OutList, OutTable, OutText, table
from lite_env.recipe.convert.rewrite import PLATFORMS
from lite_env.recipe.convert.script import make_script
from lite_env.recipe.convert.tree import Items, Leaf, with_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.keys import Keys
    from lite_env.recipe.convert.make import Maker
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.tree import Value

_LINK = "rattler-build packs no scripts that run at installation"
_NO_LINK = "put an activation script into the package, or do it in the build script"
_KNOWN = {
    **dict.fromkeys(("pre-link", "post-link", "pre-unlink", "pre_link", "post_link", "pre_unlink"), (_LINK, _NO_LINK)),
    **dict.fromkeys(
        ("features", "requires_features", "provides_features"),
        ("features are gone", "write variants, and a mutex package where two exclude each other"),
    ),
    "track_features": ("features are gone", "write `variant.down_prioritize_variant` in the recipe that comes of it"),
    "include_recipe": ("it is no key of the recipe", "remove the line, and build with `--no-include-recipe`"),
    "preserve_egg_dir": ("rattler-build has no egg folders", "remove the line"),
    "disable_pip": ("rattler-build adds no pip by itself", "remove the line"),
    "msvc_compiler": ("rattler-build knows compilers by `compiler(…)`", "write `{{ compiler('c') }}` under `build`"),
    "rpaths_patcher": ("rattler-build chooses it by itself", "remove the line"),
    "pin_depends": ("rattler-build pins nothing by itself", "write the pins under `run`"),
    **dict.fromkeys(
        ("preferred_env", "preferred_env_executable_paths"), ("preferred environments are gone", "remove the line")
    ),
    "overlinking_ignore_patterns": (
        "rattler-build has no such list",
        "write `missing_dso_whitelist` for the libraries that are meant",
    ),
}
_NOARCH = frozenset({"python", "generic"})


def make_build(
    keys: Keys, maker: Maker, *, merged: bool, scripts: frozenset[str], files: Out | None
) -> OutTable | None:
    """``build``, of keys of which those of the requirements were taken.

    Args:
        keys: the old section.
        maker: makes values.
        merged: whether build and host are one environment.
        scripts: names of build scripts that lie beside the recipe.
        files: what of the environment goes into the package, if not all that is new.
    """
    made = table(
        number=maker.scalar(keys.take("number"), change=lambda leaf: _number(leaf, maker)),
        string=maker.scalar(keys.take("string"), change=lambda leaf: _string(leaf, maker)),
        skip=_skip(keys.take("skip"), maker),
        noarch=_noarch(keys, maker),
        script=make_script(keys, maker, scripts=scripts),
        merge_build_and_host_envs=_merged(keys, maker, merged=merged),
        files=files,
        always_include_files=maker.listed(keys.take("always_include_files")),
        always_copy_files=maker.listed(keys.take("no_link")),
        python=_python(keys, maker),
        variant=table(
            use_keys=maker.listed(keys.take("force_use_keys")),
            ignore_keys=maker.listed(keys.take("force_ignore_keys")),
        ),
        prefix_detection=_prefix_detection(keys, maker),
        dynamic_linking=_dynamic_linking(keys, maker),
    )
    keys.finish(_KNOWN)
    return made


def _number(leaf: Leaf, maker: Maker) -> Leaf | None:
    text = leaf.plain
    if text is not None and not text.isdecimal():
        maker.refuse(leaf, "a build number is a whole number", "write it in digits")
        return None
    return leaf if text is None else with_text(leaf, text, kind="int")


def _string(leaf: Leaf, maker: Maker) -> Leaf | None:
    """rattler-build 0.73 knows no platform in a build string (``emscripten`` is false there), and takes "" for one."""
    names = [names_in(part) for part in leaf.parts if not isinstance(part, str)]
    if not maker.open_conditions(leaf) and PLATFORMS.isdisjoint(frozenset[str]().union(*names)):
        return leaf
    maker.refuse(
        leaf,
        "rattler-build decides nothing by platforms in a build string",
        "set a name under the conditions (`{% set text = … %}  # [win]`), and use the name here",
    )
    return None


def _skip(values: list[Value], maker: Maker) -> Out | None:
    """conda-build's ``true`` under selectors, and boa's list of conditions, become one list of conditions."""
    made: list[Out] = []
    for value in values:
        listed = isinstance(value, Items)
        for item in value.items if isinstance(value, Items) else (value,):
            out = _condition(item, maker) if listed else _skip_line(item, maker, alone=len(values) == 1)
            made += [] if out is None else [out]
    if len(made) == 1 and not isinstance(values[0], Items):
        return made[0]
    return OutList(items=tuple(made)) if made else None


def _skip_line(value: Value, maker: Maker, *, alone: bool) -> Out | None:
    """``skip: true``, under its selector."""
    conditions = maker.open_conditions(value) if isinstance(value, Leaf) else ()
    answer = truth(value) if isinstance(value, Leaf) else None
    if not isinstance(value, Leaf) or (answer is None and value.plain is not None):
        maker.refuse(value, "this is neither true nor false", "write `true` with a selector")
        return None
    if answer is None:
        return maker.scalar([value])
    if answer:
        return OutText(text=condition_text(conditions), bare=not conditions, origins=(value,))
    if conditions or not alone:
        maker.refuse(value, "it takes back what another line says", "write the conditions under which it is skipped")
        return None
    return OutText(text="false", bare=True, origins=(value,))


def _condition(item: Value, maker: Maker) -> Out | None:
    """A condition of boa's list, which is an expression without braces."""
    if not isinstance(item, Leaf):
        maker.refuse(item, "this is no condition", "write `win`, or `py < 38`", found="a list or a mapping")
        return None
    made = maker.condition_of(item)
    conditions = maker.open_conditions(item)
    if made is None or not conditions:
        return made
    return OutText(text=f"({condition_text(conditions)}) and ({made.text})", origins=made.origins)


def _noarch(keys: Keys, maker: Maker) -> OutText | None:
    def change(leaf: Leaf) -> Leaf | None:
        text = leaf.plain
        if text is not None and truth(leaf):
            return with_text(leaf, "generic")
        if text is None or text in _NOARCH:
            return leaf
        maker.refuse(leaf, "this is neither `python` nor `generic`", "write one of them")
        return None

    def old(leaf: Leaf) -> Leaf | None:
        if truth(leaf):
            return with_text(leaf, "python")
        maker.refuse(leaf, "`noarch_python` says nothing unless it is true", "remove the line")
        return None

    made = maker.scalar(keys.take("noarch"), change=change)
    python = maker.scalar(keys.take("noarch_python"), change=old)
    if made is not None and python is not None:
        return OutText(text=made.text, origins=(*made.origins, *python.origins))
    return made or python


def _merged(keys: Keys, maker: Maker, *, merged: bool) -> OutText | None:
    said = maker.flag(keys.take("merge_build_host", "merge_build_and_host_envs"))
    return said or (OutText(text="true", bare=True) if merged else None)


def _python(keys: Keys, maker: Maker) -> OutTable | None:
    return table(
        entry_points=maker.listed(keys.take("entry_points")),
        skip_pyc_compilation=maker.listed(keys.take("skip_compile_pyc")),
        use_python_app_entrypoint=maker.flag(keys.take("osx_is_app")),
        version_independent=maker.flag(keys.take("python_version_independent")),
        site_packages_path=maker.scalar(keys.take("python_site_packages_path")),
    )


def _prefix_detection(keys: Keys, maker: Maker) -> OutTable | None:
    return table(
        force_file_type=table(
            text=maker.listed(keys.take("has_prefix_files")),
            binary=maker.listed(keys.take("binary_has_prefix_files")),
        ),
        ignore=_flag_or_list(keys.take("ignore_prefix_files"), maker, default=False),
        ignore_binary_files=maker.flag(keys.take("detect_binary_files_with_prefix"), default=True, inverse=True),
    )


def _dynamic_linking(keys: Keys, maker: Maker) -> OutTable | None:
    def behaviour(key: str) -> OutText | None:
        def change(leaf: Leaf) -> Leaf | None:
            answer = truth(leaf)
            if answer is None:
                maker.refuse(leaf, "this is neither true nor false", "write `true` or `false`")
                return None
            return with_text(leaf, "error" if answer else "ignore")

        return maker.scalar(keys.take(key), change=change, default=Text("ignore"))

    return table(
        rpaths=maker.listed(keys.take("rpaths")),
        binary_relocation=_flag_or_list(keys.take("binary_relocation"), maker, default=True),
        missing_dso_allowlist=maker.listed(keys.take("missing_dso_whitelist", "missing_dso_allowlist")),
        rpath_allowlist=maker.listed(keys.take("runpath_whitelist", "runpath_allowlist")),
        overlinking_behavior=behaviour("error_overlinking"),
        overdepending_behavior=behaviour("error_overdepending"),
    )


def _flag_or_list(values: list[Value], maker: Maker, *, default: bool) -> Out | None:
    if all(isinstance(value, Leaf) and truth(value) is not None for value in values):
        return maker.flag(values, default=default)
    return maker.listed(values)
