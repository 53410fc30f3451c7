import pytest

from lite_env.channel.transform import check_transform, transform
from lite_env.errors import ChannelError
from tests.channel_inputs import BUNDLE, GLUE

OPTIONS = {"entry": 213, "module": 806, "global": "create"}
NAME = "webpack-module-as-global"


def test_a_bundle_becomes_a_script_that_defines_one_module():
    assert transform(NAME, OPTIONS, BUNDLE) == GLUE


def test_the_name_that_the_minifier_gave_to_require_is_found():
    data = b"(()=>{var t={7:0},$r=n=>n;$r.o=1,$r(2)})()\n"
    options = {"entry": 2, "module": 7, "global": "f"}
    assert transform(NAME, options, data) == b"var f=(()=>{var t={7:0},$r=n=>n;$r.o=1;return $r(7)})();"


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (BUNDLE, {**OPTIONS, "entry": 214}, "does not end|ends in its entry module 214"),
        (b"x" + BUNDLE, OPTIONS, "not a webpack bundle"),
        (b"\xff" + BUNDLE, OPTIONS, "the webpack bundle is not UTF-8 text"),
        (BUNDLE, {**OPTIONS, "module": 999}, "has no module 999"),
        (BUNDLE, {**OPTIONS, "global": "a b"}, "not a JavaScript identifier"),
    ],
)
def test_what_does_not_fit_is_refused(data, options, message):
    with pytest.raises(ChannelError, match=message):
        transform(NAME, options, data)


def test_options_are_checked_by_name_and_type():
    assert check_transform(NAME, OPTIONS) is None
    assert check_transform(NAME, {"entry": 1}) == "entry (int), global (str), module (int)"
    assert check_transform(NAME, {**OPTIONS, "entry": "1"}) is not None
    assert check_transform("other", {}) == f"one of {NAME}"
