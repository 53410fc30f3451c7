"""What people write among dependencies that is no match spec, each with what to write in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import SpecError
from lite_env.spec.matchspec import beyond_bounds, is_address, name_of

if TYPE_CHECKING:
    from lite_env.spec.address import Channel

_PACKAGE_FILES = (".conda", ".tar.bz2", ".whl")


def refusal_of(text: str) -> tuple[str, str] | None:
    """Why a dependency is no match spec to any solver, and a hint; None where a solver is to say.

    The text itself is not repeated: an address may hold a password.
    """
    if is_address(text) or text.lower().endswith(_PACKAGE_FILES) or " @ " in text:
        name = (None if text.startswith((".", "/", "~")) else name_of(text)) or "NAME"
        return (
            "a dependency is the address of a file, and only packages of channels can be asked for",
            (
                "list the channel that has the package under `channels` (a folder of packages is one as soon as it is "
                f"indexed), and ask for it by name, version and build: `- {name} VERSION BUILD`"
            ),
        )
    if text.startswith("pip - "):
        return (
            "the list below `- pip` belongs to it, and a `:` is missing",
            "write `- pip:` in front of a list of packages from PyPI, and `- pip` for pip itself",
        )
    reason = beyond_bounds(text)
    if reason:
        return (
            f"the dependency on {name_of(text[:100]) or 'a package'} {reason}",
            "write a name, then versions: `numpy`, `numpy >=1.25,<2`, `numpy 1.25.*`",
        )
    return None


def address_refusal(channel: Channel | None, match: str) -> tuple[str, str] | None:
    """Why a lock could not repeat a dependency word for word, as it does, and a hint; None where it can.

    Neither credentials may stand in it, nor an address of a channel that was not listed.
    """
    secret = channel is not None and channel.is_secret
    if not secret and not any(sign in match for sign in "/@\\"):
        return None
    return (
        f"a dependency holds {'credentials' if secret else 'an address'}, which would be published with the lock",
        "list the channel's address in `channels`, and write `NAME::package` where NAME is its last part",
    )


def misplaced_pip(error: SpecError, text: str) -> SpecError | None:
    """What is wrong where YAML stumbles over a ``pip:`` that stands among the items of a list; None elsewhere."""
    line = next((value for key, value in error.context if key == "line"), None)
    lines = text.split("\n")
    if not isinstance(line, int) or line > len(lines) or lines[line - 1].split("#")[0].strip() != "pip:":
        return None
    return SpecError(
        "`pip:` stands beside the items of a list",
        hint="begin it with a dash, as the other items: `- pip:`, and its list further to the right",
        **dict(error.context),
    )
