from __future__ import annotations

import base64
import gzip
import http.client
import json
from urllib.parse import urlsplit

import brotli
import pytest

from lite_env.host import drive_api
from lite_env.host.drive import FolderDrive
from lite_env.host.drive_api import new_token
from lite_env.host.loopback import LoopbackServer
from lite_env.site.encoding import EncodedFiles
from lite_env.site.environments import read_environments
from lite_env.site.page import make_page
from lite_env.site.runtime import read_runtime
from lite_env.site.server import SiteApplication
from lite_env.store.local import LocalStore
from tests.sites import RUNTIME, make_pack

TOKEN = "a token"  # noqa: S105 - of a server that lives for one test


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "drive"
    made.mkdir()
    (made / "a").write_bytes(b"\x00\xff")
    (tmp_path / "secret").write_text("secret")
    return made


@pytest.fixture
def start(tmp_path, pack, made_packs, runtime, folder):
    """Start a server with some attributes of its application changed; it ends with the test."""
    running = []

    def begin(**changed):
        environments = read_environments([pack, made_packs["my env"]])
        found = read_runtime(runtime)
        attributes = {
            "environments": environments,
            "runtime": found,
            "page": make_page(environments, found, drive="server"),
            "token": TOKEN,
            "drive": FolderDrive(folder),
            "encoded": EncodedFiles(store=LocalStore(tmp_path / "store")),
        }
        server = LoopbackServer(SiteApplication(**(attributes | changed)))
        running.append(server)
        return server.__enter__()

    yield begin
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def server(start):
    return start()


def ask(server, path, *, method="GET", body=None, **headers):
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=names)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def request_for(method="get", path="/a", **data):
    return json.dumps({"data": {"method": method, "path": path, "data": data}, "browsingContextId": "x"})


def ask_drive(server, body=None, *, path="/api/drive", method="POST", **headers):
    """A request as the page sends it, but for what `headers` say; None leaves one out."""
    sent = {"X_Lite_Env_Token": TOKEN, "Origin": server.url.rstrip("/")} | headers
    sent = {name: value for name, value in sent.items() if value is not None}
    status, answered, content = ask(server, path, method=method, body=body or request_for(), **sent)
    assert answered["Content-Type"] == "application/json"
    assert answered["Cache-Control"] == "no-store"
    return status, json.loads(content)


def test_page_and_service_worker_are_served(server):
    for path in ("/", "/?token=x", "/index.html"):
        status, headers, body = ask(server, path)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert b'"kind": "server"' in body
        assert headers["Cache-Control"] == "no-cache"
    status, headers, body = ask(server, "/sw.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert body.startswith(b"self.liteEnvSite = ")
    assert TOKEN.encode() not in ask(server, "/")[2]


def test_a_file_that_is_swapped_just_now_is_not_there(server, monkeypatch):
    monkeypatch.setattr(SiteApplication, "_find", lambda self, url, path: self.environments[0].pack / "gone.json")
    assert ask(server, "/packs/demo/gone.json")[::2] == (404, b"404 Not Found: there is no such file any more\n")


def test_packs_and_runtime_are_served(server, pack, runtime):
    folder = read_runtime(runtime).folder
    status, headers, body = ask(server, f"/{folder}page.js")
    assert (status, body.decode()) == (200, RUNTIME["page.js"])
    assert "immutable" in headers["Cache-Control"]
    assert ask(server, f"/{folder}chunks/storage-ABCD.js")[2] == b"chunk"
    assert ask(server, "/packs/demo/manifest.json")[2] == (pack / "manifest.json").read_bytes()
    assert ask(server, "/packs/my%20env/kernels/toy/kernel.json")[0] == 200
    archive = next(pack.glob("archives/*"))
    status, headers, body = ask(server, f"/packs/demo/archives/{archive.name}", Accept_Encoding="gzip, br")
    assert (status, body) == (200, archive.read_bytes())
    assert headers["Content-Type"] == "application/zstd"
    assert "immutable" in headers["Cache-Control"]
    assert "Content-Encoding" not in headers


def test_a_pack_that_is_made_again_is_there(server, pack, tmp_path):
    make_pack(pack, content="new")
    manifest = json.loads((pack / "manifest.json").read_bytes())
    for archive in manifest["archives"]:
        assert ask(server, f"/packs/demo/archives/{archive['digest']}.tar.zst")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/packs/none/manifest.json",
        "/packs/demo/",
        "/packs/demo",
        "/packs/demo/../../secret",
        "/packs/demo/%2e%2e/%2e%2e/secret",
        "/packs/demo/..%2f..%2fsecret",
        "/packs/demo/%00",
        "/packs/demo/%ff",
        "/runtime/node-host.mjs",
        "/runtime/0123456789abcdef/page.js",
        "/dist/page.js",
        "/drive/a",
        "/favicon.ico",
        "/API/drive",
    ],
)
def test_nothing_else_is_there(server, path):
    status, headers, body = ask(server, path)
    assert status == 404
    assert headers["Cache-Control"] == "no-store"
    assert b"secret" not in body


