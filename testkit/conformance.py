"""Runs of upstream's end-to-end tests (`kubewright conformance`) in tests."""

from __future__ import annotations

import json
from pathlib import Path

from automation.conformance.results import FILE
from testkit.cluster import Cluster

SUITE_SECONDS = 9000
"""Time limit of a suite. On two cores without other work the suite `conformance` takes about 50 minutes."""


def run_specs(
    cluster: Cluster, report: Path, *options: str, seconds: float = SUITE_SECONDS
) -> dict[str, str]:
    """Run the specs that `options` select to their end. Return the state of each spec in its last attempt.

    Raise AssertionError with the end of the output if a spec failed. The directory `report` gets the report.
    """
    result = cluster.command("conformance", *options, "--report", str(report), check=False, timeout=seconds)
    assert result.code == 0, f"{result.text[-4000:]}\n{report / 'report.md'}"
    return states(report)


def states(report: Path) -> dict[str, str]:
    """Return the state of each spec of a report. The last result of a spec counts."""
    lines = [json.loads(line) for line in (report / FILE).read_text().splitlines()]
    return {line["spec"]: line["state"] for line in lines if "spec" in line}
