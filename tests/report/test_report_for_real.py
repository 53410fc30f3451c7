"""What a report says of real packs is what real kernels load of them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from lite_env.cli.main import cli
from lite_env.host.run import RunOptions, start_kernel
from lite_env.report.budget import check_budget
from lite_env.report.size import measure
from lite_env.report.subject import read_subject

pytestmark = [pytest.mark.node, pytest.mark.network]


def assert_costs_are_those_of_a_run(pack, module):
    report = measure(read_subject(pack))
    (boot,) = report.kernels
    with start_kernel(pack, options=RunOptions()) as running:
        ready, client = running.ready.figures, running.client
        assert (ready.bytes, ready.requests) == (boot.size, len(boot.files))
        assert boot.size == running.manifest.start_size(running.kernel) + report.manifest
        before = client.figures()
        assert client.execute(f"import {module}").status == "ok"
        after = client.figures()
    (cost,) = [each for each in report.imports if each.module == module]
    assert (after.bytes - before.bytes, after.requests - before.requests) == (cost.packed, cost.requests)
    assert check_budget(report, boot.size)
    assert not check_budget(report, boot.size - 1)


def test_a_start_and_an_import_of_xeus_python_cost_what_is_reported(numpy_pack):
    assert_costs_are_those_of_a_run(numpy_pack, "numpy")


def assert_bill_is_valid(path):
    bill = CliRunner().invoke(cli, ["export", str(path), "--format", "cyclonedx"], catch_exceptions=False).stdout
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    assert len(json.loads(bill)["components"]) == len(read_subject(path).packages)


def test_bills_of_a_real_lock_and_its_pack_are_valid(numpy_pack):
    assert_bill_is_valid(numpy_pack)
    assert_bill_is_valid(numpy_pack.parent / "conda-lock.yml")


@pytest.mark.slow
def test_a_start_and_an_import_of_pyodide_cost_what_is_reported(science_pack):
    assert_costs_are_those_of_a_run(science_pack, "pandas")
    assert_bill_is_valid(science_pack)
    assert_bill_is_valid(science_pack.parent / "conda-lock.yml")


def test_a_lock_and_its_real_pack_have_the_same_packages(numpy_pack):
    lock = numpy_pack.parent / "conda-lock.yml"
    answer = CliRunner().invoke(cli, ["diff", str(lock), str(numpy_pack), "--exit-code"], catch_exceptions=False)
    assert (answer.exit_code, answer.stdout) == (0, "the same packages\n")
    names = [
        [
            package["name"]
            for package in json.loads(CliRunner().invoke(cli, ["list", str(path), "--json"]).stdout)["packages"]
        ]
        for path in (lock, numpy_pack)
    ]
    assert names[0] == names[1]
    for path in (lock, numpy_pack):
        assert "numpy" in CliRunner().invoke(cli, ["why", "python", str(path)]).stdout
