"""Tests of the table of machine types, and of the program that reads it from EC2, against moto."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from providers.aws.machine_types import EC2_ARCHITECTURES, MachineType, type_table
from providers.aws.refresh_types import main
from providers.cloud.type_tables import format_table
from tests.unit.providers.aws.autoscaling import REGION
from tests.unit.providers.aws.program import example_settings


def test_the_table_has_date_types_and_regions() -> None:
    table = type_table()
    assert table.date.startswith("20")
    assert table.types["m6i.large"] == MachineType(2, 8192, "x86_64", has_nvme=True)
    assert table.types["m6g.large"].architecture == "arm64"
    assert len(table.regions) >= 30
    for name, region in table.regions.items():
        assert region.zones, name
        assert region.types <= table.types.keys(), name
    assert table.regions["eu-central-1"].zones == ("eu-central-1a", "eu-central-1b", "eu-central-1c")


def test_settings_know_the_architecture_of_all_types() -> None:
    _, aws, _ = example_settings()
    known = {name: kind.architecture for name, kind in type_table().types.items()}
    supported = {name: value for name, value in known.items() if value in EC2_ARCHITECTURES.values()}
    assert supported == {name: EC2_ARCHITECTURES[aws.architecture(name)] for name in supported}
    assert set(supported.values()) == {"x86_64", "arm64"}


@pytest.mark.usefixtures("account")
def test_the_program_reads_a_region_and_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "types.json"
    other = {"zones": ["mars-1a"], "types": ["m1"]}
    file.write_text(
        format_table({"date": "2020-01-01", "source": "a test", "types": {}, "regions": {"mars-1": other}})
    )
    assert main(["--region", REGION, "--file", str(file)]) == 0
    table = json.loads(file.read_text())
    assert table["regions"]["mars-1"] == other
    assert table["types"]["m6i.large"] == [2, 8192, "x86_64", True]
    assert table["types"]["i3.large"][3] is False
    assert "m6i" in table["regions"][REGION]["types"]
    assert table["date"] > "2026"
