"""Which remote stores there are."""

from __future__ import annotations

import pytest

from lite_env.errors import SpecError
from lite_env.spec.remotes import Remote, read_remotes


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def user(tmp_path):
    return tmp_path / "config.toml"


def test_by_default_there_is_none(project, user):
    assert read_remotes(project, {}, user) == ()


def test_a_project_names_stores_that_are_not_trusted(project, user):
    (project / "pyproject.toml").write_text('[[tool.lite-env.remote]]\nurl = "s3://bucket/folder"\n')
    assert read_remotes(project, {}, user) == (Remote(url="s3://bucket/folder"),)


def test_a_user_says_whom_to_trust_also_of_what_a_project_names(project, user):
    (project / "pyproject.toml").write_text(
        '[[tool.lite-env.remote]]\nurl = "s3://one/x"\n[[tool.lite-env.remote]]\nurl = "s3://two/x"\n'
    )
    user.write_text('[[remote]]\nurl = "s3://two/x"\ntrusted = true\nwrite = true\n')
    assert read_remotes(project, {}, user) == (
        Remote(url="s3://one/x"),
        Remote(url="s3://two/x", trusted=True, write=True),
    )


def test_a_variable_stands_for_all_of_them(project, user):
    user.write_text('[[remote]]\nurl = "s3://two/x"\n')
    assert read_remotes(project, {"LITE_ENV_REMOTE": "https://host/x"}, user) == (Remote(url="https://host/x"),)
    environ = {"LITE_ENV_REMOTE": "s3://b/x", "LITE_ENV_REMOTE_TRUSTED": "1", "LITE_ENV_REMOTE_WRITE": "true"}
    assert read_remotes(project, environ, user) == (Remote(url="s3://b/x", trusted=True, write=True),)
    assert read_remotes(project, {"LITE_ENV_REMOTE": ""}, user) == ()


@pytest.mark.parametrize("key", ["trusted = true", "write = true"])
def test_a_project_may_not_say_that_it_is_trusted(project, user, key):
    (project / "pyproject.toml").write_text(f'[[tool.lite-env.remote]]\nurl = "s3://bucket/x"\n{key}\n')
    with pytest.raises(SpecError, match=r"tool\.lite-env\.remote\[0\]") as caught:
        read_remotes(project, {}, user)
    assert "LITE_ENV_REMOTE" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("remote = 3", "not a list of tables"),
        ("remote = ['s3://x']", "not a list of tables"),
        ("[[remote]]\n", "has no 'url'"),
        ("[[remote]]\nurl = 3\n", "has no 'url'"),
        ("[[remote]]\nurl = 'bucket'\n", "is no URL"),
        ("[[remote]]\nurl = 's3://b/x'\ntrusted = 'yes'\n", "neither true nor false"),
        ("[[remote]]\nurl = 's3://b/x'\ntoken = 'x'\n", "has the key 'token'"),
        ("[[remote]]\nurl = 'https://h/x'\nwrite = true\n", "can only be read"),
        ("[[remote]\n", "config.toml"),
    ],
)
def test_what_is_wrong_is_told_with_its_file_and_key(project, user, text, found):
    user.write_text(text)
    with pytest.raises(SpecError, match=found) as caught:
        read_remotes(project, {}, user)
    assert dict(caught.value.context)["file"] == str(user)


@pytest.mark.parametrize("url", ["reference::https://evil/refs.json", "sftp://host/x", "simplecache::s3://b/x"])
def test_a_project_names_no_kind_of_store_that_does_what_its_own_files_say(project, user, url):
    (project / "pyproject.toml").write_text(f'[[tool.lite-env.remote]]\nurl = "{url}"\n')
    with pytest.raises(SpecError, match=r"tool\.lite-env\.remote\[0\]\.url") as caught:
        read_remotes(project, {}, user)
    assert "s3://" in caught.value.hint


def test_nobody_names_a_chain_of_stores_and_a_user_any_kind(project, user):
    with pytest.raises(SpecError, match="is no URL of a folder"):
        read_remotes(project, {"LITE_ENV_REMOTE": "reference::https://evil/refs.json"}, user)
    assert read_remotes(project, {"LITE_ENV_REMOTE": "gs://bucket/x"}, user) == (Remote(url="gs://bucket/x"),)


def test_what_is_no_url_is_not_repeated_for_it_may_hold_a_secret(project, user):
    for text in ("AKIAKEY:SECRETPASS@bucket/x", "s3:KEY:SECRETPASS@b"):
        with pytest.raises(SpecError) as caught:
            read_remotes(project, {"LITE_ENV_REMOTE": text}, user)
        assert "SECRETPASS" not in f"{caught.value.message} {caught.value.hint} {caught.value.context}"


def test_a_switch_that_is_none_is_told(project, user):
    with pytest.raises(SpecError, match="LITE_ENV_REMOTE_TRUSTED"):
        read_remotes(project, {"LITE_ENV_REMOTE": "s3://b/x", "LITE_ENV_REMOTE_TRUSTED": "perhaps"}, user)


def test_a_store_is_told_of_without_its_credentials():
    assert "hunter2" not in Remote(url="https://user:hunter2@host/x?token=hunter2").label
