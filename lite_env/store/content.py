"""Files kept under the SHA-256 of their content: what was fetched once is not fetched again."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.store.digest import sha256_of_file

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ContentStore:
    """A folder of files named by their content; it is made when the first file comes."""

    directory: Path

    def path(self, sha256: str) -> Path:
        """Where the file with this content is, or would be."""
        return self.directory / sha256[:2] / sha256

    def partial(self, sha256: str) -> Path:
        """Where a download of this content grows until it is whole."""
        return self.directory / "partial" / sha256

    def find(self, sha256: str) -> Path | None:
        """The file with this content, if it is here and still has it; a damaged one is thrown away."""
        path = self.path(sha256)
        if not path.is_file():
            return None
        if sha256_of_file(path) != sha256:
            path.unlink(missing_ok=True)
            return None
        return path

    def adopt(self, file: Path, sha256: str) -> Path:
        """Take `file`, whose content was checked to be `sha256`, into the store; it is moved."""
        path = self.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another file system is not renamed across: copy beside the target first, so that it appears whole.
        staged = path.with_name(f".{sha256}.{os.getpid()}.part")
        try:
            shutil.move(file, staged)
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)
        return path
