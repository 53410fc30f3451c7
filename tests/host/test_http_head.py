from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.host.http_head import MAX_FIELDS, RequestError, end_of_head, parse_head


def parse(first="GET / HTTP/1.1", *fields):
    return parse_head("\r\n".join([first, *fields, "", ""]).encode("latin-1"))


def refused(first="GET / HTTP/1.1", *fields):
    with pytest.raises(RequestError) as caught:
        parse(first, *fields)
    return int(caught.value.status)


def test_a_request_is_what_it_says():
    head = parse("POST /a%20b?c=d HTTP/1.1", "Host: here", "X-Y:  z\t", "Content-Length: 007", "x-y: again")
    assert (head.method, head.path, head.length, head.chunked, head.persistent) == ("POST", "/a%20b", 7, False, True)
    assert head.headers == {"host": "here", "x-y": "z, again", "content-length": "007"}


def test_lines_may_end_without_a_carriage_return():
    assert parse_head(b"GET /x HTTP/1.1\nHost: here\n\n").headers == {"host": "here"}


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        ("/?a/b", "/", "given"),
        ("//x", "//x", "given"),
        ("http://other/x?y", "/x", "other"),
        ("HTTP://other", "/", "other"),
        ("http://other?x", "/", "other"),
        ("http://[/", "/", "["),
        ("http:///x", "/x", ""),
        ("/%zz%", "/%zz%", "given"),
    ],
)
def test_an_absolute_address_names_the_host(target, path, host):
    head = parse(f"GET {target} HTTP/1.1", "Host: given")
    assert (head.path, head.headers["host"]) == (path, host)


@pytest.mark.parametrize(
    "target",
    ["*", "x", "https://other/", "file:///etc/passwd", "other:80", "/a#b", "/a b", "/\0", "/\xe4"],
)
def test_what_is_no_path_is_refused(target):
    assert refused(f"GET {target} HTTP/1.1") == 400


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ("GET /", 400),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/1.\xb2", 400),
        ("GET / HTTP/11.1", 400),
        ("GET / http/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        (" GET / HTTP/1.1", 400),
        ("get / HTTP/1.1", 501),
        ("BREW / HTTP/1.1", 501),
        ("CONNECT here:80 HTTP/1.1", 501),
        ("\x16\x03\x01\x02", 400),
        ("", 400),
    ],
)
def test_what_is_no_request_is_refused(first, status):
    assert refused(first) == status


@pytest.mark.parametrize(
    "fields",
    [
        ("no colon",),
        (": no name",),
        ("Host : x",),
        ("Host: x", " continued"),
        ("Ho st: x",),
        ("X: a\0b",),
        ("X: a\rb",),
        ("X: \x7f",),
        ("Host: a", "host: a"),
        ("Content-Length: 1", "Content-Length: 1"),
        ("Content-Length: 1, 1",),
        ("Content-Length: ",),
        ("Content-Length: -1",),
        ("Content-Length: 0x10",),
        ("Content-Length: 1_0",),
        ("Content-Length: \xb2",),
        ("Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ],
)
def test_what_two_readers_could_understand_in_two_ways_is_refused(fields):
    assert refused("POST / HTTP/1.1", *fields) == 400


def test_a_length_of_any_number_of_digits_is_a_number():
    assert refused("POST / HTTP/1.1", f"Content-Length: {'9' * 5001}") == 413
    assert parse("POST / HTTP/1.1", f"Content-Length: {'0' * 5000}9").length == 9
    assert parse("POST / HTTP/1.1", f"Content-Length: {'0' * 5000}").length == 0


def test_fields_are_counted():
    fields = [f"X-{number}: y" for number in range(MAX_FIELDS + 1)]
    assert refused("GET / HTTP/1.1", *fields) == 431
    assert len(parse("GET / HTTP/1.1", *fields[1:]).headers) == MAX_FIELDS


@pytest.mark.parametrize(
    ("version", "connection", "persistent"),
    [
        ("1.1", None, True),
        ("1.1", "Close", False),
        ("1.1", "upgrade, close", False),
        ("1.0", None, False),
        ("1.0", "keep-alive", False),
    ],
)
def test_a_connection_stays_open_when_both_want_it(version, connection, persistent):
    fields = [] if connection is None else [f"Connection: {connection}"]
    assert parse(f"GET / HTTP/{version}", *fields).persistent is persistent


@given(data=st.binary(max_size=200) | st.text(st.sampled_from("GET /:http1.\r\n\t\0%[]#?x9"), max_size=200))
def test_any_bytes_are_a_request_or_refused(data):
    data = data if isinstance(data, bytes) else data.encode()
    with contextlib.suppress(RequestError):
        head = parse_head(data)
        assert head.path.startswith("/")
        assert "?" not in head.path


def test_the_end_of_a_head_is_found_however_it_comes():
    data = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrest"
    whole = end_of_head(data, 0)
    assert data[whole:] == b"rest"
    numbers = random.Random(1)  # noqa: S311 - to be the same every time
    for _ in range(100):
        received, searched, found = b"", 0, None
        while found is None:
            step = numbers.randint(1, 9)
            received += data[len(received) : len(received) + step]
            found = end_of_head(received, max(0, searched - 3))
            searched = len(received)
        assert found == whole
