"""One value of a lock file that nobody vouches for, and the path to it: checked when it is read, or refused by it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote

from lite_env.errors import LockError
from lite_env.lock.model import PLATFORM
from lite_env.lock.urls import from_relative, split_package_url
from lite_env.spec.address import Channel, local_path, public_url
from lite_env.spec.channels import resolve_channel
from lite_env.spec.document import Document
from lite_env.spec.matchspec import beyond_bounds
from lite_env.store.digest import is_sha256
from lite_env.store.text import shown, split_url

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LOCK_AGAIN = "make it anew with `lite-env lock --upgrade`; a lock file is not edited by hand"
"""What to do about a lock of ours that is damaged."""
MAX_NUMBER = 2**63
"""What numbers of a lock are below: sizes, times, build numbers."""

_MD5 = re.compile(r"[0-9a-f]{32}\Z")


def read_document(text: str, path: Path) -> Field:
    """The whole of a lock in YAML that stands at `path`.

    Raises:
        LockError: it is not YAML, or is beyond a bound; with the line.
    """
    try:
        return Field(Document(text, file=path, error=LockError).plain(), "", path)
    except LockError as error:
        # Nobody is to mend the YAML of a lock by hand.
        raise LockError(error.message, hint=LOCK_AGAIN, **dict(error.context)) from error


class Field:
    """A value in the file and the path to it; every accessor checks the type and refuses with that path."""

    def __init__(self, value: Any, where: str, file: Path, *, exists: bool = True) -> None:  # noqa: ANN401
        self.value = value
        self.where = where
        self.file = file
        self.exists = exists and value is not None

    def __getitem__(self, key: str) -> Field:
        """The field of a mapping; one that is not there is refused when it is read."""
        where = f"{self.where}.{key}" if self.where else key
        if not self.exists:
            return Field(None, where, self.file, exists=False)
        mapping = self._typed(dict, "a mapping")
        return Field(mapping.get(key), where, self.file, exists=key in mapping)

    def fault(self, problem: str) -> NoReturn:
        """Refuse the file because of this field."""
        raise LockError(
            f"the lock file is not valid: `{self.where or 'the file'}` {problem}",
            hint=LOCK_AGAIN,
            file=str(self.file),
            key=self.where or None,
        )

    def only(self, known: Collection[str]) -> Field:
        """Refuse keys that the format does not have."""
        for key in self._typed(dict, "a mapping"):
            if key not in known:
                self[str(key)].fault("is a key that this format does not have")
        return self

    def entries(self, *, optional: bool = False) -> list[tuple[str, Field]]:
        """The items of a mapping whose keys are strings."""
        if optional and not self.exists:
            return []
        mapping = self._typed(dict, "a mapping")
        for key in mapping:
            if not isinstance(key, str):
                self.fault(f"has the key {key!r} where a string is expected: quote it")
        return [(key, self[key]) for key in sorted(mapping)]

    def items(self) -> list[Field]:
        """The items of a list."""
        values = self._typed(list, "a list")
        return [Field(value, f"{self.where}[{index}]", self.file) for index, value in enumerate(values)]

    def strings(self) -> tuple[str, ...]:
        """A list of strings; nothing when it is not there."""
        return tuple(item.string() for item in self.items()) if self.exists else ()

    def match_specs(self) -> tuple[str, ...]:
        """A list of match specs that a solver may be handed; nothing when it is not there."""
        for item in self.items() if self.exists else ():
            item.refuse_unreadable(item.string())
        return self.strings()

    def refuse_unreadable(self, spec: str) -> None:
        """Refuse a match spec that the solver's library would not survive."""
        reason = beyond_bounds(spec)
        if reason:
            self.fault(f"has the match spec `{shown(spec)}`, which {reason}")

    def address(self, folder: Path) -> str:
        """A URL, or a path relative to the lock file in `folder`, as a URL."""
        text = self.string()
        try:
            if "\0" in unquote(text):
                self.fault("has the character NUL in it")
            scheme = split_url(text).scheme
            url = from_relative(text, folder)
        except ValueError as error:
            self.fault(f"is no address: {error}")
        path = local_path(url) if scheme == "file" else None
        if path is None:
            return url
        if not path.is_absolute():
            self.fault("is a `file:` URL of a path that does not start at the root")
        # One path has several URLs, of which one is written.
        return path.as_uri()

    def package_url(self, folder: Path) -> str:
        """The address of a package, without credentials; those of its channel are enough to fetch it."""
        try:
            return public_url(self.address(folder))
        except ValueError as error:
            self.fault(f"is no package's address: {error}")

    def split_package(self, url: str) -> tuple[str, str, str]:
        """Channel, subdir and file name of the package at `url`, which is what this field comes to."""
        try:
            channel, subdir, file_name = split_package_url(url)
        except ValueError as error:
            self.fault(f"is no package's address: {error}")
        if subdir not in {PLATFORM, "noarch"}:
            self.fault(f"is for {shown(subdir)}, not for {PLATFORM} or noarch")
        return channel, subdir, file_name

    def channels(self, folder: Path) -> tuple[Channel, ...]:
        """The channels of one entry: a URL, a name as conda-lock writes it, or a path relative to the lock."""
        field = self.only(("url", "used_env_vars"))["url"]
        field.address(folder)
        text = field.string()
        try:
            found = resolve_channel(from_relative(text, folder) if text.startswith(".") else text, folder)
        except ValueError as error:
            field.fault(f"is no channel: {error}")
        # With variables in it, what stands there is not the credential but how another tool would find it.
        return tuple(map(Channel, (each.url for each in found))) if self["used_env_vars"].value else found

    def string(self) -> str:
        """A string that is not empty."""
        text = self.text()
        if not text:
            self.fault("is empty")
        return text

    def text(self) -> str:
        """A string, perhaps an empty one."""
        if isinstance(self.value, (int, float)):
            self.fault(f"is {shown(repr(self.value))} where a string is expected: quote it")
        return str(self._typed(str, "a string"))

    def number(self) -> int | None:
        """A number that is not negative; None when it is not there."""
        if not self.exists:
            return None
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not 0 <= self.value < MAX_NUMBER:
            self.fault(f"is {shown(repr(self.value))} where a number from 0 on is expected")
        return self.value

    def noarch(self) -> str:
        """The kind of a package that is for every platform."""
        text = self.string()
        if text not in ("generic", "python"):
            self.fault(f"is {shown(repr(text))}, neither generic nor python")
        return text

    def sha256(self) -> str:
        """A SHA-256 in lower-case hex."""
        text = self.string()
        if not is_sha256(text):
            self.fault("is no SHA-256 (64 lower-case hex digits)")
        return text

    def md5(self) -> str | None:
        """An MD5 in lower-case hex; None when it is not there."""
        if not self.exists:
            return None
        text = self.string()
        if not _MD5.match(text):
            self.fault("is no MD5 (32 lower-case hex digits)")
        return text

    def _typed(self, kind: type, what: str) -> Any:  # noqa: ANN401 - of the kind that was asked for
        if not self.exists:
            self.fault("is missing")
        if not isinstance(self.value, kind):
            self.fault(f"is not {what}")
        return self.value
