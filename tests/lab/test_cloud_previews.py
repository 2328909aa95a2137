"""Tests of `make preview` with the cloud examples, without a lab, an account, credentials or a network."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lab.paths import LabPaths
from testkit.cluster import CHECKOUT

# The network namespace has only loopback, which the engine and its plugins use.
WITHOUT_NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
CREDENTIAL_PREFIXES = ("AWS_", "ARM_", "AZURE_")


def preview(stack: str, state: Path) -> list[dict[str, Any]]:
    """Run a preview without network access. Return its steps from the JSON output of the engine."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(CREDENTIAL_PREFIXES)}
    cache = os.environ.get("KUBEWRIGHT_CACHE") or str(Path.home() / ".cache/kubewright")
    environment |= {
        "KUBEWRIGHT_STATE": str(state),
        "KUBEWRIGHT_CACHE": cache,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    result = subprocess.run(
        [*WITHOUT_NETWORK, "./kubewright", "preview", "--offline", "--stack", stack, "--json"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    report = json.loads(result.stdout[result.stdout.index("{") :])
    steps: list[dict[str, Any]] = report["steps"]
    return steps


@pytest.mark.parametrize(
    ("stack", "package", "expected"),
    [
        (
            "aws-example",
            "aws",
            {"aws:ebs/volume:Volume": 3, "aws:autoscaling/group:Group": 9, "aws:s3/bucket:Bucket": 1},
        ),
        (
            "azure-example",
            "azure-native",
            {
                "azure-native:compute:Disk": 3,
                "azure-native:compute:VirtualMachine": 3,
                "azure-native:storage:StorageAccount": 1,
            },
        ),
    ],
)
def test_example_is_previewed_without_a_cloud(
    stack: str, package: str, expected: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    steps = preview(stack, tmp_path)
    assert {step["op"] for step in steps} == {"create"}
    types = Counter(step["newState"]["type"] for step in steps)
    assert {token: types[token] for token in expected} == expected
    cloud_resources = sum(count for token, count in types.items() if token.startswith(f"{package}:"))
    assert 40 < cloud_resources <= 130
    other = {"aws": "azure-native", "azure-native": "aws"}[package]
    assert not any(token.startswith(f"{other}:") for token in types)
    assert not LabPaths.of(stack).spec.exists()
