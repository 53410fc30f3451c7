"""The bill of materials: valid by CycloneDX's own schema, true about packages, the same each time."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from lite_env.lock.model import WheelSource
from lite_env.report.cyclonedx import cyclonedx, purl
from lite_env.report.subject import read_subject
from tests.frozen import PACKS
from tests.hostile_text import EVIL
from tests.locks import conda, science, wheel, write

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def bill(path):
    text = cyclonedx(read_subject(path))
    assert VALIDATOR.validate_str(text) is None
    return json.loads(text)


def by_name(document):
    return {component["name"]: component for component in document["components"]}


@pytest.mark.parametrize(
    "pack", sorted(path for path in PACKS.glob("*/*") if path.is_dir()), ids=lambda path: path.name
)
def test_bills_of_packs_are_valid(pack):
    assert bill(pack)["components"]


def test_the_validator_would_find_a_fault(tmp_path):
    document = bill(science(tmp_path / "conda-lock.yml"))
    document["components"][0]["hashes"][0]["content"] = "0"
    assert VALIDATOR.validate_str(json.dumps(document)) is not None


def test_packages_have_url_hash_and_licence(tmp_path):
    parts = by_name(bill(science(tmp_path / "conda-lock.yml")))
    assert parts["numpy"]["purl"] == (
        "pkg:conda/numpy@2.2.6?build=h0_0&channel=emscripten-forge-4x&subdir=emscripten-wasm32&type=conda"
    )
    assert parts["numpy"]["licenses"] == [{"expression": "BSD-3-Clause", "acknowledgement": "declared"}]
    assert parts["pytz"]["licenses"] == [{"license": {"name": "MIT License (as is)", "acknowledgement": "declared"}}]
    assert parts["python-dateutil"]["licenses"][0]["expression"] == "Apache-2.0 OR BSD-3-Clause"
    assert "licenses" not in parts["python_abi"]
    assert [each["alg"] for each in parts["python_abi"]["hashes"]] == ["MD5", "SHA-256"]
    assert parts["ipywidgets"]["purl"] == "pkg:pypi/ipywidgets@8.1.7?file_name=ipywidgets-8.1.7-py3-none-any.whl"
    assert parts["ours"]["purl"].startswith("pkg:generic/ours@0.1?")
    assert "externalReferences" not in parts["ours"]


def test_dependencies_lead_from_the_environment_to_every_package(tmp_path):
    document = bill(science(tmp_path / "conda-lock.yml"))
    edges = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert len(edges) == len(document["dependencies"]) == len(document["components"]) + 1
    reached, pending = set(), ["environment"]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += edges[name]
    assert reached == edges.keys()
    parts = by_name(document)
    assert edges[parts["python-dateutil"]["bom-ref"]] == sorted([parts["python"]["bom-ref"], parts["six"]["bom-ref"]])


def test_the_serial_number_is_that_of_the_packages(tmp_path):
    first, again = bill(science(tmp_path / "a/conda-lock.yml")), bill(science(tmp_path / "b/conda-lock.yml"))
    other = bill(science(tmp_path / "c/conda-lock.yml", later=True))
    assert first == again
    assert first["serialNumber"] != other["serialNumber"]
    assert "timestamp" not in first["metadata"]


def test_no_hash_is_claimed_of_a_wheel_that_is_in_a_pack(tmp_path):
    subject = read_subject(write(tmp_path / "conda-lock.yml", [wheel("six")]))
    assert "hashes" in json.loads(cyclonedx(subject))["components"][0]
    assert "hashes" not in json.loads(cyclonedx(replace(subject, kind="pack")))["components"][0]


@pytest.mark.parametrize("version", ["1.0", "1!2.0+local.1", *EVIL])
def test_package_urls_are_written_as_the_specification_wants(tmp_path, version):
    lock = write(
        tmp_path / "conda-lock.yml", [conda("a-b.c_d"), wheel("e-f"), wheel("g", wheel=WheelSource(kind="file"))]
    )
    for package in read_subject(lock).packages:
        text = purl(replace(package, version=version))
        found = PackageURL.from_string(text)
        # The specification has a slash in a version encoded, the library leaves it.
        assert found.to_string() == text or "/" in version
        assert (found.name, found.version) == (package.name, version)


def test_circles_and_what_is_missing_stay_valid(tmp_path):
    packages = [conda("a", "1", "b", "gone"), conda("b", "1", "a"), conda("c", "1", "c")]
    document = bill(write(tmp_path / "conda-lock.yml", packages, ["a"]))
    assert len(document["dependencies"]) == 4


def test_a_pack_with_a_hash_that_is_none_stays_valid(tmp_path):
    subject = read_subject(write(tmp_path / "conda-lock.yml", [conda("a", license="x" * 5000)]))
    hostile = replace(subject, packages=(replace(subject.packages[0], sha256="<b>", md5="<i>", version=EVIL[0]),))
    text = cyclonedx(hostile)
    assert VALIDATOR.validate_str(text) is None
    assert "hashes" not in json.loads(text)["components"][0]
