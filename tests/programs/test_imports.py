"""Test of the import benchmark with the SDKs of clouds."""

from __future__ import annotations

import pytest

from benchmarks.imports import CHECKOUT, MAX_BYTES, SDKS, imported_modules, measure


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
