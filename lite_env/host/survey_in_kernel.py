"""Runs inside the packed kernel, as a cell: imports what is public in a package, and tells which module needs which.

Of every module that is loaded it is known while which other one ran, whoever asked for it: C too calls the function of
importlib that is replaced here. Of modules that are there already it is known where Python asks for them, and else by
what an extension module holds of theirs.
"""

import builtins
import json
import os
import pkgutil
import sys
from importlib import _bootstrap
from types import ModuleType
from typing import Any

_importlib: Any = _bootstrap
_SKIPPED = ("test", "tests", "testing", "conftest", "setup")


class LiteEnvSurvey:
    """Keeps what is loaded while it is entered.

    Attributes:
        needs: for each module that was loaded the modules that it asked for meanwhile.
        opened: for each the files that were opened for it itself.
    """

    def __init__(self) -> None:
        self.needs: dict[str, set[str]] = {}
        self.opened: dict[str, set[str]] = {}
        self._there = frozenset(sys.modules)
        self._loading: list[str] = []  # the module that runs is the last one
        self._find_and_load: Any = _importlib._find_and_load
        self._import = builtins.__import__

    def __enter__(self) -> None:
        _importlib._find_and_load = self._load
        builtins.__import__ = self._recorded_import
        sys.addaudithook(self._hear)

    def __exit__(self, *_: object) -> None:
        _importlib._find_and_load = self._find_and_load
        builtins.__import__ = self._import

    def _note(self, name: str) -> None:
        if self._loading and name not in self._there:
            self.needs[self._loading[-1]].add(name)

    def _load(self, name: str, import_: object) -> object:
        self._note(name)
        if name in sys.modules:
            return self._find_and_load(name, import_)
        self._loading.append(name)
        self.needs.setdefault(name, set())
        self.opened.setdefault(name, set())
        self._note(name.rpartition(".")[0])
        try:
            module = self._find_and_load(name, import_)
            self._look_into(module)
            return module
        finally:
            self._loading.pop()

    def _look_into(self, module: object) -> None:
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if not isinstance(origin, str) or not origin.endswith(".so"):
            return
        self.opened[self._loading[-1]].add(origin)
        for value in list(vars(module).values()):
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(name, str):
                self._note(name)

    def _recorded_import(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        module = self._import(name, globals, locals, fromlist, level)
        if self._loading:
            package = _importlib._calc___package__(globals) if level else ""
            absolute = _importlib._resolve_name(name, package, level) if level else name
            self._note(absolute)
            for item in fromlist or ():
                if f"{absolute}.{item}" in sys.modules:
                    self._note(f"{absolute}.{item}")
        return module

    def _hear(self, event: str, arguments: Any) -> None:
        if event == "open" and self._loading and isinstance(arguments[0], str):
            self.opened[self._loading[-1]].add(os.path.abspath(arguments[0]))

    def answer(self, names: list[str]) -> dict[str, object]:
        """What was seen, with those of `names` that were loaded only now."""
        modules = {
            name: [sorted(self.needs[name] & self.needs.keys()), sorted(self.opened[name])]
            for name in sorted(self.needs)
        }
        return {"modules": modules, "names": [name for name in names if name in self.needs]}


def _public(package: str) -> list[str]:
    found = sorted(pkgutil.iter_modules(getattr(sys.modules.get(package), "__path__", [])))
    return [f"{package}.{module.name}" for module in found if module.name[0] != "_" and module.name not in _SKIPPED]


def _loads(name: str) -> bool:
    try:
        __import__(name)
    except BaseException:  # whatever a stranger's module does, it is left out
        return False
    return True


def _lite_env_survey(package: str, output: str) -> None:
    """Import the public modules of `package`, two levels deep; write what each of them loads to `output`."""
    survey = LiteEnvSurvey()
    with survey:
        first = [name for name in _public(package) if _loads(name)]
        second = [name for above in first for name in _public(above) if _loads(name)]
    with open(output, "w") as stream:
        json.dump(survey.answer(first + second), stream)
