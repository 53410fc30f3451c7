"""What a JupyterLite site says of its kernels: one document, as ``lite-env/api/site.json`` and inside the extension.

Of both the second is loaded with the page, and may be older than what is deployed: the extension compares
`LiteSite.build` when it starts a kernel, and goes on with what ``site.json`` says; see ``src/jupyterlite`` of the
runtime.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import msgspec

from lite_env.errors import SiteError
from lite_env.site.share import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.pack.manifest import Kernel
    from lite_env.site.environments import SiteEnvironment
    from lite_env.site.share import Sharing

FORMAT = 1
FRESH = "api/"
"""Where packs and ``site.json`` lie: JupyterLite's service worker neither answers nor keeps a GET below ``/api/``."""
SITE_FILE = f"{FRESH}site.json"
Prefetch = Literal["none", "imports", "all"]

_DIGITS = 16  # of a SHA-256


class LiteNote(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the build has said and that a visitor's log tells as well."""

    text: str
    level: Literal["info", "warning"] = "warning"


class LiteKernel(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel as JupyterLite offers it; all paths are URLs relative to the folder ``lite-env/``.

    Attributes:
        name: of the kernelspec, which notebooks are saved with.
        display_name: what launchers show.
        language: as the kernelspec says.
        env: the environment's name.
        kernel: the kernel's name in the pack.
        manifest: of the pack.
        worker: what kind of script its worker is.
        bytes: of all files that its start loads, as they are served.
        logos: by name without ending, such as ``logo-64x64``.
    """

    name: str
    display_name: str
    language: str
    env: str
    kernel: str
    manifest: str
    worker: str
    bytes: int
    logos: dict[str, str]


class LiteSite(msgspec.Struct, frozen=True, kw_only=True):
    """All kernels of a site.

    Attributes:
        format: 1.
        build: digest over all else and the packs' manifests; another one is another deployment.
        runtime: folder of the browser runtime, relative to ``lite-env/``, with a final slash.
        kernels: in the order of the packs.
        default: name of the kernel that a notebook gets whose own kernel is not here; None leaves it to the language.
        isolate: whether the page reloads itself once to be cross-origin isolated.
        prefetch: what is loaded ahead once a kernel runs.
        snapshots: whether kernels may be restored from snapshots that visitors' browsers keep.
        notes: what the build has said.
    """

    format: int = FORMAT
    build: str
    runtime: str
    kernels: tuple[LiteKernel, ...]
    default: str | None = None
    isolate: bool = False
    prefetch: Prefetch = "none"
    snapshots: bool = True
    notes: tuple[LiteNote, ...] = ()


def make_lite_site(
    environments: Sequence[SiteEnvironment],
    *,
    runtime: str,
    default: str | None = None,
    isolate: bool = False,
    prefetch: Prefetch = "none",
    snapshots: bool = True,
    notes: Sequence[LiteNote] = (),
    sharing: Sharing | None = None,
) -> LiteSite:
    """Say what a site of these packs is; arguments as the attributes of `LiteSite`, and what the packs have in common.

    Raises:
        SiteError: two kernels would have one name, or `default` is none of them.
    """
    sharing = sharing or share(environments)
    kernels = lite_kernels(environments, sharing)
    names = [kernel.name for kernel in kernels]
    if default is not None and default not in names:
        raise SiteError(
            f"the default kernel '{default}' is none of this site's",
            hint=f"name one of them: {', '.join(names)}" if names else "its packs have no kernel",
        )
    site = LiteSite(
        build="",
        runtime=runtime,
        kernels=kernels,
        default=default,
        isolate=isolate,
        prefetch=prefetch,
        snapshots=snapshots,
        notes=tuple(notes),
    )
    digest = hashlib.sha256(encode_lite_site(site))
    for environment in environments:
        digest.update(hashlib.sha256(sharing.manifest_of(environment)).digest())
    return msgspec.structs.replace(site, build=digest.hexdigest()[:_DIGITS])


def encode_lite_site(site: LiteSite) -> bytes:
    """The document as it is written: sorted keys, two blanks, a final newline."""
    return msgspec.json.format(msgspec.json.encode(site, order="sorted"), indent=2) + b"\n"


def lite_kernels(environments: Sequence[SiteEnvironment], sharing: Sharing | None = None) -> tuple[LiteKernel, ...]:
    """The kernels of these packs; all that share a name are told apart by their environments'.

    Raises:
        SiteError: two kernels have one name all the same.
    """
    found = sharing or share(environments)
    pairs = [(environment, kernel) for environment in environments for kernel in environment.manifest.kernels]
    count = Counter(kernel.name for _, kernel in pairs)
    kernels = tuple(_lite_kernel(environment, kernel, found, count[kernel.name] > 1) for environment, kernel in pairs)
    by_name: dict[str, LiteKernel] = {}
    for kernel in kernels:
        other = by_name.setdefault(kernel.name, kernel)
        if other is not kernel:
            raise SiteError(
                f"two kernels of this site would be called '{kernel.name}'",
                hint="`lite-env pack --name NAME` gives an environment another name",
                first=f"kernel '{other.kernel}' of environment '{other.env}'",
                second=f"kernel '{kernel.kernel}' of environment '{kernel.env}'",
            )
    return kernels


def _lite_kernel(environment: SiteEnvironment, kernel: Kernel, sharing: Sharing, is_duplicate: bool) -> LiteKernel:  # noqa: FBT001
    env = environment.name
    moved = sharing.moved.get(env, {})
    logos = {
        PurePosixPath(logo.name).stem: quote(
            FRESH + (moved[logo.path].path if logo.path in moved else environment.folder + logo.path)
        )
        for logo in kernel.logos
    }
    return LiteKernel(
        name=f"{kernel.name} ({env})" if is_duplicate else kernel.name,
        display_name=f"{kernel.display_name} [{env}]" if is_duplicate else kernel.display_name,
        language=kernel.language,
        env=env,
        kernel=kernel.name,
        manifest=FRESH + environment.manifest_url,
        worker=kernel.runtime.worker,
        bytes=environment.manifest.start_size(kernel),
        logos=logos,
    )