def test_what_is_there_for_a_moment_is_not_served(server, pack):
    (pack / ".x.part").mkdir()
    for name in (".x.part/manifest.json", ".manifest.json.abcdefgh.part"):
        (pack / name).write_bytes(b"half")
        assert ask(server, f"/packs/demo/{name}")[0] == 404


def test_the_runtimes_files_for_node_are_not_served(server, runtime):
    assert ask(server, f"/{read_runtime(runtime).folder}node-host.mjs")[0] == 404


@pytest.mark.parametrize(("isolation", "expected"), [(True, "require-corp"), (False, None)])
def test_every_answer_is_isolated_or_none(start, isolation, expected):
    server = start(isolation=isolation)
    answers = [
        ask(server, path)[1] for path in ("/", "/sw.js", "/packs/demo/manifest.json", "/none", "/api/drive", "/api/x")
    ]
    assert [headers.get("Cross-Origin-Embedder-Policy") for headers in answers] == [expected] * len(answers)
    assert {headers["X-Content-Type-Options"] for headers in answers} == {"nosniff"}
    assert {headers["X-Frame-Options"] for headers in answers} == {"SAMEORIGIN"}
    assert {headers["Referrer-Policy"] for headers in answers} == {"same-origin"}


@pytest.mark.parametrize(("isolation", "expected"), [(True, "credentialless"), (False, None)])
def test_a_browser_that_knows_it_gets_pages_without_credentials_of_others(start, isolation, expected):
    server = start(isolation=isolation)
    for path in ("/", "/sw.js", "/packs/demo/manifest.json", "/none", "/api/drive"):
        assert ask(server, path, User_Agent="Chrome/156.0")[1].get("Cross-Origin-Embedder-Policy") == expected


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [("gzip, deflate, br", brotli), ("gzip, deflate", gzip)],
    ids=["brotli", "gzip"],
)
def test_what_gets_smaller_is_encoded_once(server, runtime, tmp_path, accepted, coding):
    name = {brotli: "br", gzip: "gzip"}[coding]
    path = f"/{read_runtime(runtime).folder}page.js"
    for _ in range(2):
        status, headers, body = ask(server, path, Accept_Encoding=accepted)
        assert (status, headers["Content-Encoding"], headers["Vary"]) == (200, name, "Accept-Encoding")
        assert headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert int(headers["Content-Length"]) == len(body) < len(RUNTIME["page.js"])
        assert coding.decompress(body).decode() == RUNTIME["page.js"]
    assert len(list(LocalStore(tmp_path / "store").entries())) == 1
    _, headers, body = ask(server, path)
    assert (body.decode(), headers["Vary"], headers.get("Content-Encoding")) == (
        RUNTIME["page.js"],
        "Accept-Encoding",
        None,
    )


def test_what_is_unchanged_is_not_sent_again(server, pack):
    path = "/packs/demo/manifest.json"
    _, headers, _ = ask(server, path)
    for tags in (headers["ETag"], f'"x", {headers["ETag"]}', f"W/{headers['ETag']}"):
        status, again, body = ask(server, path, If_None_Match=tags)
        assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
    _, encoded, _ = ask(server, path, Accept_Encoding="gzip")
    assert encoded["ETag"] != headers["ETag"]
    assert ask(server, path, Accept_Encoding="gzip", If_None_Match=encoded["ETag"])[0] == 304
    (pack / "manifest.json").write_text("{}")
    status, changed, body = ask(server, path, If_None_Match=headers["ETag"])
    assert (status, body) == (200, b"{}")
    assert changed["ETag"] != headers["ETag"]


def test_head_is_get_without_content(server):
    status, headers, body = ask(server, "/packs/demo/manifest.json", method="HEAD")
    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == ask(server, "/packs/demo/manifest.json")[1]["Content-Length"]


