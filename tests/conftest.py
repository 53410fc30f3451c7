"""A cache of the session's own, and real packs for tests of real kernels: each is made once a session."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from lite_env.store.location import CACHE_VARIABLE

if TYPE_CHECKING:
    from tests.own_kernels import OwnPacks

# How long an example takes says more about the machine than about the code.
settings.register_profile("lite-env", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lite-env")

EXAMPLES = Path(__file__).parent.parent / "examples"
_OWN_CACHE = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the session a cache of its own: a test that damages a file must not damage the developer's.

    It is in the environment before workers are started, so that they and all child processes share it. What is
    downloaded for the channel of the examples is downloaded once a session.
    """
    # A shell starts jobs in the background with SIGINT ignored, which all that is started here would inherit; a handler
    # of our own is not inherited. Tests press Ctrl-C themselves.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return
    cache = Path(tempfile.mkdtemp(prefix="lite-env-tests-"))
    config.stash[_OWN_CACHE] = cache
    os.environ[CACHE_VARIABLE] = str(cache)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's cache."""
    if _OWN_CACHE in config.stash:
        shutil.rmtree(config.stash[_OWN_CACHE], ignore_errors=True)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id) -> Path:
    """A folder that all workers of this session see."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def numpy_pack(shared_folder) -> Path:
    """The pack of examples/numpy: xeus-python 3.11 and numpy."""
    return make_pack(EXAMPLES / "numpy" / "environment.yml", shared_folder / "numpy")


@pytest.fixture(scope="session")
def shipped_pack(shared_folder) -> Path:
    """The same packages and a variable, with a snapshot of the started kernel."""
    folder = shared_folder / "shipped"
    folder.mkdir(exist_ok=True)
    environment = folder / "environment.yml"
    text = (EXAMPLES / "numpy" / "environment.yml").read_text("utf-8")
    text = text.replace("../..", str(EXAMPLES.parent))
    environment.write_text(f"{text}variables:\n  MADE_UP: a value\n", "utf-8")
    return make_pack(environment, folder, snapshot=True)


@pytest.fixture(scope="session")
def loaded_pack(shared_folder) -> Path:
    """Xeus-python and numpy, with a snapshot in which numpy is imported, as the settings beside the environment say."""
    return make_loaded_pack(
        (EXAMPLES / "numpy" / "environment.yml").read_text("utf-8"), shared_folder / "loaded", "numpy"
    )


@pytest.fixture(scope="session")
def loaded_pandas_pack(shared_folder) -> Path:
    """The same with Pyodide 0.27 and pandas."""
    channel = "../../channels/pyodide-0.27"
    text = f"name: pandas-demo\nchannels: [{channel}]\ndependencies: [pyodide-kernel, pandas]\n"
    return make_loaded_pack(text, shared_folder / "loaded-pandas", "pandas")


@pytest.fixture(scope="session")
def lua_pack(shared_folder) -> Path:
    """The pack of examples/lua: a kernel without Python and without a file system."""
    return make_pack(EXAMPLES / "lua" / "environment.yml", shared_folder / "lua")


@pytest.fixture(scope="session")
def nelson_pack(shared_folder) -> Path:
    """The pack of examples/nelson: a kernel that is older than the others, and small."""
    return make_pack(EXAMPLES / "nelson" / "environment.yml", shared_folder / "nelson")


@pytest.fixture(scope="session")
def sqlite_pack(shared_folder) -> Path:
    """A kernel of SQL."""
    return make_pack(EXAMPLES.parent / "tests" / "environments" / "sqlite.yml", shared_folder / "sqlite")


@pytest.fixture(scope="session")
def science_pack(shared_folder) -> Path:
    """The pack of examples/science: Pyodide 0.27 with the scientific packages. Its channel is 95 MB of downloads."""
    return make_pack(EXAMPLES / "science" / "environment.yml", shared_folder / "science")


@pytest.fixture(scope="session")
def parquet_pack(shared_folder) -> Path:
    """Pandas with pyarrow."""
    return make_pack(EXAMPLES.parent / "tests" / "environments" / "parquet.yml", shared_folder / "parquet")


@pytest.fixture(scope="session")
def newest_pack(shared_folder) -> Path:
    """Pyodide 314, which runs in module workers only, with compiled packages from PyPI."""
    return make_pack(EXAMPLES.parent / "tests" / "environments" / "pyodide-314.yml", shared_folder / "newest")


@pytest.fixture(scope="session")
def xeus_packs(numpy_pack, lua_pack, nelson_pack) -> tuple[Path, ...]:
    """Kernels of three languages."""
    return numpy_pack, lua_pack, nelson_pack


@pytest.fixture(scope="session")
def pyodide_packs(science_pack, newest_pack) -> tuple[Path, ...]:
    """Pyodide in two generations, whose workers are classic and modules."""
    return science_pack, newest_pack


@pytest.fixture(scope="session")
def own_packs(shared_folder) -> OwnPacks:
    """Kernels of a user's own, with start-up code that runs and with such that fails."""
    from tests.own_kernels import make_own_packs  # noqa: PLC0415 - as in `make_pack`

    return make_own_packs(shared_folder / "own")


def make_pack(environment: Path, folder: Path, *, snapshot: bool = False) -> Path:
    """Lock, install and pack `environment`; the folder of the pack."""
    # Imported here: most tests need none of this, and rattler is slow to load.
    from lite_env.prefix.installer import install  # noqa: PLC0415
    from lite_env.store.local import open_store  # noqa: PLC0415
    from lite_env.workflow.lock import lock_environment  # noqa: PLC0415
    from lite_env.workflow.options import PackOptions  # noqa: PLC0415
    from lite_env.workflow.pack import pack_environment  # noqa: PLC0415

    pack = folder / "pack"
    with FileLock(f"{folder}.lock"):
        if not (pack / "manifest.json").exists():
            locked = lock_environment(environment, output=folder / "conda-lock.yml", store=open_store())
            install(locked.lock, folder / "prefix")
            options = PackOptions(name=locked.lock.name, level=3, snapshot=snapshot)
            pack_environment(folder / "prefix", pack, options, store=open_store())
    return pack


def make_loaded_pack(environment: str, folder: Path, *modules: str) -> Path:
    """Pack that environment file, of an example's folder, with a snapshot in which `modules` are imported."""
    # Imported here: see `make_pack`.
    from lite_env.store.local import open_store  # noqa: PLC0415
    from lite_env.workflow.options import PackOptions  # noqa: PLC0415
    from lite_env.workflow.pack import pack_environment  # noqa: PLC0415

    pack = folder / "pack"
    with FileLock(f"{folder}.lock"):
        if not (pack / "manifest.json").exists():
            folder.mkdir(exist_ok=True)
            (folder / "environment.yml").write_text(environment.replace("../..", str(EXAMPLES.parent)), "utf-8")
            (folder / "pyproject.toml").write_text(f"[tool.lite-env]\npreload = {list(modules)}\n", "utf-8")
            options = PackOptions(level=3, snapshot=True)
            pack_environment(folder / "environment.yml", pack, options, store=open_store())
    return pack
