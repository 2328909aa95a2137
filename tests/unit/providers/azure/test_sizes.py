"""Tests of machine sizes: what their names contain, and which exist."""

from __future__ import annotations

import pytest

from providers.azure import sizes
from providers.azure.prices import PRICES


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ("Standard_D2s_v5", 2),
        ("Standard_D16ads_v6", 16),
        ("Standard_E8-4s_v5", 4),
        ("Standard_B2ms", 2),
        ("Standard_NC24ads_A100_v4", 24),
    ],
)
def test_vcpus_are_parsed_from_the_machine_size(size: str, count: int) -> None:
    assert sizes.vcpus(size) == count


@pytest.mark.parametrize(
    "name",
    [
        *PRICES["westeurope"].machines,
        "Standard_E112ias_v5",
        "Standard_F72s_v2",
        "Standard_L8s_v3",
        "Standard_NC24ads_A100_v4",
        "Standard_M128ms",
        "Standard_B2s_v2",
        "Standard_D64s_v9",
    ],
)
def test_existing_sizes_and_newer_versions_are_accepted(name: str) -> None:
    size = sizes.parse(name)
    assert size is not None
    assert sizes.describe_unknown(size) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Standard_D3s_v5", "sizes with 2, 4, 8"),
        ("Standard_ABC4s_v5", "no series ABC"),
        ("Standard_D4s_v1", "no version 1"),
        ("Standard_E6s_v5", "sizes with 2, 4"),
    ],
)
def test_sizes_that_do_not_exist_have_a_reason(name: str, reason: str) -> None:
    size = sizes.parse(name)
    assert size is not None
    assert reason in sizes.describe_unknown(size)


def test_text_that_is_no_size_has_no_vcpus() -> None:
    assert sizes.parse("t3.large") is None
    assert sizes.vcpus("Standard_") is None


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
