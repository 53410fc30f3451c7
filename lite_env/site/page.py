"""index.html and sw.js of a site: pure functions of its environments, the runtime and where `/drive` is."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from lite_env.errors import SiteError
from lite_env.site.runtime import ON_DEMAND, SERVICE_WORKER
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.site.environments import SiteEnvironment
    from lite_env.site.runtime import SiteRuntime

DriveKind = Literal["server", "browser", "none"]

_DIGITS = 16  # of a SHA-256
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SitePage:
    """The two files at the root of a site; all URLs in them are relative.

    Attributes:
        build: digest over page and runtime; another one is another deployment.
    """

    build: str
    index: bytes
    service_worker: bytes


def make_page(
    environments: Sequence[SiteEnvironment], runtime: SiteRuntime, *, drive: DriveKind, snapshots: bool = True
) -> SitePage:
    """Make the page of a site and its service worker.

    Args:
        environments: what the page offers, the first of them first.
        runtime: what the page runs.
        drive: where a kernel's `/drive` is: on the server, in the browser's storage, or nowhere.
        snapshots: whether kernels may be restored from snapshots.
    """
    told = page_config(environments, runtime, drive=drive, snapshots=snapshots)
    config = json.dumps(told, ensure_ascii=False, sort_keys=True)
    index = _fill(
        runtime.template,
        {
            # Inside a script element nothing is an entity, but `</script` and `<!--` would be seen.
            "config": config.replace("<", "\\u003c"),
            "runtime": runtime.folder,
            "title": html.escape(", ".join(environment.name for environment in environments)),
        },
    ).encode()
    build = sha256_of_bytes(index + b"\0" + runtime.digest.encode())[:_DIGITS]
    return SitePage(build=build, index=index, service_worker=_service_worker(runtime, build, drive))


def page_config(
    environments: Sequence[SiteEnvironment], runtime: SiteRuntime, *, drive: DriveKind, snapshots: bool = True
) -> dict[str, Any]:
    """What the page's script reads from ``#lite-env-config``; see ``src/page/config.ts`` of the runtime."""
    drives: dict[DriveKind, dict[str, str]] = {
        "server": {"kind": "server", "url": "api/drive", "name": ""},
        "browser": {"kind": "browser", "name": ""},
        "none": {"kind": "none"},
    }
    return {
        "environments": [
            {
                "name": environment.name,
                "manifest": environment.manifest_url,
                "kernels": [
                    {
                        "name": kernel.name,
                        "display_name": kernel.display_name,
                        "language": kernel.language,
                        # The page makes the worker before it has the manifest.
                        "worker": kernel.runtime.worker,
                    }
                    for kernel in environment.manifest.kernels
                ],
            }
            for environment in environments
        ],
        "runtime": runtime.folder,
        "drive": drives[drive],
        "serviceWorker": SERVICE_WORKER,
        **({} if snapshots else {"snapshots": False}),
    }


def _service_worker(runtime: SiteRuntime, build: str, drive: DriveKind) -> bytes:
    # Browsers compare the script's bytes: this line makes every deployment another one.
    # Hosts may insert something into the page: of it no digest is told, and it must name its runtime.
    # What is loaded only when it is used is not kept ahead.
    ahead = (file for file in runtime.files if file.path not in ON_DEMAND)
    files = {"./": None} | {quote(runtime.folder + file.path): file.sha256 for file in ahead}
    site = json.dumps({"build": build, "drive": drive, "files": files, "runtime": runtime.folder}, sort_keys=True)
    return f"self.liteEnvSite = {site};\n".encode() + runtime.service_worker


def _fill(template: str, values: dict[str, str]) -> str:
    """Fill the places of a template in one pass, so that what is put in is not looked at again."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise SiteError(
                f"the page's template has '{match[0]}', which lite-env does not know",
                hint="the runtime was built by another version: install lite-env again",
            )
        return values[match[1]]

    return _PLACE.sub(value, template)
