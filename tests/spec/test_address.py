from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import LiteEnvError, without_secrets
from lite_env.spec.address import Channel, hide_all, holds_credentials, local_path, public_spec, public_url

PRIVATE = Channel.parse("https://me:pa%2Fss@host:444/sub/t/tk-123/chan")


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r:>40}".format, "%s".__mod__, lambda value: f"{[value]}"])
def test_nothing_shows_the_secret(show):
    shown = show(PRIVATE)
    assert "https://host:444/sub/chan" in shown
    assert not any(secret in shown for secret in ("me:", "pa", "tk-123"))


def test_what_is_asked_has_to_be_asked_for():
    assert PRIVATE.address_for_request() == "https://host:444/sub/t/tk-123/chan"
    assert PRIVATE.authorization_for_request() == "Basic bWU6cGEvc3M="
    assert Channel(**PRIVATE.encoded_for_child()).authorization_for_request() == "Basic bWU6cGEvc3M="
    assert (PRIVATE.is_secret, Channel.parse("https://host/chan").is_secret) == (True, False)
    assert copy.deepcopy(PRIVATE) is PRIVATE


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps])
def test_it_is_written_nowhere(write):
    with pytest.raises(TypeError) as caught:
        write(PRIVATE)
    assert "tk-123" not in str(caught.value)


def test_channels_are_the_same_by_what_is_shown():
    plain = Channel.parse("https://HOST:444/sub/chan/")
    assert (plain, hash(plain)) == (PRIVATE, hash(PRIVATE))
    assert PRIVATE != "https://host:444/sub/chan"


def test_a_library_s_words_are_cleared_of_it():
    text = "no answer from https://me:pa%2Fss@host:444/sub/t/tk-123/chan/noarch, token tk-123, password pa/ss"
    assert hide_all(text, [PRIVATE]) == (
        "no answer from https://***@host:444/sub/t/***/chan/noarch, token ***, password ***"
    )


def test_an_error_shows_no_credentials_wherever_its_text_came_from():
    error = LiteEnvError(
        "no http://me:pw1@h/c?key=pw2", hint="see http:/me:pw1@h/%74/pw2/c", reason="//me:pw1@h/c", line=3
    )
    told = "".join([*traceback.format_exception(error), str(error.hint), str(error.context)])
    assert "pw" not in told
    assert "me" not in error.message
    assert dict(error.context) == {"reason": "//***@h/c", "line": 3}


@pytest.mark.parametrize(
    "text",
    ["/home/t/x/environment.yml", "file:///t/x/y@z", "C:/t/x/y", "numpy >=1", "mail me@host", "https://host/c/noarch"],
)
def test_what_holds_no_credentials_stays(text):
    assert without_secrets(text) == text
    assert not holds_credentials(text)


@pytest.mark.parametrize(
    ("spec", "public"),
    [
        ("conda-forge::numpy >=1", "conda-forge::numpy >=1"),
        ("https://host/c::numpy >=1", "https://host/c::numpy >=1"),
        ("https://me:pw@host/c::numpy >=1", "numpy >=1"),
        ("https://host/t/tk/c/noarch::numpy", "numpy"),
        ("numpy[version='>=1', channel='https://me:pw@host/c']", "numpy"),
        ("https://me:pw@host/c/noarch/numpy-1-0.conda", "numpy"),
        ("https://me:pw@host/c", ""),
    ],
)
def test_a_match_spec_as_it_may_be_published(spec, public):
    assert public_spec(spec) == public


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://[::1/c", "the name of a host"),
        ("https://[::1]:x/c", "the name of a host"),
        ("https://[12345::]/c", "no address of IPv6"),
        ("https://h:99999/c", "a port is a number from 1 to 65535"),
        ("https://h:0/c", "a port is a number from 1 to 65535"),
        ("https://h:pw/c", "the name of a host"),
        ("https:///c", "the name of a host"),
        ("https://", "the name of a host"),
        ("https://h/a b", "no spaces"),
        ("https://h/\x00", "control characters"),
        ("https://h/\ud800", "control characters"),
        ("https://h/a%00b/c", "encoded slash"),
        ("https://h/../c", "encoded slash"),
        ("https://h\\c", "backslashes"),
        ("https://h/c?x", "no `?`"),
        ("https://h/c;token=x", "no query"),
        ("https://h/token=x/c", "no query"),
        ("https://h/c%3Bsig%3Dx", "no query"),
        ("https://h/c%25253Fx", "no query"),
        ("https://h/c%23x", "no query"),
        ("https://h/pw@x/c", "no `@` in its path"),
        ("ftp://h/c", "an address starts with http://"),
        ("javascript:alert(1)", "an address starts with http://"),
    ],
)
def test_what_is_no_address(text, why):
    with pytest.raises(ValueError, match=why):
        Channel.parse(text)


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://u:p@", "http://[", "file:", "file://", "//"]))
def test_any_text_is_an_address_or_is_refused(text, start):
    for read in (Channel.parse, public_url, local_path, holds_credentials, without_secrets):
        try:
            read(start + text)
        except ValueError as error:
            assert not text.strip() or len(text) < 8 or text not in str(error)  # noqa: PT017 - most texts are refused


@given(
    st.text("abcXYZ019-._~!$&'()*+,;=%:/@?#[] ", min_size=4, max_size=12).filter(lambda text: text.strip("t/")),
    st.text("abcXYZ019-._", min_size=4, max_size=12),
)
def test_no_address_shows_its_secret(password, token):
    from urllib.parse import quote  # noqa: PLC0415

    password, token = f"pw{password}", f"tk{token}"
    channel = Channel.parse(f"https://u:{quote(password, safe='')}@host/t/{token}/chan")
    assert str(channel) == "https://host/chan"
    message = f"{channel.address_for_request()} {password} {quote(password, safe='')} {token}"
    hidden = hide_all(message, [channel])
    assert password not in hidden
    assert token not in hidden
