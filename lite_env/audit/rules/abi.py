"""``python-abi`` and ``emscripten-abi``: what was built for another Python or another Emscripten.

An extension module's name says which Python it is for, and Python looks for no other; it calls the export
``PyInit_NAME``. Of Emscripten no file tells: packages depend on ``emscripten-abi``, so that a solver keeps them apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule, has_libraries
from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.contents import Contents
    from lite_env.audit.runtime import Runtime
    from lite_env.audit.subject import Subject

_EXTENSION = re.compile(
    r"(?:\A|/)(?P<name>[^/.]+)\.(?:cpython-(?P<major>\d)(?P<minor>\d+)-wasm32-emscripten|abi3)\.so\Z"
)
_SITE_PACKAGES = re.compile(r"lib/python(\d+\.\d+)/site-packages/")
_EMSCRIPTEN, _PYTHON = "emscripten-abi", "python"
_ANY_PATCH = ("0", "99")


def _find_python(subject: Subject) -> Iterator[Fault]:
    contents, runtime = subject.contents, subject.runtime
    extensions = {path: found for path in contents.files if (found := _EXTENSION.search(path))}
    yield from _without_start(contents)
    built_for = _built_for(contents)
    expected = ".".join(runtime.python.split(".")[:2]) if runtime is not None and runtime.python else None
    for version, path in built_for.items():
        if expected is not None and runtime is not None and version != expected:
            yield Fault(
                file=path,
                message=f"it is for Python {version}, and {runtime.name} has Python {runtime.python}",
                hint=f"build it for Python {expected}, or check it with the runtime of Python {version}",
            )
    if len(built_for) > 1:
        yield Fault(
            message=f"it has files for Python {' and '.join(sorted(built_for))}",
            hint="build it in a clean environment: a package is for one Python",
        )
    if not contents.is_wheel:
        yield from _python_dependency(contents, built_for, has_extensions=bool(extensions))


def _without_start(contents: Contents) -> Iterator[Fault]:
    for binary in contents.libraries:
        found = _EXTENSION.search(binary.path)
        if found is None or binary.module is None:
            continue
        start = f"PyInit_{found['name']}"
        # A name beyond ASCII is written in Punycode, and begins otherwise.
        if found["name"].isascii() and start not in binary.module.exports:
            yield Fault(
                file=binary.path,
                message=f"it does not export '{start}', by which Python starts it",
                hint=f"link with --export-if-defined={start}, and compile with -fvisibility=default",
            )


def _built_for(contents: Contents) -> dict[str, str]:
    """The versions of Python that its paths name, each with one of those."""
    versions: dict[str, str] = {}
    for path in contents.files:
        if folder := _SITE_PACKAGES.match(path):
            versions.setdefault(folder[1], path)
        if (extension := _EXTENSION.search(path)) and extension["major"]:
            versions.setdefault(f"{extension['major']}.{extension['minor']}", path)
    return versions


def _python_dependency(contents: Contents, built_for: dict[str, str], *, has_extensions: bool) -> Iterator[Fault]:
    specs = [spec for spec in contents.depends if name_of(spec) == _PYTHON]
    if has_extensions and not specs:
        yield Fault(
            message="it has extension modules, and does not depend on python",
            hint="add python to the package's run requirements, with the minor version it is built for",
        )
    for spec in specs:
        for version in built_for:
            if not any(_satisfies(spec, f"{version}.{patch}") for patch in _ANY_PATCH):
                yield Fault(
                    message=f"it has files for Python {version}, and depends on '{spec}'",
                    hint=f"build it for that Python, or depend on python {version}.*",
                )


def _find_emscripten(subject: Subject) -> Iterator[Fault]:
    contents, runtime = subject.contents, subject.runtime
    specs = [spec for spec in contents.depends if name_of(spec) == _EMSCRIPTEN]
    if has_libraries(contents) and not specs and not contents.is_wheel:
        yield Fault(
            message=f"it has shared libraries and does not depend on {_EMSCRIPTEN}: a solver may mix it with any",
            hint=f"add {_EMSCRIPTEN} with the version of its Emscripten to the package's run requirements",
            severity="warning",
        )
    if runtime is None or runtime.emscripten is None:
        return
    for spec in specs:
        if not _satisfies(spec, runtime.emscripten):
            yield Fault(
                message=f"it is for '{spec}', and {runtime.name} is of Emscripten {runtime.emscripten}",
                hint=f"build it with Emscripten {runtime.emscripten}, or check it with its own runtime",
            )


def is_for_another(contents: Contents, runtime: Runtime) -> bool:
    """Whether a package depends on another Emscripten than that of `runtime`."""
    version = runtime.emscripten
    specs = [spec for spec in contents.depends if name_of(spec) == _EMSCRIPTEN]
    return version is not None and not all(_satisfies(spec, version) for spec in specs)


def _satisfies(spec: str, version: str) -> bool:
    # rattler takes a third of a second to import, which `--help` shall not cost.
    from lite_env.lock.conda.records import satisfies_version  # noqa: PLC0415

    return satisfies_version(spec, version)


PYTHON = Rule(id="python-abi", checks="whether extension modules are for the runtime's Python", find=_find_python)
EMSCRIPTEN = Rule(id="emscripten-abi", checks="whether it is for the runtime's Emscripten", find=_find_emscripten)
