"""The solver of rattler, as :class:`lite_env.lock.solver.Solver`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rattler
from rattler.exceptions import GatewayError, InvalidMatchSpecError, SolverError

from lite_env.errors import LockError, SolveError
from lite_env.lock.conda.client import Connection, connect, unconnected
from lite_env.lock.conda.loop import one_line, run
from lite_env.lock.conda.records import channel_of, from_record, match_spec, parse_requirement, virtual_packages
from lite_env.lock.explain import HERE, channel_error, hint_for, refuse_other_subdirs, tidy
from lite_env.lock.model import PLATFORM, LockedPackage
from lite_env.lock.solver import Candidate
from lite_env.spec.address import Channel, local_path
from lite_env.spec.matchspec import beyond_bounds, name_of
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lite_env.lock.solver import SolveRequest
    from lite_env.spec.model import Requirement


class CondaSolver:
    """The solver of rattler, for emscripten-wasm32 and what the browser has, never for this machine.

    Channels are exact (no relations are followed) and their priority is strict, also for what is asked for directly.

    Args:
        cache: the folder for package lists.
        offline: use cached package lists and local channels only.
    """

    def __init__(self, *, cache: Path, offline: bool = False) -> None:
        self._cache = cache
        self._offline = offline
        self._channels: tuple[Channel, ...] = ()

    def solve(self, request: SolveRequest) -> tuple[LockedPackage, ...]:
        """See :meth:`lite_env.lock.solver.Solver.solve`."""
        self._channels = request.channels
        shown = tuple(channel.url for channel in request.channels)
        if self._offline:
            return self._solve(request, Connection(client=unconnected(shown), channels=request.channels))
        with connect(shown, channels=request.channels) as connection:
            return self._solve(request, connection)

    def _solve(self, request: SolveRequest, connection: Connection) -> tuple[LockedPackage, ...]:
        shown = tuple(channel.url for channel in request.channels)
        specs, constraints = _to_specs(request.requirements)
        gateway = self._gateway(connection.client)
        try:
            self._refuse_unreadable(gateway, specs)
            records = run(
                rattler.solve(
                    sources=sources_of(shown),
                    specs=specs,
                    constraints=constraints,
                    gateway=gateway,
                    platforms=[rattler.Subdir(subdir) for subdir in HERE],
                    locked_packages=self._still_offered(gateway, request),
                    virtual_packages=virtual_packages(),
                    channel_priority=rattler.ChannelPriority.Strict,
                    channel_relations="disabled",
                )
            )
        except SolverError as error:
            explanation = connection.hide(tidy(str(error)))
            raise SolveError(
                f"the environment cannot be solved for {PLATFORM}:\n{explanation}",
                hint=hint_for(explanation, shown, self),
                channels=" ".join(shown),
            ) from None
        except GatewayError as error:
            # Not `from error`: what rattler says may hold an address with its token.
            text = connection.hide(one_line(error))
            raise channel_error(text, shown, offline=self._offline) from None
        packages = tuple(sorted((from_record(record) for record in records), key=lambda package: package.name))
        refuse_other_subdirs(packages, request.requirements)
        return packages

    def names(self, channels: Sequence[str], subdirs: Sequence[str]) -> frozenset[str]:
        """See :meth:`lite_env.lock.solver.Catalog.names`."""
        sources = sources_of(channels)
        try:
            names = run(
                self._cached(channels).names(
                    sources, [rattler.Subdir(s) for s in subdirs], channel_relations="disabled"
                )
            )
        except GatewayError:
            return frozenset()
        return frozenset(name.normalized for name in names)

    def candidates(self, channels: Sequence[str], spec: str, subdirs: Sequence[str]) -> tuple[Candidate, ...]:
        """See :meth:`lite_env.lock.solver.Catalog.candidates`."""
        try:
            wanted = match_spec(spec)
            found = self._query(self._cached(channels), channels, [wanted], subdirs)
        except (GatewayError, InvalidMatchSpecError):
            return ()
        matching = [record for record in found if wanted.matches(record)]
        newest_first = sorted(matching, key=lambda record: (record.version, record.build_number), reverse=True)
        return tuple(
            Candidate(
                channel=channel_of(record), subdir=record.subdir, version=str(record.version), build=str(record.build)
            )
            for record in newest_first
        )

    def subdirs(self, channel: str) -> tuple[str, ...]:
        """See :meth:`lite_env.lock.solver.Catalog.subdirs`."""
        path = local_path(channel)
        if path is None:
            return ()
        return tuple(
            sorted(folder.parent.name for folder in path.glob("*/repodata.json") if folder.parent.name not in HERE)
        )

    def _gateway(self, client: rattler.Client, *, cached_only: bool = False) -> rattler.Gateway:
        return rattler.Gateway(
            cache_dir=self._cache,
            default_config=rattler.SourceConfig(
                cache_action="force-cache-only" if self._offline or cached_only else "cache-or-fetch"
            ),
            client=client,
        )

    def _cached(self, channels: Iterable[str]) -> rattler.Gateway:
        """What reads package lists that are here: an explanation asks nobody."""
        return self._gateway(unconnected(channels), cached_only=True)

    def _query(
        self,
        gateway: rattler.Gateway,
        channels: Sequence[str],
        specs: Sequence[rattler.MatchSpec],
        subdirs: Sequence[str],
        *,
        recursive: bool = False,
    ) -> list[rattler.RepoDataRecord]:
        query = gateway.query(
            sources_of(channels),
            [rattler.Subdir(subdir) for subdir in subdirs],
            specs,
            recursive=recursive,
            channel_relations="disabled",
        )
        return [record for records in run(query) for record in records]

    def _still_offered(self, gateway: rattler.Gateway, request: SolveRequest) -> list[rattler.RepoDataRecord]:
        """The records of the earlier answer that the channels still have, byte for byte.

        rattler would take a locked record for a candidate even when it is gone from its channel, was made anew there
        (local channels), or lies in a channel that comes too late now.
        """
        if not request.locked:
            return []
        names = [rattler.MatchSpec(package.name) for package in request.locked]
        shown = [channel.url for channel in request.channels]
        offered = self._query(gateway, shown, names, HERE)
        rank = {channel: place for place, channel in enumerate(shown)}
        first: dict[str, int] = {}
        for record in offered:
            place = rank.get(channel_of(record), len(rank))
            first[record.name.normalized] = min(place, first.get(record.name.normalized, place))
        pinned = {name_of(r.text) for r in request.requirements if r.channel}
        wanted = {(package.subdir, package.file_name, package.sha256) for package in request.locked}
        return [
            record
            for record in offered
            if (record.subdir, record.file_name, record.sha256.hex() if record.sha256 else None) in wanted
            and (record.name.normalized in pinned or rank.get(channel_of(record)) == first[record.name.normalized])
        ]

    def _refuse_unreadable(self, gateway: rattler.Gateway, specs: Sequence[rattler.MatchSpec]) -> None:
        """Refuse a channel that would end the solver's process: all that it could look at, looked at before."""
        channels = [channel.url for channel in self._channels]
        for record in self._query(gateway, channels, specs, HERE, recursive=True):
            for text in (*record.depends, *record.constrains):
                reason = beyond_bounds(text)
                if reason:
                    raise LockError(
                        f"{record.file_name} cannot be read: its dependency `{shown(text)}` {reason}",
                        hint="remove the package from the channel, or the channel from the environment file",
                        channel=channel_of(record),
                    )


def _to_specs(requirements: Iterable[Requirement]) -> tuple[list[rattler.MatchSpec], list[rattler.MatchSpec]]:
    """Requirements as specs and constraints.

    rattler looks only at candidates that match a spec when it finds the first channel of a package, so that `x >=3`
    would come from a later channel when the first one has x 2. Asking for the name and constraining the rest keeps the
    priority strict.
    """
    specs, constraints = [], []
    for requirement in requirements:
        spec = parse_requirement(requirement)
        if requirement.channel:
            specs.append(spec)
        else:
            specs.append(rattler.MatchSpec(spec.name.normalized))
            constraints.append(spec)
    return specs, constraints


def sources_of(channels: Iterable[str]) -> list[rattler.Channel | str]:
    """Channels as rattler is asked for them: never with credentials, which only its client knows."""
    return [f"{channel.rstrip('/')}/" for channel in channels]
