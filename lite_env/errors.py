"""Every error that lite_env raises on purpose.

::

    LiteEnvError
    ├── SpecError        environment.yml or settings are wrong
    ├── LockError        a lock file is missing, broken, stale or of a foreign format
    │   └── SolveError   no set of packages satisfies what was asked for
    ├── FetchError       a file could not be downloaded, or is not the one that was asked for
    ├── ChannelError     a channel definition is wrong, or could not be built
    ├── PrefixError      an installed environment is broken or cannot be made
    │   └── AbiError     packages that were built for another Emscripten or another Python
    ├── PackError        a pack could not be written
    │   └── ManifestError  a pack cannot be read: unknown format, missing or foreign files
    ├── HostError        a packed kernel could not be started or driven here
    │   ├── KernelStartError  the bootstrap reported a failure
    │   ├── KernelTimeoutError  the kernel did not answer in time
    │   └── DriveError   a request of a kernel for a file of the host is refused or fails
    └── SiteError        a site cannot be made or served

An error carries what happened (`message`), what to do about it (`hint`) and where
(`context`, ordered pairs such as ``("file", "environment.yml")``, ``("line", 7)``). It is formatted in one place only:
the error boundary in :mod:`lite_env.cli.boundary`.
"""

from __future__ import annotations


class LiteEnvError(Exception):
    """The root: something the user can act upon."""

    def __init__(self, message: str, *, hint: str | None = None, **context: str | int | None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context: tuple[tuple[str, str | int], ...] = tuple(
            (key, value) for key, value in context.items() if value is not None
        )


class SpecError(LiteEnvError):
    """The environment file or a setting is wrong."""


class LockError(LiteEnvError):
    """A lock file is missing, broken, stale or of a format that is not known."""


class SolveError(LockError):
    """No set of packages satisfies what was asked for."""


class FetchError(LiteEnvError):
    """A file could not be downloaded, or what came is not what was asked for."""


class ChannelError(LiteEnvError):
    """A channel definition is wrong, or the channel could not be built."""


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
