"""Every error that lite_env raises on purpose.

::

    LiteEnvError
    ├── SpecError        environment.yml or settings are wrong
    ├── LockError        a lock file is missing, broken, stale or of a foreign format
    │   ├── SolveError   no set of packages satisfies what was asked for
    │   └── BuildError   a project or repository of a pip section could not be built, or is native
    ├── MissingToolError a program that a step needs is not on this machine
    ├── StoreError       a store, or a bundle of one, cannot be read or written
    ├── FetchError       a file could not be downloaded, or is not the one that was asked for
    ├── ChannelError     a channel definition is wrong, or could not be built
    │   └── RecipeError  a recipe is wrong, cannot be converted, or cannot be built
    ├── WasmError        a WebAssembly module does not follow the specification
    ├── PrefixError      an installed environment is broken or cannot be made
    │   └── AbiError     packages that were built for another Emscripten or another Python
    ├── PackError        a pack could not be written
    │   └── ManifestError  a pack cannot be read: unknown format, missing or foreign files
    ├── HostError        a packed kernel could not be started or driven here
    │   ├── MissingEngineError  the program that would run it is not on this machine
    │   ├── KernelStartError  the bootstrap reported a failure
    │   ├── KernelTimeoutError  the kernel did not answer in time
    │   └── DriveError   a request of a kernel for a file of the host is refused or fails
    ├── SiteError        a site cannot be made or served
    ├── ReportError      a question about a lock or a pack that has no answer
    ├── ExecutorError    the machines that work is to be given to cannot be reached, or must not have it
    └── ProcessError     a process that does a step of the work ended before it was done

An error carries what happened (`message`), what to do about it (`hint`) and where
(`context`, ordered pairs such as ``("file", "environment.yml")``, ``("line", 7)``). It is made text where a run ends:
in :mod:`lite_env.cli.boundary`, and for ``jupyter lite build`` in :mod:`lite_env.jupyterlite.actions`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = "***"
"""What stands in a text where a secret stood."""

_URL = re.compile(
    r"(?:(?<![a-z0-9+.-])(?!file:)[a-z][a-z0-9+.-]+:[/\\]{1,3}|(?<![\w:/.~-])//(?=[^/\s]*@))[^\s'\"`<>]+", re.IGNORECASE
)
_TOKEN = re.compile(r"(?<=[/\\])(?:t|%(?:25)*(?:74|54))[/\\]+[^/\\]+", re.IGNORECASE)


def without_secrets(text: str, *, queries: bool = True) -> str:
    """`text` with a mask over what looks like a credential in a URL: user and password, a token, a query.

    Args:
        text: a message.
        queries: whether to mask what follows ``?`` or ``#`` as well.
    """
    return _URL.sub(lambda found: _masked(found[0], queries=queries), text)


def _masked(url: str, *, queries: bool) -> str:
    start = re.match(r"[^:/\\]*:?[/\\]*", url)
    scheme = start[0] if start else ""
    rest = url[len(scheme) :]
    # Up to the last `@`, for a password may hold what ends one.
    user, at, host = rest.rpartition("@")
    rest = f"{MASK}@{host}" if at and user != MASK else rest
    if queries:
        rest = re.sub(r"[?#](?!\*\*\*).+", lambda found: f"{found[0][0]}{MASK}", rest)
    head, slash, path = rest.partition("/")
    return scheme + head + _TOKEN.sub(f"t/{MASK}", slash + path)


class LiteEnvError(Exception):
    """The root: something the user can act upon."""

    def __init__(self, message: str, *, hint: str | None = None, **context: str | int | None) -> None:
        # Whoever raises it may have taken the text from a file, a server or a library: a credential is never shown.
        self.message = without_secrets(message)
        super().__init__(self.message)
        self.hint = without_secrets(hint) if hint is not None else None
        self.context: tuple[tuple[str, str | int], ...] = tuple(
            (key, without_secrets(value) if isinstance(value, str) else value)
            for key, value in context.items()
            if value is not None
        )

    def __reduce__(self) -> tuple[Callable[..., LiteEnvError], tuple[object, ...]]:
        """For another process, with all that it carries: constructors of some kinds take other arguments."""
        return _again, (type(self), self.args, self.__dict__)

    def hide(self, hidden: Callable[[str], str]) -> None:
        """Change all its texts, for who knows what is secret in them."""
        self.message = hidden(self.message)
        self.args = (self.message,)
        self.hint = hidden(self.hint) if self.hint is not None else None
        self.context = tuple((key, hidden(text) if isinstance(text, str) else text) for key, text in self.context)


def _again(kind: type[LiteEnvError], args: tuple[object, ...], attributes: dict[str, object]) -> LiteEnvError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


class SpecError(LiteEnvError):
    """The environment file or a setting is wrong."""


class LockError(LiteEnvError):
    """A lock file is missing, broken, stale or of a format that is not known."""


class SolveError(LockError):
    """No set of packages satisfies what was asked for."""


class BuildError(LockError):
    """No pure wheel could be built of a project or repository."""


class MissingToolError(LiteEnvError):
    """A program that a step of the work needs is not on this machine."""


class StoreError(LiteEnvError):
    """A store, a remote one or a bundle of one cannot be used."""


class FetchError(LiteEnvError):
    """A file could not be downloaded, or what came is not what was asked for."""


class ChannelError(LiteEnvError):
    """A channel definition is wrong, or the channel could not be built."""


class RecipeError(ChannelError):
    """A recipe is wrong, cannot be converted or built, or makes what must not enter a channel."""


class WasmError(LiteEnvError):
    """A WebAssembly module does not follow the specification, or is more than engines take."""


class PrefixError(LiteEnvError):
    """An installed environment is broken, or could not be made."""


class AbiError(PrefixError):
    """Packages in one environment were built for different Emscripten or Python versions."""


class PackError(LiteEnvError):
    """A pack could not be written."""


class ManifestError(PackError):
    """A pack cannot be read: unknown format, missing, truncated or foreign files."""


class HostError(LiteEnvError):
    """A packed kernel could not be started or driven on this machine."""


class MissingEngineError(HostError):
    """The program that would run a kernel (Node.js, Chromium) is not on this machine, or too old."""


class KernelStartError(HostError):
    """The bootstrap inside the engine reported why the kernel cannot start."""


class KernelTimeoutError(HostError):
    """The kernel did not finish within the time limit."""


class DriveError(HostError):
    """A kernel's request for a file below ``/drive`` is refused or fails; `code` is the errno's name (``ENOENT``)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SiteError(LiteEnvError):
    """A site cannot be made of these packs, or not at that place."""


class ReportError(LiteEnvError):
    """A question about a lock or a pack has no answer: there is no such package, or it is not told."""


class ExecutorError(LiteEnvError):
    """Work cannot be given away: nobody answers, or who does would not come to the same."""


class ProcessError(LiteEnvError):
    """A process of its own, in which a step of the work was done, ended before that was done."""
