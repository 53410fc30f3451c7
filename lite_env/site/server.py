"""``lite-env serve``: the page of a site, live on loopback, with a folder of the host as the kernel's `/drive`.

Every request must name our Host (which the loopback server checks), and every request to `api/` must come from our own
pages and bring the token that was printed (see :mod:`lite_env.host.drive_api`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from lite_env.host.drive_api import API, DriveApi
from lite_env.host.files import IMMUTABLE, decode_path, isolation_for, open_regular, resolve_path
from lite_env.host.loopback import Request, Response, refusal
from lite_env.site.encoding import Coding, EncodedFiles, choose_coding, is_worth_encoding, known_codings
from lite_env.site.headers import cache_control, common_headers, file_headers
from lite_env.site.plan import INDEX
from lite_env.site.runtime import SERVICE_WORKER
from lite_env.site.staging import PART
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.host.drive import FolderDrive
    from lite_env.site.environments import SiteEnvironment
    from lite_env.site.page import SitePage
    from lite_env.site.runtime import SiteRuntime

_GUARD = (("X-Frame-Options", "SAMEORIGIN"), ("Referrer-Policy", "same-origin"))
"""No page of others shows ours in a frame, or is told its address, which may hold the token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteApplication:
    """Answers the requests of a site's page.

    Attributes:
        environments: their packs are read from disk at each request: one that is made again is there after a reload.
        runtime: what the page runs.
        page: index.html and the service worker.
        token: what requests to `api/` must bring.
        drive: the folder behind `api/drive`; None where there is none.
        isolation: whether the page gets SharedArrayBuffer.
        encoded: where encoded forms of files are kept.
        codings: which of them there are.
    """

    environments: Sequence[SiteEnvironment]
    runtime: SiteRuntime
    page: SitePage
    token: str
    drive: FolderDrive | None = None
    isolation: bool = True
    encoded: EncodedFiles = field(default_factory=EncodedFiles)
    codings: tuple[Coding, ...] = field(default_factory=known_codings)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        response = self._answer(request)
        return replace(response, headers=isolation_for(response.headers, request.headers.get("user-agent", "")))

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(API):
            return DriveApi(token=self.token, drive=self.drive, headers=self._common())(request)
        if request.method == "POST":
            return self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "there are only files here", ("Allow", "GET, HEAD"))
        return self._answer_file(request)

    def _answer_file(self, request: Request) -> Response:
        pages = {
            "/": (INDEX, self.page.index),
            f"/{INDEX}": (INDEX, self.page.index),
            f"/{SERVICE_WORKER}": (SERVICE_WORKER, self.page.service_worker),
        }
        if request.path in pages:
            return self._send(request, *pages[request.path])
        path = (decode_path(request.path) or "").removeprefix("/")
        file = self._find(request.path, path)
        if file is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no such file")
        try:
            immutable = cache_control(path) == IMMUTABLE
            if immutable and not is_worth_encoding(path, file.stat().st_size):
                return Response(headers=(*file_headers(path, isolation=self.isolation), *_GUARD), body=file)
            with open_regular(file) as stream:
                return self._send(request, path, stream.read())
        except FileNotFoundError:
            # The pack is made again at this moment.
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no such file any more")

    def _find(self, url_path: str, path: str) -> Path | None:
        for file in self.runtime.files:
            if path == self.runtime.folder + file.path:
                return file.source
        if any(part.endswith(PART) for part in path.split("/")):
            # What a build that was killed has left, or one that is at work is writing.
            return None
        return resolve_path(url_path, {f"/{item.folder}": item.pack for item in self.environments})

    def _send(self, request: Request, path: str, content: bytes) -> Response:
        headers = (*file_headers(path, isolation=self.isolation), *_GUARD)
        coding: Coding | None = None
        if is_worth_encoding(path, len(content)):
            headers += (("Vary", "Accept-Encoding"),)
            coding = choose_coding(request.headers.get("accept-encoding", ""), self.codings)
        if cache_control(path) != IMMUTABLE:
            # Each coding is another representation (RFC 9110, 8.8.3.3).
            tag = f'"{sha256_of_bytes(content)[:32]}{f"-{coding}" if coding else ""}"'
            headers += (("ETag", tag),)
            if tag in (item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")):
                return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        if coding is None:
            return Response(headers=headers, body=content)
        return Response(headers=(*headers, ("Content-Encoding", coding)), body=self.encoded.find(content, coding))

    def _refuse(self, status: HTTPStatus, reason: str, *headers: tuple[str, str]) -> Response:
        return refusal(status, reason, *self._common(), *headers)

    def _common(self) -> tuple[tuple[str, str], ...]:
        return (*common_headers(isolation=self.isolation), *_GUARD)
