"""``requirements`` of the old recipe, and what of its ``build`` belongs there now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Call, Name
from lite_env.recipe.convert.keys import Keys
from lite_env.recipe.convert.matchspec import SpecError, converted_spec
from lite_env.recipe.convert.output import table
from lite_env.recipe.convert.tree import Items, Leaf, Table, leaves_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lite_env.recipe.convert.make import Maker
    from lite_env.recipe.convert.output import Out, OutList, OutTable
    from lite_env.recipe.convert.tree import Value

_KNOWN = {
    "conflicts": ("rattler-build has no `conflicts`", "write what must not be there under `run_constrained`"),
}
_EXPORTS = {
    "weak": ("weak",),
    "strong": ("strong",),
    "noarch": ("noarch",),
    "weak_constraints": ("weak_constrains",),
    "strong_constraints": ("strong_constrains",),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What was found for one package.

    Attributes:
        lists: of ``build``, ``host``, ``run`` and ``run_constraints``, in this order; None where there is none.
        merged: whether ``build`` and ``host`` are one environment, as conda-build has it where there is no ``host``.
    """

    build: OutList | None
    host: OutList | None
    run: OutList | None
    run_constraints: OutList | None
    merged: bool

    def __bool__(self) -> bool:
        return any((self.build, self.host, self.run, self.run_constraints))


def read_requirements(values: list[Value], maker: Maker, texts: Mapping[str, str], where: str) -> Requirements:
    """The lists of one ``requirements``; `texts` are those that the recipe's names are set to."""
    plain: list[Value] = [value for value in values if isinstance(value, Items | Leaf)]
    if plain:
        # A list alone is what conda-build installs for building and for running.
        both = requirement_list(plain, maker, texts)
        return Requirements(build=None, host=both, run=both, run_constraints=None, merged=False)
    keys = Keys(values, maker.report, where)
    build = keys.take("build")
    host_there = keys.has("host")
    made = Requirements(
        build=requirement_list(build, maker, texts),
        host=requirement_list(keys.take("host"), maker, texts),
        run=requirement_list(keys.take("run"), maker, texts),
        run_constraints=requirement_list(keys.take("run_constrained", "run_constraints"), maker, texts),
        merged=bool(build) and not host_there and not _compiles(build),
    )
    keys.finish(_KNOWN)
    if made.merged:
        maker.note(
            build[0],
            "there is no `host`, so conda-build has one environment for both: written as `merge_build_and_host_envs`; "
            "to build for another platform, move what is needed at run time to `host`",
        )
    return made


def requirement_list(values: list[Value], maker: Maker, texts: Mapping[str, str]) -> OutList | None:
    """A list of requirements."""

    def make(inner: Maker, item: Value) -> Out | None:
        if not isinstance(item, Leaf):
            kind = "a list" if isinstance(item, Items) else "a mapping"
            inner.refuse(item, f"{kind} stands where a requirement is meant", "write `name version build`", found=kind)
            return None
        try:
            parts = converted_spec(item.parts, texts)
        except SpecError as error:
            inner.refuse(item, str(error), "write `name version build`, as in `numpy >=1.20,<2`")
            return None
        made = inner.text(replace(item, parts=parts, kind="str"))
        return replace(made, bare=False) if made is not None else None

    return maker.listed(values, make=make)


def requirements_table(
    found: Requirements, build: Keys, maker: Maker, texts: Mapping[str, str], *, exports: list[Value] | None = None
) -> OutTable | None:
    """``requirements``, with the run exports that stand under ``build`` in old recipes."""
    return table(
        build=found.build,
        host=found.host,
        run=found.run,
        run_constraints=found.run_constraints,
        run_exports=_run_exports([*build.take("run_exports"), *(exports or ())], maker, texts),
        ignore_run_exports=table(
            by_name=maker.listed(build.take("ignore_run_exports")),
            from_package=maker.listed(build.take("ignore_run_exports_from")),
        ),
    )


def _run_exports(values: list[Value], maker: Maker, texts: Mapping[str, str]) -> Out | None:
    if not any(isinstance(value, Table) for value in values):
        return requirement_list(values, maker, texts)
    keys = Keys(values, maker.report, "build.run_exports")
    made = {new: requirement_list(keys.take(*old), maker, texts) for new, old in _EXPORTS.items()}
    keys.finish()
    return table(**made)


def _compiles(build: list[Value]) -> bool:
    """Whether a compiler is among the requirements: then conda-build keeps the environments apart."""
    calls = [part for value in build for leaf in leaves_of(value) for part in leaf.parts if isinstance(part, Call)]
    return any(call.target == Name("compiler") for call in calls)
