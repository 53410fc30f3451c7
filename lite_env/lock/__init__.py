"""The exact answer to what was asked for: solved packages with their hashes, written as a lock file."""

from lite_env.lock.answer import LockAnswer, answers
from lite_env.lock.diff import LockDiff, diff_packages
from lite_env.lock.file import FILE_NAME, lock_path, read_lock, write_lock
from lite_env.lock.model import PLATFORM, LockedPackage, Lockfile

__all__ = [
    "FILE_NAME",
    "PLATFORM",
    "LockAnswer",
    "LockDiff",
    "LockedPackage",
    "Lockfile",
    "answers",
    "diff_packages",
    "lock_path",
    "read_lock",
    "write_lock",
]
