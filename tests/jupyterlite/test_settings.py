from __future__ import annotations

from pathlib import Path

import pytest

from lite_env.errors import PackError, SpecError
from lite_env.jupyterlite.addon import LiteEnvAddon
from lite_env.jupyterlite.settings import settings_of
from lite_env.pack.mounts import Mount

LITE = Path("/lite")
DEFAULTS = {name: trait.default_value for name, trait in LiteEnvAddon.class_traits(config=True).items()}


def settings(*, xeus=None, beside=(), **traits):
    assert traits.keys() <= DEFAULTS.keys()
    values = {
        **DEFAULTS,
        "environment_files": (),
        "locks": (),
        "prefixes": (),
        "channels": (),
        "profiles": (),
        "mounts": (),
    }
    return settings_of({**values, "filters": (), **traits}, xeus or {}, LITE, beside)


def sources(found) -> list[tuple[str, str]]:
    return [(source.kind, source.label) for source in found.sources]


def test_nothing_configured_and_nothing_there_is_no_environment():
    assert settings().sources == ()


def test_the_environment_file_of_the_lite_directory_is_taken():
    found = settings(beside=["environment.yaml"])
    assert sources(found) == [("environment file", "environment.yaml")]
    assert found.sources[0].path == LITE / "environment.yaml"


def test_two_environment_files_of_one_name_are_refused():
    with pytest.raises(SpecError, match=r"both environment\.yml and environment\.yaml"):
        settings(beside=["environment.yml", "environment.yaml"])


def test_what_is_named_takes_the_place_of_what_is_found():
    found = settings(beside=["environment.yml"], locks=("a.conda-lock.yml",), prefixes=("/opt/env",))
    assert sources(found) == [("lock file", "a.conda-lock.yml"), ("installed environment", "/opt/env")]
    assert found.sources[1].path == Path("/opt/env")


def test_an_environment_that_is_named_twice_is_refused():
    with pytest.raises(SpecError, match=r"'a\.yml' is named twice"):
        settings(environment_files=("a.yml", "a.yml"))


def test_a_profile_belongs_to_the_only_environment_or_to_the_one_it_names():
    assert settings(beside=["environment.yml"], profiles=("p.json",)).profiles == {"environment.yml": LITE / "p.json"}
    several = {"environment_files": ("a.yml", "b.yml")}
    assert settings(**several, profiles=("b.yml=p.json",)).profiles == {"b.yml": LITE / "p.json"}
    with pytest.raises(SpecError, match=r"whose profile .p\.json. is") as caught:
        settings(**several, profiles=("p.json",))
    assert "a.yml, b.yml" in caught.value.hint


def test_a_section_for_jupyterlite_xeus_is_read_and_told():
    found = settings(
        beside=["environment.yml"],
        xeus={"environment_file": ["one.yml", "two.yml"], "prefix": "env", "default_channels": ["./channel"]},
    )
    assert sources(found) == [
        ("environment file", "one.yml"),
        ("environment file", "two.yml"),
        ("installed environment", "env"),
    ]
    assert found.default_channels == ("./channel",)
    assert len(found.notes) == 3
    assert "`LiteEnvAddon.prefixes`" in found.notes[1]
    assert found.warnings == ()


def test_mounts_are_relative_to_the_lite_directory_and_read_from_the_section():
    theirs = {"mounts": ["data:/data"], "mount_jupyterlite_content": True}
    found = settings(beside=["environment.yml"], xeus=theirs)
    assert found.mounts == (Mount(source=LITE / "data", target="/data"),)
    assert found.mount_contents
    assert "`LiteEnvAddon.mount_contents`" in found.notes[1]
    assert found.warnings == ()
    ours = settings(mounts=("/srv:/srv",), mount_contents=False, xeus=theirs)
    assert ours.mounts == (Mount(source=Path("/srv"), target="/srv"),)
    assert not ours.mount_contents
    assert not settings().mount_contents


def test_a_mount_where_the_contents_are_is_refused():
    assert settings(mounts=("data:/files",)).mounts[0].target == "/files"
    with pytest.raises(PackError, match="two mounts overlap: '/files' and '/files/data'"):
        settings(mounts=("data:/files/data",), mount_contents=True)


def test_our_own_traits_win_over_the_section():
    found = settings(environment_files=("mine.yml",), xeus={"environment_file": ["theirs.yml"]})
    assert sources(found) == [("environment file", "mine.yml")]


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("empack_config", "empack.yaml", "LiteEnvAddon.filters"),
        ("package_url_factory", print, "lite-env/api/"),
        ("new_setting", 1, "not known"),
    ],
)
def test_a_setting_of_the_section_that_has_no_equal_is_named_with_what_takes_its_place(name, value, instead):
    (warning,) = settings(beside=["environment.yml"], xeus={name: value}).warnings
    assert f"`XeusAddon.{name}`" in warning
    assert instead in warning


@pytest.mark.parametrize(
    ("name", "value"), [("prefix", 1), ("environment_file", [1]), ("mount_jupyterlite_content", "yes")]
)
def test_a_value_of_the_wrong_kind_in_the_section_is_refused(name, value):
    with pytest.raises(SpecError, match=rf"`XeusAddon\.{name}` is not"):
        settings(xeus={name: value})


def test_every_trait_has_a_help_text_and_every_alias_a_trait():
    traits = LiteEnvAddon.class_traits(config=True)
    assert [name for name, trait in traits.items() if not trait.help] == []
    assert {place.partition(".")[2] for place in LiteEnvAddon.aliases.values()} <= set(traits)
    for config, text in LiteEnvAddon.flags.values():
        assert set(config["LiteEnvAddon"]) <= set(traits)
        assert text


@pytest.mark.parametrize(("text", "seconds"), [("7d", 7 * 86400), ("0", 0), ("90 min", 5400)])
def test_how_long_old_files_stay_is_written_as_times_are(text, seconds):
    assert settings().keep == 7 * 86400
    assert settings(keep=text).keep == seconds
    with pytest.raises(SpecError, match=r"`LiteEnvAddon\.keep`: 'week' is no duration"):
        settings(keep="week")


def test_what_is_deployed_is_a_folder_below_the_lite_directory_or_a_url():
    assert settings().previous is None
    assert settings(previous="deployed").previous == str(LITE / "deployed")
    assert settings(previous="https://example.org/lite/").previous == "https://example.org/lite/"
    assert settings(previous="deployed", offline=True).previous == str(LITE / "deployed")
    with pytest.raises(SpecError, match=r"is a URL, and `LiteEnvAddon\.offline` says that none is asked"):
        settings(previous="https://example.org/lite/", offline=True)