def test_files_take_no_post(server):
    status, headers, _ = ask(server, "/index.html", method="POST", body="x")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_the_drive_answers_the_page(server, folder):
    status, answer = ask_drive(server)
    assert (status, answer) == (200, {"content": base64.b64encode(b"\x00\xff").decode(), "format": "base64"})
    content = base64.b64encode(bytes(range(256)) * 4096).decode()
    assert ask_drive(server, request_for("put", "/ä b", format="base64", data=content)) == (200, None)
    assert (folder / "ä b").read_bytes() == bytes(range(256)) * 4096


def test_a_request_of_no_page_needs_no_origin(server):
    assert ask_drive(server, Origin=None)[0] == 200


def test_our_other_name_is_our_origin_too(server):
    port = urlsplit(server.url).port
    host = f"localhost:{port}"
    assert ask_drive(server, Host=host, Origin=f"http://{host}")[0] == 200
    assert ask_drive(server, Host=host)[0] == 403


def refused(server, reason, *, code="EACCES", **request):
    status, answer = ask_drive(server, **request)
    assert answer["error"]["code"] == code
    assert reason in answer["error"]["message"]
    return status


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:1", "https://{host}", "{host}"]
)
@pytest.mark.parametrize("path", ["/api/drive", "/api/other"])
def test_pages_of_others_are_refused(server, origin, path):
    host = urlsplit(server.url).netloc
    assert refused(server, "have no business here", path=path, Origin=origin.format(host=host)) == 403


@pytest.mark.parametrize("token", [None, "", "a toke", "a tokenn", "A TOKEN", "\xe4"])
@pytest.mark.parametrize("path", ["/api/drive", "/api/other", "/api/"])
def test_without_the_token_nothing_is_answered(server, token, path):
    for method in ("POST", "GET"):
        assert refused(server, "the token is missing or wrong", path=path, method=method, X_Lite_Env_Token=token) == 403


def test_a_token_in_the_address_is_not_enough(server):
    assert refused(server, "token", path="/api/drive?token=a%20token", X_Lite_Env_Token=None) == 403


def test_another_host_is_refused_before_all(server):
    status, _, body = ask(
        server, "/api/drive", method="POST", body=request_for(), Host="evil.example", X_Lite_Env_Token=TOKEN
    )
    assert status == 421
    assert b"content" not in body


@pytest.mark.parametrize("path", ["/api/", "/api/other", "/api/drive/", "/api//drive", "/api/%64rive", "/api/../x"])
def test_the_drive_is_at_one_place_only(server, path):
    assert refused(server, f"nothing is served at '{path}'", code="ENOENT", path=path) == 404


def test_a_site_without_folder_has_no_drive(start):
    assert refused(start(drive=None), "nothing is served", code="ENOENT") == 404


def test_the_drive_takes_post_only(server):
    assert refused(server, "takes POST", code="EINVAL", method="GET") == 405


def test_a_request_without_length_is_refused(server):
    pieces = iter([b"{}"])
    assert refused(server, "length", code="EINVAL", body=pieces) == 411


@pytest.mark.parametrize("length", ["-1", "+2", "1_0", "x", "\xb2"])
def test_a_length_that_is_none_is_refused(server, length):
    headers = {"X_Lite_Env_Token": TOKEN, "Content_Length": length}
    status, _, body = ask(server, "/api/drive", method="POST", body=request_for(), **headers)
    assert (status, body) == (400, b"400 Bad Request: the request is malformed: its Content-Length is not a number\n")


def test_a_request_too_long_is_refused_unread(server, monkeypatch):
    monkeypatch.setattr(drive_api, "MAX_BODY", 10)
    assert refused(server, "is more than 10", code="EFBIG", body="x" * 11) == 413


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "EINVAL"),
        (request_for("none"), 400, "EINVAL"),
        (request_for(path="/../secret"), 403, "EACCES"),
        (request_for("getattr", "/none"), 404, "ENOENT"),
        (request_for("mknod", "/a"), 409, "EEXIST"),
    ],
)
def test_errors_of_the_drive_are_answered(server, body, status, code):
    answered, document = ask_drive(server, body)
    assert (answered, document["error"]["code"]) == (status, code)
    assert "secret" not in document["error"]["message"].replace("/../secret", "")


def test_tokens_are_long_and_never_the_same():
    first, second = new_token(), new_token()
    assert first != second
    assert len(first) == 32
    assert first.replace("-", "").replace("_", "").isalnum()
