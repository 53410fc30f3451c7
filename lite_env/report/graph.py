"""Who needs whom: packages and the match specs that lead from one to another.

A lock may have circles, and may lack what a package needs: nothing here expects otherwise. Virtual packages (CEP 30,
``__unix``) are what a platform is, not what is installed: they are left out.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from lite_env.errors import ReportError
from lite_env.spec.matchspec import name_of, split_channel, split_name
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lite_env.report.subject import Subject, SubjectPackage

_VIRTUAL = "__"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """That a package is needed.

    Attributes:
        name: of the package; it need not be there.
        specs: why, each a match spec about it; sorted.
    """

    name: str
    specs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """Packages and what each of them needs.

    Attributes:
        packages: by name, sorted.
        roots: where all begins, by name: what was asked for, and why it is a root.
        needs: what each package needs, by its name; edges sorted by name.
        needed_by: for each package those that need it, with the same specs; edges sorted by name.
        told: whether it is told what was asked for; otherwise the roots are the packages that nothing needs.
    """

    packages: Mapping[str, SubjectPackage]
    roots: tuple[Edge, ...]
    needs: Mapping[str, tuple[Edge, ...]]
    needed_by: Mapping[str, tuple[Edge, ...]]
    told: bool

    def find(self, name: str) -> SubjectPackage:
        """The package that a user calls `name`.

        Raises:
            ReportError: there is none; the hint has names that are near.
        """
        wanted = canonicalize_name(name)
        exact = self.packages.get(name) or self.packages.get(name.lower())
        found = exact or next(
            (self.packages[each] for each in self.packages if canonicalize_name(each) == wanted), None
        )
        if found is not None:
            return found
        near = difflib.get_close_matches(name.lower(), self.packages, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "`lite-env list` shows all packages"
        raise ReportError(f"there is no package '{shown(name)}' here", hint=hint)


def make_graph(subject: Subject) -> Graph:
    """The graph of a lock or a pack.

    Where it is not told what was asked for, or that does not lead to every package, the packages that nothing needs are
    roots as well; of a circle that nothing else needs, the first by name.
    """
    packages = {package.name: package for package in subject.packages}
    projects = {str(canonicalize_name(name)): name for name in packages}
    needs = {name: _edges(package, packages, projects) for name, package in packages.items()}
    reverse: dict[str, list[Edge]] = defaultdict(list)
    for name, edges in needs.items():
        for edge in edges:
            reverse[edge.name].append(Edge(name=name, specs=edge.specs))
    needed_by = {name: tuple(reverse.get(name, ())) for name in packages}
    roots = _grouped((_of_wheel(root.name, packages, projects), root.spec) for root in subject.roots)
    return Graph(
        packages=packages,
        roots=(*roots, *_further_roots(roots, needs, needed_by)),
        needs=needs,
        needed_by=needed_by,
        told=bool(subject.roots),
    )


def _edges(
    package: SubjectPackage, packages: Mapping[str, SubjectPackage], projects: Mapping[str, str]
) -> tuple[Edge, ...]:
    specs = [(name_of(spec) or spec, spec) for spec in package.depends]
    if package.manager == "wheel":
        # A wheel names projects of PyPI, which a channel may write in another way.
        specs = [(_of_wheel(name, packages, projects), spec) for name, spec in specs]
    return _grouped((name, spec) for name, spec in specs if not name.startswith(_VIRTUAL))


def _of_wheel(name: str, packages: Mapping[str, SubjectPackage], projects: Mapping[str, str]) -> str:
    return name if name in packages else projects.get(str(canonicalize_name(name)), name)


def _grouped(specs: Iterable[tuple[str, str]]) -> tuple[Edge, ...]:
    by_name: dict[str, set[str]] = defaultdict(set)
    for name, spec in specs:
        by_name[name].add(spec)
    return tuple(Edge(name=name, specs=tuple(sorted(by_name[name]))) for name in sorted(by_name))


def _further_roots(
    roots: Iterable[Edge], needs: Mapping[str, tuple[Edge, ...]], needed_by: Mapping[str, tuple[Edge, ...]]
) -> Iterable[Edge]:
    """Roots without a spec, so that every package is below one."""
    reached = _reached([root.name for root in roots], needs, set())
    # First those that nothing needs: what is left then lies in circles or behind one.
    for name in (*(name for name in sorted(needs) if not needed_by[name]), *sorted(needs)):
        if name not in reached:
            _reached([name], needs, reached)
            yield Edge(name=name, specs=())


def _reached(names: list[str], needs: Mapping[str, tuple[Edge, ...]], reached: set[str]) -> set[str]:
    pending = [name for name in names if name in needs and name not in reached]
    reached.update(pending)
    while pending:
        new = {edge.name for edge in needs[pending.pop()] if edge.name in needs} - reached
        reached |= new
        pending += new
    return reached


def constraint_of(spec: str) -> str:
    """What a match spec says besides the name: ``>=1.25``, ``3.11.* *_cpython``; empty where it says nothing."""
    return split_name(split_channel(spec)[2])[1]
