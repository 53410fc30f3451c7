"""``api/drive`` of a server on loopback: who may ask a folder's drive, and how it is answered over HTTP.

A page of any origin can send requests to a server on loopback. So every request to ``api/`` must come from the server's
own pages (Origin) and bring a token; that it names our Host the loopback server has checked.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from lite_env.errors import DriveError
from lite_env.host.drive import MAX_BODY, answer_request, error_document
from lite_env.host.engine import DriveLink, Link
from lite_env.host.loopback import Response

if TYPE_CHECKING:
    from lite_env.host.drive import FolderDrive
    from lite_env.host.loopback import Request

API = "/api/"
DRIVE_PATH = "/api/drive"
TOKEN_HEADER = "x-lite-env-token"  # noqa: S105 - the name of a header


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


def link_to(url: str, token: str) -> Link:
    """How a kernel reaches the drive of the server at `url`."""
    return Link(drive=DriveLink(url=url.rstrip("/") + DRIVE_PATH, headers={TOKEN_HEADER: token}))


@dataclass(frozen=True, kw_only=True, slots=True)
class DriveApi:
    """Answers the requests below ``/api/``.

    Attributes:
        token: what every request must bring.
        drive: the folder behind ``api/drive``; None where there is none.
        headers: what every answer has besides its own.
    """

    token: str
    drive: FolderDrive | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __call__(self, request: Request) -> Response:
        """Answer a request; who may ask is decided before anything of it is read."""
        reason = self._why_forbidden(request)
        if reason is not None:
            return self._refuse(HTTPStatus.FORBIDDEN, "EACCES", reason)
        if request.path != DRIVE_PATH or self.drive is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "ENOENT", f"nothing is served at {request.path!r}")
        return self._answer(self.drive, request)

    def _why_forbidden(self, request: Request) -> str | None:
        origin = request.headers.get("origin")
        if origin is not None and origin != request.own_origin:
            return f"pages of {origin!r} have no business here"
        token = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return "the token is missing or wrong: open the address that `lite-env serve` has printed"
        return None

    def _answer(self, drive: FolderDrive, request: Request) -> Response:
        if request.method != "POST":
            allow = ("Allow", "POST")
            return self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "EINVAL", "the drive takes POST", allow)
        if request.length is None:
            return self._refuse(HTTPStatus.LENGTH_REQUIRED, "EINVAL", "the length of the request is not told")
        if request.length > MAX_BODY:
            reason = f"a request of {request.length} bytes is more than {MAX_BODY}"
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "EFBIG", reason)
        status, document = answer_request(drive, request.read())
        return self._json(status, document)

    def _json(self, status: HTTPStatus, document: bytes, *headers: tuple[str, str]) -> Response:
        kind = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
        return Response(status=status, headers=(*kind, *self.headers, *headers), body=document)

    def _refuse(self, status: HTTPStatus, code: str, reason: str, *headers: tuple[str, str]) -> Response:
        return self._json(status, error_document(DriveError(code, reason))[1], *headers)
