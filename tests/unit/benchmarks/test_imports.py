"""Tests of the import benchmark: it finds the imports of providers, and checks the limits."""

from __future__ import annotations

import pytest

from benchmarks.imports import CHECKOUT, MAX_BYTES, SDKS, ImportCost, imported_modules, measure


def test_all_forms_of_imports_are_found() -> None:
    sources = [
        "import sdk.compute\nfrom sdk import network, Provider\n",
        "from sdk.storage import Blob\nimport other.sdk\nfrom sdkx import thing\n",
        "def late():\n    from sdk.dns import Zone\n",
    ]
    assert imported_modules(sources, "sdk") == ("sdk", "sdk.compute", "sdk.dns", "sdk.network", "sdk.storage")


def test_both_kinds_of_limits_are_checked() -> None:
    assert ImportCost("x", (), 3.0, 400_000_000).within_limits
    assert not ImportCost("x", (), 3.1, 1).within_limits
    assert not ImportCost("x", (), 0.1, 400_000_001).within_limits


@pytest.mark.parametrize(("cloud", "sdk"), SDKS.items())
def test_imports_of_a_provider_load_and_stay_below_the_limit(cloud: str, sdk: str) -> None:
    """The limit of seconds is checked only by the benchmark, because times double on machines with shared
    cores.
    """
    sources = [path.read_text() for path in (CHECKOUT / "providers" / cloud).rglob("*.py")]
    modules = imported_modules(sources, sdk)
    assert modules
    cost, alone = measure(cloud, modules, rounds=1), measure("pulumi", ("pulumi",), rounds=1)
    assert alone.size + 20 * 10**6 < cost.size < MAX_BYTES, "the modules' contents are really loaded"
    assert cost.seconds > alone.seconds
