"""What a site is to have: one value out of the addon's traits and an existing ``XeusAddon`` section."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lite_env.errors import SpecError
from lite_env.jupyterlite.xeus_section import read_section
from lite_env.spec.measures import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.jupyterlite.xeus_section import Section
    from lite_env.pack.mounts import Mount
    from lite_env.site.lite_kernels import Prefetch
    from lite_env.workflow.inputs import Kind

Layout = Literal["native", "xeus"]

LAYOUTS: tuple[Layout, ...] = ("native", "xeus")
PREFETCHES = ("none", "imports", "all")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What an environment of the site is made from.

    Attributes:
        kind: what lies there.
        path: absolute.
        label: how tasks and messages name it: the path as it was given.
    """

    kind: Kind
    path: Path
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AddonSettings:
    """What a site is to have.

    Attributes:
        sources: its environments, in the order in which their kernels are offered.
        channels: to take packages from, instead of those that environment files list.
        default_channels: for environment files that list none.
        profiles: by the label of a source; what its pack follows instead of tracing.
        filters: files of rules, as `PackOptions.filter_files`.
        layout: ours, or the tree that jupyterlite-xeus reads.
        prefetch: what is loaded ahead once a kernel runs.
        snapshots: whether kernels may be restored from snapshots.
        snapshot: whether packs bring copies of started kernels.
        default_kernel: of notebooks whose own kernel the site lacks; None leaves it to the language.
        locked: whether there have to be locks that answer, which are not written.
        offline: whether no connection may be opened.
        mounts: files of this machine that all kernels see.
        mount_contents: whether they see the site's contents at ``/files``.
        pip_index: that `%pip` in a notebook asks where a lock names none; None where it is told by each command.
        keep: seconds for which files of earlier builds stay that this one does not need.
        previous: folder or URL of an earlier deployment, of which files are carried over.
        isolate: whether the service worker is to make pages cross-origin isolated.
        notes: what was read from elsewhere.
        warnings: settings that are not used.
    """

    sources: tuple[Source, ...]
    channels: tuple[str, ...] = ()
    default_channels: tuple[str, ...] = ()
    profiles: Mapping[str, Path] = field(default_factory=dict)
    filters: tuple[Path, ...] = ()
    layout: Layout = "native"
    prefetch: Prefetch = "none"
    snapshots: bool = True
    snapshot: bool = False
    default_kernel: str | None = None
    locked: bool = False
    offline: bool = False
    mounts: tuple[Mount, ...] = ()
    mount_contents: bool = False
    pip_index: str | None = None
    keep: int = 0
    previous: str | None = None
    isolate: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def settings_of(
    traits: Mapping[str, Any], xeus: Mapping[str, Any], lite_dir: Path, beside: Sequence[str]
) -> AddonSettings:
    """Make one value of what was configured; what a trait of ours says wins over the other section.

    Args:
        traits: of the addon, by name.
        xeus: the section ``XeusAddon``; empty where there is none.
        lite_dir: to which all paths are relative.
        beside: which of ``environment.yml`` and ``environment.yaml`` lie in it.

    Raises:
        SpecError: a setting is none of those that are known, or two contradict each other.
        PackError: a mount is none, or two overlap.
    """
    section = read_section(xeus)
    sources = _sources(traits, section, lite_dir, beside)
    contents = traits["mount_contents"]
    contents = bool(section.mount_contents if contents is None else contents)
    return AddonSettings(
        sources=sources,
        channels=tuple(traits["channels"]),
        default_channels=section.default_channels,
        profiles=_profiles(traits["profiles"], sources, lite_dir),
        filters=tuple(lite_dir / path for path in traits["filters"]),
        layout=traits["layout"],
        prefetch=traits["prefetch"],
        snapshots=traits["snapshots"],
        snapshot=_snapshot(asked=traits["snapshot"], layout=traits["layout"]),
        default_kernel=traits["default_kernel"] or None,
        locked=traits["locked"],
        offline=traits["offline"],
        mounts=_mounts(tuple(traits["mounts"]) or section.mounts, lite_dir, contents=contents),
        mount_contents=contents,
        pip_index=_index(traits["pip_index"]),
        keep=_keep(traits["keep"]),
        previous=_previous(traits["previous"], lite_dir, offline=traits["offline"]),
        isolate=traits["isolate"],
        notes=section.notes,
        warnings=section.warnings,
    )


