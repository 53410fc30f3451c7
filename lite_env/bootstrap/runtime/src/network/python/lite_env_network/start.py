"""Makes the layer ready to be loaded: when a program first asks for a socket, or imports what needs it, and not before.

This runs in each start and does as little as it can: it takes from the loaded modules the names that the layer brings
(asking for one loads it), and puts a finder before the others.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import spec_from_loader
from typing import TYPE_CHECKING, Any, cast

import lite_env_bridge as bridge

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PACKAGE = "lite_env_network"
# Names of modules that are not there until somebody asks for them, and what brings them.
_LATE = {
    "socket": ("functions", ("socket", "create_connection", "getaddrinfo", "gethostbyname", "socketpair", "fromfd")),
    "http.client": ("https", ("HTTPSConnection",)),
    "urllib.request": ("https", ("HTTPSHandler",)),
}
# Modules in whose place others stand, or that are mended when they are loaded; `finding` knows how.
_WATCHED = frozenset(
    (
        *_LATE,
        *("ssl", "lzma", "urllib3.contrib.emscripten", "pip._vendor.urllib3.contrib.emscripten"),
        *("fsspec.asyn", "anyio.streams.tls", "anyio._backends._asyncio", "pip._internal.cli.main"),
    )
)
_LOOP_NAMES = ("create_connection", "getaddrinfo", "getnameinfo", "sock_connect", "start_tls", "run_in_executor")


class _Text:
    """Loads a module of ours from the runtime's text."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual one."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the text."""
        code = compile(self.get_source(module.__name__), f"<lite_env>/{self._name}.py", "exec", dont_inherit=True)
        exec(code, vars(module))  # noqa: S102

    def get_source(self, _fullname: str) -> str:
        """For tracebacks, too."""
        return bridge.source(self._name)


class Finder:
    """Finds modules of ours, and those in whose place they stand."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002 - as Python's
        """Of a module of ours, or of one that is to be mended."""
        if name.startswith(_PACKAGE) and name.partition(".")[0] == _PACKAGE:
            inner = name[len(_PACKAGE) + 1 :]
            return spec_from_loader(name, cast("Any", _Text(inner or "__init__")), is_package=not inner)
        if name not in _WATCHED:
            return None
        found = import_module(f"{_PACKAGE}.finding").find(self, name, path, _make_late if name in _LATE else None)
        return cast("ModuleSpec | None", found)

    def stand_in(self, name: str, text: str) -> ModuleSpec | None:
        """Of a module whose text is one of ours."""
        return spec_from_loader(name, cast("Any", _Text(text)))


def _make_late(module: ModuleType) -> None:
    """Take from a module what the layer brings; who asks for it gets it."""
    text, names = _LATE[module.__name__]
    space = vars(module)
    if text == "https" and names[0] in space:
        return  # This Python has its own `ssl`.
    taken = {name: space.pop(name) for name in names if name in space}

    def find(name: str) -> Any:
        if name not in names or space.pop("__getattr__", None) is None:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        space.update(taken)
        import_module(f"{_PACKAGE}.{text}").install()
        return getattr(module, name)

    space["__getattr__"] = find


def _make_loops_late(loop_class: type | None) -> None:
    """Let event loops be what blocks where they are run, and connect where JavaScript runs them."""
    import asyncio

    def loops() -> Any:
        return import_module(f"{_PACKAGE}.loop")

    def run(main: Any, *, debug: bool | None = None, **how: Any) -> Any:
        return loops().run(main, debug=debug, **how)

    def new_event_loop() -> Any:
        return loops().BlockingLoop()

    def late(name: str) -> Callable[..., Any]:
        return lambda *args, **how: getattr(loops(), name)(*args, **how)  # noqa: PLW0108 - not yet

    run.__doc__ = asyncio.run.__doc__
    run.__name__ = run.__qualname__ = "run"
    asyncio.run = run
    asyncio.new_event_loop = asyncio.events.new_event_loop = new_event_loop
    running = asyncio._get_running_loop()  # noqa: SLF001 - none is made by asking
    run_by_javascript = loop_class or (type(running) if running is not None else None)
    for name in _LOOP_NAMES if run_by_javascript is not None else ():
        setattr(run_by_javascript, name, late(name))


def start(loop_class: type | None = None) -> None:
    """Make all of it ready; `loop_class` is that of the loop that JavaScript runs, where none runs yet."""
    sys.meta_path.insert(0, Finder())
    for name in _LATE:
        module = sys.modules.get(name)
        if module is not None:
            _make_late(module)
    if "asyncio" in sys.modules:
        _make_loops_late(loop_class)
