from __future__ import annotations

import http.client
import os
import socket
from urllib.parse import urlsplit

import pytest

from lite_env.host.server import StaticServer

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def root(tmp_path):
    pack = tmp_path / "pack"
    (pack / "archives").mkdir(parents=True)
    (pack / "manifest.json").write_text("{}")
    (pack / "archives" / f"{DIGEST}.tar.zst").write_bytes(b"zstd")
    (pack / "a b ü.txt").write_bytes(b"odd")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "pack-other").mkdir()
    (tmp_path / "pack-other" / "f").write_text("secret")
    return tmp_path


@pytest.fixture
def server(root):
    with StaticServer(mounts={"/pack/": root / "pack"}, pages={"/": b"<!doctype html>"}) as running:
        yield running


def ask(server, path: str, *, method: str = "GET", host: str | None = None, agent: str = ""):
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or place.netloc)
        connection.putheader("User-Agent", agent)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_the_server_is_on_loopback_with_a_port_of_its_own(server):
    assert server.url.startswith("http://127.0.0.1:")
    assert server.url.endswith("/")


def test_files_and_pages_are_served(server):
    assert ask(server, "/")[2] == b"<!doctype html>"
    assert ask(server, "/pack/manifest.json")[2] == b"{}"
    assert ask(server, "/pack/manifest.json?x=1")[2] == b"{}"
    assert ask(server, "/pack/a%20b%20%C3%BC.txt")[2] == b"odd"


def test_every_answer_makes_the_page_isolated(server):
    for path in ("/", "/pack/manifest.json"):
        status, headers, _ = ask(server, path)
        assert status == 200
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_browsers_that_know_it_get_pages_without_credentials_of_others(server):
    for agent, expected in [
        ("AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36", "credentialless"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "credentialless"),
        ("AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "require-corp"),
    ]:
        _, headers, _ = ask(server, "/pack/manifest.json", agent=agent)
        assert headers["Cross-Origin-Embedder-Policy"] == expected


def test_hashed_files_are_immutable_and_never_encoded(server):
    _, headers, body = ask(server, f"/pack/archives/{DIGEST}.tar.zst")
    assert body == b"zstd"
    assert headers["Content-Type"] == "application/zstd"
    assert "immutable" in headers["Cache-Control"]
    assert "Content-Encoding" not in headers
    assert ask(server, "/pack/manifest.json")[1]["Cache-Control"] == "no-cache"


def test_head_has_the_length_and_no_body(server):
    status, headers, body = ask(server, "/pack/manifest.json", method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "2", b"")
    assert ask(server, "/pack/none", method="HEAD")[::2] == (404, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/pack/../secret",
        "/pack/%2e%2e/secret",
        "/pack/..%2fsecret",
        "/pack/..%5csecret",
        "/pack//manifest.json",
        "/pack/./manifest.json",
        "/pack/%00",
        "/pack/%ff",
        "/pack/",
        "/pack",
        "/pack/archives",
        "/pack/none",
        "/pack-other/f",
        "/secret",
        "//secret",
    ],
)
def test_nothing_else_is_reachable(server, path):
    status, headers, body = ask(server, path)
    assert status == 404
    assert b"secret" not in body
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links")
def test_a_link_out_of_the_folder_is_not_followed(server, root):
    (root / "pack" / "out").symlink_to(root / "secret")
    (root / "pack" / "in").symlink_to(root / "pack" / "manifest.json")
    assert ask(server, "/pack/out")[0] == 404
    assert ask(server, "/pack/in")[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1"])
def test_a_request_for_another_host_is_refused(server, host):
    status, _, body = ask(server, "/pack/manifest.json", host=host)
    assert status == 421
    assert body.startswith(b"421 Misdirected Request")


def test_localhost_is_our_name_too(server):
    port = urlsplit(server.url).port
    assert ask(server, "/", host=f"localhost:{port}")[0] == 200


def test_other_methods_are_refused(server):
    status, headers, _ = ask(server, "/pack/manifest.json", method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert ask(server, "/pack/manifest.json", method="PUT")[0] == 501


def test_a_browser_that_goes_away_is_no_noise(server, root, capfd):
    (root / "pack" / "big").write_bytes(bytes(30_000_000))
    place = urlsplit(server.url)
    with socket.create_connection((str(place.hostname), place.port or 0)) as connection:
        connection.sendall(f"GET /pack/big HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        connection.recv(10)
    assert ask(server, "/")[0] == 200
    assert capfd.readouterr().err == ""


def test_after_the_block_nobody_listens(root):
    with StaticServer(mounts={}, pages={}) as server:
        place = urlsplit(server.url)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((str(place.hostname), place.port or 0), timeout=5)
