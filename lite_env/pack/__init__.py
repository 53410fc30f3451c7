"""Which file goes into which archive and when it loads; the pack that is written, read and undone."""

from lite_env.pack.filters import FileFilter, default_filter, read_filter
from lite_env.pack.layout import ArchivePlan
from lite_env.pack.manifest import Manifest
from lite_env.pack.plan import PackPlan, plan_pack
from lite_env.pack.reader import read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.writer import write_pack

__all__ = [
    "ArchivePlan",
    "FileFilter",
    "Manifest",
    "PackPlan",
    "default_filter",
    "plan_pack",
    "read_filter",
    "read_index",
    "read_manifest",
    "unpack",
    "write_pack",
]
