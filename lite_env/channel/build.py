"""Building a conda channel from its definition: fetch, lay out, assemble, index, and only then put it in place."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from lite_env.channel.assemble import assemble, require_assembler
from lite_env.channel.catalog import is_shipped_in_wheel
from lite_env.channel.definition import load_definition
from lite_env.channel.member import SourceArchive
from lite_env.channel.model import DEFINITION_FILE, SUBDIRS
from lite_env.channel.sources import fetch_source
from lite_env.channel.stage import stage_package
from lite_env.channel.state import STATE_FILE, describe, make_built, read_built, write_built
from lite_env.errors import ChannelError
from lite_env.progress import SILENT
from lite_env.spec.places import is_file
from lite_env.store.atomic import replace_directory, write_text
from lite_env.store.location import cache_directory
from lite_env.store.protocol import FORGETFUL
from lite_env.store.refusals import hint_of
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lite_env.channel.model import BuiltChannel, ChannelDefinition, Source
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

LOCK_FILE = ".lock"
_REPODATA = "repodata.json"
_SCRATCH = ".build-"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelPlan:
    """What building would do.

    Attributes:
        definition: what the channel is made of.
        output: the folder that becomes the channel.
        built: the channel, if it is there already and nothing is to be done.
        missing: sources that would be fetched.
    """

    definition: ChannelDefinition
    output: Path
    built: BuiltChannel | None
    missing: tuple[Source, ...]


def plan_channel(
    directory: Path, *, output: Path | None = None, force: bool = False, store: Store = FORGETFUL
) -> ChannelPlan:
    """Decide what is to be done to have the channel defined in `directory` in the folder `output`.

    Args:
        directory: has a ``channel.yaml``.
        output: the folder of the channel; by default `directory` itself.
        force: build even when it is there already.
        store: keeps the sources.

    Raises:
        ChannelError: the definition is wrong, or the output cannot be there.
    """
    definition = load_definition(directory)
    if output is None and is_shipped_in_wheel(directory):
        raise ChannelError(
            "a definition that lite_env brings cannot be built inside the installed package",
            hint=f"say where: `lite-env channel build {directory.name} -o DIR`",
        )
    output = (output or directory).absolute()
    _refuse_foreign(output)
    return ChannelPlan(
        definition=definition,
        output=output,
        built=None if force else read_built(definition, output),
        missing=tuple(source for source in definition.sources if store.read(source.sha256) is None),
    )


def is_unbuilt(directory: Path) -> bool:
    """Whether `directory` is a channel definition that is not built in place, or was changed since.

    Raises:
        ChannelError: it has a definition, and that is wrong.
    """
    if not is_file(directory / DEFINITION_FILE):
        return False
    return read_built(load_definition(directory), directory.absolute()) is None


def was_built(directory: Path) -> bool:
    """Whether the channel defined in `directory` was built there at any time, whatever has become of it since."""
    return is_file(directory / STATE_FILE)


def build_channel(
    directory: Path,
    *,
    output: Path | None = None,
    force: bool = False,
    offline: bool = False,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> BuiltChannel:
    """Have the channel defined in `directory` in the folder `output`, building it if it is not there.

    Equal definitions make equal bytes, wherever and whenever they are built. What stood in `output` stays until the
    new channel is complete. Processes that build the same channel wait for each other.

    Args:
        directory: has a ``channel.yaml``.
        output: the folder of the channel; by default `directory` itself.
        force: build even when it is there already.
        offline: fetch nothing.
        store: keeps the sources.
        reporter: told of bytes while sources are fetched and of packages while they are made.

    Raises:
        ChannelError: the definition is wrong, or does not fit its sources.
        FetchError: a source could not be had.
    """
    plan = plan_channel(directory, output=output, force=force, store=store)
    if plan.built:
        return plan.built
    require_assembler()
    with _locked(plan.output, reporter):
        if not force:
            # Another process may have built it while this one waited.
            built = read_built(plan.definition, plan.output)
            if built:
                return built
        return _build(plan.definition, plan.output, offline=offline, store=store, reporter=reporter)


def _refuse_foreign(output: Path) -> None:
    """Building replaces whole subdirs: refuse where somebody else's packages would go with them."""
    if (output / STATE_FILE).is_file() or (output / DEFINITION_FILE).is_file():
        return
    for subdir in SUBDIRS:
        folder = output / subdir
        if folder.is_dir() and any(folder.iterdir()):
            raise ChannelError(
                f"{folder} is there already, and was not built by lite_env",
                hint="give a new folder with -o, or remove that one",
                output=str(output),
            )


@contextmanager
def _locked(output: Path, reporter: Reporter) -> Iterator[None]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(output / LOCK_FILE)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            reporter.note(f"waiting for another process that builds {output}", passing=True)
            lock.acquire()
    except OSError as error:
        raise ChannelError(
            f"the channel cannot be written: {error.strerror}",
            hint=f"{hint_of(error.errno)}; -o names another folder",
            output=str(output),
        ) from error
    try:
        yield
    finally:
        lock.release()


def _build(
    definition: ChannelDefinition, output: Path, *, offline: bool, store: Store, reporter: Reporter
) -> BuiltChannel:
    downloads = cache_directory("downloads")
    sources = {
        source.name: fetch_source(
            source,
            store=store,
            downloads=downloads,
            members=definition.members(source.name),
            offline=offline,
            reporter=reporter,
        )
        for source in definition.sources
    }
    # A build that was killed could not clean up after itself; the lock says that none is running.
    for left in output.glob(f"{_SCRATCH}*"):
        remove_tree(left)
    with ExitStack() as stack:
        # Beside the result: on the same file system, so that putting it in place is a rename.
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=output, prefix=_SCRATCH)))
        archives = {
            source.name: SourceArchive(sources[source.name], name=source.name, root=source.root)
            for source in definition.sources
        }
        for archive in archives.values():
            stack.callback(archive.close)
        channel = scratch / "channel"
        _make_packages(definition, archives, channel, scratch / "files", reporter)
        # rattler takes a third of a second to import, which a pack of what is built shall not cost.
        from lite_env.channel.index import index_channel, stable_index  # noqa: PLC0415

        index_channel(channel)
        for subdir in SUBDIRS:
            path = channel / subdir / _REPODATA
            write_text(path, stable_index(path))
        files = describe(
            channel, [package.path for package in definition.packages] + [f"{s}/{_REPODATA}" for s in SUBDIRS]
        )
        built = make_built(definition, output, files, fresh=True)
        # From here until the state is written an interruption leaves a channel that counts as ours and not built.
        write_text(output / STATE_FILE, "{}\n", durable=True)
        for subdir in SUBDIRS:
            replace_directory(channel / subdir, output / subdir)
        write_built(definition, output, built)
    return built


def _make_packages(
    definition: ChannelDefinition,
    archives: Mapping[str, SourceArchive],
    channel: Path,
    scratch: Path,
    reporter: Reporter,
) -> None:
    with reporter.task(f"building {definition.name}", len(definition.packages), "items") as task:
        for package in definition.packages:
            scratch.mkdir()
            (channel / package.subdir).mkdir(parents=True, exist_ok=True)
            staged = stage_package(package, archives, scratch, python=definition.python or "")
            # The assembler normalises names; the record's own name is the file's.
            path = assemble(package, staged, output=channel / package.subdir, timestamp=definition.timestamp)
            path.replace(channel / package.path)
            remove_tree(scratch)
            task.advance(1)
