import json

import pytest

from lite_env.channel.definition import parse_definition
from lite_env.channel.member import SourceArchive
from lite_env.channel.model import PREFIX_PLACEHOLDER
from lite_env.channel.stage import stage_package
from lite_env.errors import ChannelError
from tests.channel_inputs import GLUE, definition_text, make_tar, make_zip, packed, source_zip


@pytest.fixture
def stage(tmp_path):
    """Lay out one package of the definition, possibly changed, from a source, possibly changed."""
    counter = iter(range(100))

    def do(name, *, source=None, change=lambda text: text):
        folder = tmp_path / str(next(counter))
        folder.mkdir()
        (tmp_path / "source").write_bytes(source or source_zip())
        definition = parse_definition(change(definition_text()), tmp_path / "channel.yaml", digest="")
        package = next(package for package in definition.packages if package.name == name)
        archive = SourceArchive(tmp_path / "source", name="things", root="inner/static")
        try:
            return stage_package(package, {"things": archive}, folder)
        finally:
            archive.close()

    return do


def source_with(files):
    return make_zip({f"inner/static/{path}": data for path, data in files.items()})


def test_site_packages_and_scripts_of_a_noarch_package_are_at_its_top(stage):
    staged = stage("pure")
    assert [file.path for file in staged] == ["python-scripts/tool", "site-packages/pure/__init__.py"]
    assert staged[1].file.read_bytes() == b"x = 1\n"
    assert [file.file.stat().st_mode & 0o777 for file in staged] == [0o755, 0o644]


def test_other_packages_keep_their_paths(stage):
    def as_arch(text):
        return text.replace("    subdir: noarch\n    noarch: python\n", "    subdir: emscripten-wasm32\n")

    staged = stage("pure", change=as_arch)
    assert [file.path for file in staged] == ["bin/tool", "lib/python3.11/site-packages/pure/__init__.py"]


def test_files_texts_and_transformed_files_are_laid_out(stage):
    staged = {file.path: file for file in stage("kernel")}
    assert list(staged) == [
        "bin/glue.js",
        "bin/kernel.js",
        "bin/kernel.wasm",
        "share/jupyter/kernels/k/kernel.json",
    ]
    assert staged["bin/glue.js"].file.read_bytes() == GLUE
    spec = staged["share/jupyter/kernels/k/kernel.json"]
    assert spec.has_prefix
    assert json.loads(spec.file.read_bytes())["argv"][0] == f"{PREFIX_PLACEHOLDER}/bin/kernel"
    assert not any(file.has_prefix for path, file in staged.items() if file is not spec)


def test_an_archive_of_another_package_is_refused(stage):
    source = source_with({"pure-1.0-py_0.tar.gz": packed("pure", "1.1", "py_0", 0, {})})
    with pytest.raises(ChannelError, match="of another package") as caught:
        stage("pure", source=source)
    context = dict(caught.value.context)
    assert (context["found"], context["expected"]) == ("pure 1.1 py_0 0", "pure 1.0 py_0 0")


@pytest.mark.parametrize("record", [b"{", b"[]", b"{}"])
def test_an_archive_with_a_broken_record_is_refused(stage, record):
    source = source_with({"pure-1.0-py_0.tar.gz": make_tar({"conda-meta/pure.json": record})})
    with pytest.raises(
        ChannelError, match=r"conda-meta/pure\.json in things:pure-1\.0-py_0\.tar\.gz is not (JSON|a conda record)"
    ):
        stage("pure", source=source)


def test_a_history_in_the_archive_is_left_out(stage):
    source = source_with({"pure-1.0-py_0.tar.gz": make_tar({"conda-meta/history": b"", "share/x": b"1"})})
    assert [file.path for file in stage("pure", source=source)] == ["share/x"]


def test_two_files_at_one_path_are_refused(stage):
    def beside(text):
        return text.replace("    from: things:pure", "    text:\n      share/x: hello\n    from: things:pure")

    source = source_with({"pure-1.0-py_0.tar.gz": make_tar({"share/x": b"1"})})
    with pytest.raises(ChannelError, match=r"two files of pure-1\.0-py_0\.conda have the same path") as caught:
        stage("pure", source=source, change=beside)
    assert caught.value.context == (("path", "share/x"),)


def test_a_missing_archive_is_named(stage):
    with pytest.raises(ChannelError, match=r"the source things has no member pure-1\.0-py_0\.tar\.gz"):
        stage("pure", source=source_with({}))


def test_a_member_that_changed_is_refused(stage):
    def pinned(text):
        return text.replace(
            "      bin/kernel.js: things:kernel.js",
            f"      bin/kernel.js:\n        from: things:kernel.js\n        sha256: {'a' * 64}",
        )

    with pytest.raises(ChannelError, match=r"the member things:kernel\.js is not what the definition says") as caught:
        stage("kernel", change=pinned)
    assert dict(caught.value.context)["expected"] == f"sha256 {'a' * 64}"


def test_a_transformation_with_another_result_is_refused(stage):
    with pytest.raises(ChannelError, match=r"the result of webpack-module-as-global on things:bundle\.js is not what"):
        stage("kernel", change=lambda text: text.replace("global: create", "global: make"))
