"""Packages on disk: fetched, verified, installed; kernels found and ABIs checked."""

from lite_env.prefix.installer import install
from lite_env.prefix.model import InstalledPackage, KernelSpec, Prefix, PrefixFile, Runtime
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import is_prefix

__all__ = [
    "InstalledPackage",
    "KernelSpec",
    "Prefix",
    "PrefixFile",
    "Runtime",
    "install",
    "is_prefix",
    "read_prefix",
]
