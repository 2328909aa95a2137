"""Tests of machine sizes: what their names contain."""

from __future__ import annotations

import pytest

from providers.azure import sizes
from providers.azure.machine_types import type_table


@pytest.mark.parametrize(
    ("name", "family", "count", "version", "accelerator"),
    [
        ("Standard_D2s_v5", "D", 2, 5, ""),
        ("Standard_E8-4s_v5", "E", 4, 5, ""),
        ("Standard_B2ms", "B", 2, 1, ""),
        ("Standard_NC24ads_A100_v4", "NC", 24, 4, "A100"),
        ("Standard_ND128isr_NDR_GB200_v6", "ND", 128, 6, "NDR_GB200"),
    ],
)
def test_names_of_sizes_are_parsed(
    name: str, family: str, count: int, version: int, accelerator: str
) -> None:
    assert sizes.parse(name) == sizes.Size(name, family, count, version, accelerator)


@pytest.mark.parametrize("name", ["t3.large", "Standard_", "D2s_v5"])
def test_other_texts_are_no_names_of_sizes(name: str) -> None:
    assert sizes.parse(name) is None


def test_all_sizes_of_the_table_are_names_of_sizes() -> None:
    assert [name for name in type_table().types if sizes.parse(name) is None] == []


@pytest.mark.parametrize(
    ("name", "accelerated"),
    [
        ("Standard_D2s_v5", True),
        ("Standard_B2ms", False),
        ("Standard_B16ms", True),
        ("Standard_B2s_v2", True),
    ],
)
def test_small_burstable_sizes_have_no_accelerated_networking(name: str, accelerated: bool) -> None:
    size = sizes.parse(name)
    assert size is not None
    assert size.has_accelerated_networking is accelerated
