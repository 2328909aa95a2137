"""Tests of the table of machine sizes, and of the program that reads it from Azure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from providers.azure.machine_types import AZURE_ARCHITECTURES, MachineType, type_table
from providers.azure.prices import PRICES
from providers.azure.refresh_types import main, refresh
from providers.azure.wait_clients import management_client
from providers.cloud.polling import WaitError
from providers.cloud.type_tables import format_table
from tests.unit.components.graph import Json
from tests.unit.providers.azure.fake_azure import FakeAzure, FakeCredential
from tests.unit.providers.azure.program import example_settings

SKUS = "/subscriptions/s/providers/Microsoft.Compute/skus"


def sku(name: str, zones: list[str], **capabilities: str) -> Json:
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "locationInfo": [
            {"location": "WestEurope", "zones": zones},
            {"location": "northeurope", "zones": ["7"]},
        ],
        "capabilities": [{"name": key, "value": value} for key, value in capabilities.items()],
    }


def read(cloud: FakeAzure, file: Path, *regions: str) -> Json:
    """Refresh the table in `file` from the local server and return it."""
    client = management_client(cloud.url, FakeCredential(), "s", cloud.ca_file, "scope")
    refresh(client, regions, file, "a test")
    table: Json = json.loads(file.read_text())
    return table


def test_the_table_has_date_sizes_and_locations() -> None:
    table = type_table()
    assert table.date.startswith("20")
    assert table.types["Standard_D4s_v5"] == MachineType(4, 16384, "x64", has_premium_disks=True)
    assert table.types["Standard_D4_v5"] == MachineType(4, 16384, "x64", has_premium_disks=False)
    assert table.types["Standard_E8-4ads_v5"].vcpus == 4
    assert table.types["Standard_DS14-8_v2"].vcpus == 8
    assert len(table.types) >= 1_000
    assert len(table.regions) >= 50
    assert table.regions["westeurope"].zones == ("1", "2", "3")
    assert table.regions["westus"].zones == ()


@pytest.mark.parametrize("location", PRICES)
def test_the_table_has_all_sizes_with_a_price(location: str) -> None:
    assert set(PRICES[location].machines) <= set(type_table().types)


def test_settings_know_the_architecture_of_all_sizes_but_two() -> None:
    """Test that machines boot the right image. Limits refuse the two sizes whose names do not tell it."""
    _, azure, _ = example_settings()
    wrong = {
        name
        for name, kind in type_table().types.items()
        if kind.architecture != AZURE_ARCHITECTURES[azure.architecture(name)]
    }
    assert wrong == {"Standard_ND128isr_GB300_v6", "Standard_ND128isr_NDR_GB200_v6"}


def test_the_program_reads_a_location_and_keeps_the_others(cloud: FakeAzure, tmp_path: Path) -> None:
    file = tmp_path / "types.json"
    other = {"zones": ["1"], "types": {"1": ["Standard_M1"]}}
    file.write_text(
        format_table({"date": "2020-01-01", "source": "x", "types": {}, "regions": {"mars": other}})
    )
    new, limited, old = "Standard_D2ps_v6", "Standard_E8-4s_v5", "Standard_A2"
    second = f"{cloud.url}{SKUS}-2?api-version=x"
    cloud.responses = {
        SKUS: {
            "value": [
                sku(
                    new,
                    ["3", "1", "2"],
                    vCPUs="2",
                    MemoryGB="8",
                    CpuArchitectureType="Arm64",
                    PremiumIO="True",
                ),
                {"resourceType": "disks", "name": "Premium_LRS"},
            ],
            "nextLink": second,
        },
        f"{SKUS}-2": {
            "value": [
                sku(limited, ["1"], vCPUs="8", vCPUsAvailable="4", MemoryGB="64", PremiumIO="True"),
                sku(old, [], vCPUs="2", MemoryGB="3.5", PremiumIO="False"),
            ]
        },
    }
    table = read(cloud, file, "westeurope")
    assert table["types"] == {
        new: [2, 8192, "Arm64", True],
        limited: [4, 65536, "x64", True],
        old: [2, 3584, "x64", False],
    }
    assert table["regions"] == {
        "mars": other,
        "westeurope": {"zones": ["1", "2", "3"], "types": {"": [old], "1": [limited], "1,2,3": [new]}},
    }
    assert str(table["date"]) > "2026"
    assert table["source"] == "a test"


def test_location_without_sizes_is_an_error_and_the_table_stays(cloud: FakeAzure, tmp_path: Path) -> None:
    cloud.responses = {SKUS: {"value": [{"resourceType": "disks", "name": "Premium_LRS"}]}}
    file = tmp_path / "types.json"
    with pytest.raises(WaitError, match="westeurop: Azure lists no machine sizes"):
        read(cloud, file, "westeurop")
    assert not file.exists()


def test_missing_credentials_are_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_USE_OIDC", "ARM_USE_MSI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "types.json"
    assert main(["--subscription", "s", "--region", "westeurope", "--file", str(file)]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not file.exists()