def _sources(traits: Mapping[str, Any], section: Section, lite_dir: Path, beside: Sequence[str]) -> tuple[Source, ...]:
    files = tuple(traits["environment_files"]) or section.environment_files
    prefixes = tuple(traits["prefixes"]) or section.prefixes
    locks = tuple(traits["locks"])
    if not (files or prefixes or locks):
        if len(beside) > 1:
            raise SpecError(
                f"there are both {' and '.join(beside)}, and it is not clear which one is meant",
                hint="remove one of them, or name the one that is meant with `--lite-env-file`",
                folder=str(lite_dir),
            )
        files = tuple(beside)
    kinds: tuple[tuple[Kind, Iterable[str]], ...] = (
        ("environment file", files),
        ("lock file", locks),
        ("installed environment", prefixes),
    )
    found = tuple(Source(kind=kind, path=lite_dir / path, label=path) for kind, paths in kinds for path in paths)
    labels: set[str] = set()
    for source in found:
        if source.label in labels:
            raise SpecError(f"'{source.label}' is named twice", hint="name each environment once", folder=str(lite_dir))
        labels.add(source.label)
    return found


def _index(url: str) -> str | None:
    """An index that visitors may be told of.

    Raises:
        SpecError: it is no address for a browser, or holds what opens it.
    """
    if not url:
        return None
    from lite_env.spec.address import holds_credentials  # noqa: PLC0415 - it takes a while

    if not url.startswith(("https://", "http://")) or holds_credentials(url):
        raise SpecError(
            "`LiteEnvAddon.pip_index` is not an address that every visitor of the site may read",
            hint="give the URL of a simple index, https://…, without a user, a password or a token",
        )
    return url


def _snapshot(*, asked: bool, layout: Layout) -> bool:
    if asked and layout == "xeus":
        raise SpecError(
            "`LiteEnvAddon.snapshot` is of the native layout", hint='leave it out, or `LiteEnvAddon.layout = "xeus"`'
        )
    return asked


def _keep(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise SpecError(f"`LiteEnvAddon.keep`: {error}", hint='"7d" is what it is otherwise') from error


def _previous(place: str, lite_dir: Path, *, offline: bool) -> str | None:
    if not place:
        return None
    if "://" not in place:
        return str(lite_dir / place)
    if offline:
        raise SpecError(
            "`LiteEnvAddon.previous` is a URL, and `LiteEnvAddon.offline` says that none is asked",
            hint="leave out one of them, or name a folder with what is deployed",
        )
    return place


def _mounts(texts: Sequence[str], lite_dir: Path, *, contents: bool) -> tuple[Mount, ...]:
    if not texts and not contents:
        return ()
    from lite_env.pack.mounts import contents_mount, parse_mount, refuse_overlaps  # noqa: PLC0415 - it takes a while

    mounts = tuple(parse_mount(text, lite_dir) for text in texts)
    refuse_overlaps((*mounts, contents_mount(lite_dir / "files")) if contents else mounts)
    return mounts


def _profiles(texts: Sequence[str], sources: Sequence[Source], lite_dir: Path) -> dict[str, Path]:
    """``PATH`` where the site has one environment, ``ENVIRONMENT=PATH`` where it has several."""
    found: dict[str, Path] = {}
    labels = [source.label for source in sources]
    for text in texts:
        name, is_named, path = text.partition("=")
        if not is_named and len(labels) == 1:
            name, path = labels[0], text
        if name not in labels or not path:
            raise SpecError(
                f"it is not clear whose profile '{text}' is",
                hint=f"write ENVIRONMENT={path or name}, where ENVIRONMENT is one of: {', '.join(labels) or 'none'}",
            )
        found[name] = lite_dir / path
    return found
