"""Tests of the import benchmark: it finds the imports of providers, and checks the limits."""

from __future__ import annotations

from benchmarks.imports import ImportCost, imported_modules


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
