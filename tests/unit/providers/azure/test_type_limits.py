"""Tests of the checks of machine sizes and zones by the table of Azure."""

from __future__ import annotations

import pytest

from providers.azure import type_limits
from providers.azure.machine_types import Region, TypeTable, type_table
from tests.unit.components.graph import Json
from tests.unit.providers.azure.program import example_settings
from tests.unit.providers.program import ConfigEdit, section

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
COMMAND = f"python3 -m providers.azure.refresh_types --subscription {SUBSCRIPTION} --region"


def with_size(name: str) -> ConfigEdit:
    def edit(cluster: Json) -> None:
        section(cluster, "control_planes", "machine")["type"] = name

    return edit


def with_azure(**values: object) -> ConfigEdit:
    def edit(cluster: Json) -> None:
        section(cluster, "azure").update({"subscription": SUBSCRIPTION, **values})

    return edit


def problems(*edits: ConfigEdit, zones: tuple[str, ...] = ()) -> list[str]:
    """Return the problems of the example with these edits. `zones` replaces its zones."""

    def edit(cluster: Json) -> None:
        for each in (with_azure(), *edits):
            each(cluster)

    settings, azure, _ = example_settings(edit)
    # Rules refuse a single zone for three members.
    azure = azure.model_copy(update={"zones": zones}) if zones else azure
    prefix = "kubewright:cluster."
    return [str(problem).removeprefix(prefix) for problem in type_limits.type_problems(settings, azure)]


def use_table(monkeypatch: pytest.MonkeyPatch, region: Region) -> None:
    """Use a table with the sizes of the example and one location."""
    types = {name: kind for name, kind in type_table().types.items() if name.startswith("Standard_D")}
    table = TypeTable("2026-01-02", types, {"westeurope": region})
    monkeypatch.setattr(type_limits, "type_table", lambda: table)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("large", "not a machine size; use one such as Standard_D2s_v5"),
        (
            "Standard_D64s_v9",
            f"not a machine size of Azure on {type_table().date}; correct it, or read the sizes again: "
            f"{COMMAND} westeurope",
        ),
        ("Standard_D2_v5", "no premium disks; choose a size with an s, such as Standard_D2s_v5"),
        (
            "Standard_B2ms",
            "has no accelerated networking; choose another size, or set azure.network.accelerated: false",
        ),
        (
            "Standard_ND128isr_GB300_v6",
            "a machine of the architecture Arm64, which would boot the image for amd64; use another size",
        ),
    ],
)
def test_sizes_that_a_cluster_cannot_use_are_problems(name: str, reason: str) -> None:
    assert problems(with_size(name)) == [f"control_planes.machine.type: {name}: {reason}"]


@pytest.mark.parametrize(
    "name", ["Standard_E112ias_v5", "Standard_F72s_v2", "Standard_M128ms", "Standard_M128", "Standard_DS3_v2"]
)
def test_sizes_with_premium_disks_have_no_problem(name: str) -> None:
    assert problems(with_size(name)) == []


def test_vcpus_are_those_of_the_table() -> None:
    assert type_limits.vcpus("Standard_DS3_v2") == 4
    assert type_limits.vcpus("Standard_E8-4s_v5") == 4
    assert type_limits.vcpus("Standard_D64s_v9") is None


def test_location_without_zones_is_a_problem() -> None:
    expected = (
        f"azure.location: westus: has no availability zones on {type_table().date}; use another location, or "
        f"read its zones again: {COMMAND} westus"
    )
    assert problems(with_azure(location="westus")) == [expected]


def test_location_that_is_not_in_the_table_is_not_checked() -> None:
    assert "usgovvirginia" not in type_table().regions
    assert problems(with_azure(cloud="usgovernment", location="usgovvirginia")) == []


def test_command_names_the_cloud_of_azure() -> None:
    edit = with_azure(cloud="usgovernment", location="usgovvirginia")
    (problem,) = problems(edit, with_size("Standard_D64s_v9"))
    assert problem.endswith(f"{COMMAND} usgovvirginia --cloud usgovernment")


def test_zones_that_the_location_does_not_have_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    use_table(monkeypatch, Region(("1", "2"), None))
    assert problems() == ["azure.zones[2]: 3: not a zone of westeurope, which has 1, 2"]
    assert problems(zones=("2",)) == []


def test_size_that_a_zone_or_the_location_lacks_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = ("1", "2", "3")
    types: dict[str, tuple[str, ...]] = {"Standard_D2s_v5": everywhere, "Standard_D4s_v5": everywhere}
    use_table(monkeypatch, Region(everywhere, types | {"Standard_D8s_v5": ("1",), "Standard_D2s_v3": ()}))
    end = f"on 2026-01-02; use another size, or read the sizes again: {COMMAND} westeurope"
    start = "control_planes.machine.type: Standard"
    assert problems() == []
    assert problems(with_size("Standard_D8s_v5")) == [
        f"{start}_D8s_v5: not offered in zone 2, 3 of westeurope {end}"
    ]
    assert problems(with_size("Standard_D8s_v5"), zones=("1",)) == []
    assert problems(with_size("Standard_D2s_v3"), zones=("1",)) == [
        f"{start}_D2s_v3: not offered in zone 1 of westeurope {end}"
    ]
    assert problems(with_size("Standard_D2s_v4")) == [f"{start}_D2s_v4: not offered in westeurope {end}"]
