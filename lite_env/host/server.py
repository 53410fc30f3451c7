"""The server of a browser engine: a pack, the runtime, one page, the kernel's drive; nothing else can be reached.

Cross-origin isolation is on, so that the page has SharedArrayBuffer.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from lite_env.host.drive_api import API
from lite_env.host.files import ISOLATION, cache_control, content_type, isolation_for, resolve_path
from lite_env.host.loopback import LoopbackServer, Request, Response, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.host.drive_api import DriveApi


class StaticServer(LoopbackServer):
    """Serves folders and pages on a free port of 127.0.0.1 until the block ends."""

    def __init__(self, *, mounts: Mapping[str, Path], pages: Mapping[str, bytes] = MappingProxyType({})) -> None:
        super().__init__(self._respond)
        self._mounts = dict(mounts)
        self.pages = dict(pages)
        # Set before the server is entered; where there is no drive it answers that there is none.
        self.api: DriveApi | None = None

    def _respond(self, request: Request) -> Response:
        response = self._answer(request)
        return replace(response, headers=isolation_for(response.headers, request.headers.get("user-agent", "")))

    def _answer(self, request: Request) -> Response:
        if self.api is not None and request.path.startswith(API):
            return self.api(request)
        if request.method == "POST":
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "there are only files here", ("Allow", "GET, HEAD"))
        page = self.pages.get(request.path)
        if page is not None:
            return Response(headers=_headers("page.html"), body=page)
        file = resolve_path(request.path, self._mounts)
        if file is None:
            return refusal(HTTPStatus.NOT_FOUND, "there is no such file")
        return Response(headers=_headers(file.name), body=file)


def _headers(name: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Type", content_type(name)),
        ("Cache-Control", cache_control(name)),
        *ISOLATION,
        ("X-Content-Type-Options", "nosniff"),
    )
