"""Run the Go tests of kubelet-csr-approver, whose source is in this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from artifacts import catalogue


@pytest.mark.timeout(1000)
def test_go_tests_of_the_approver_pass(go: str, tmp_path: Path) -> None:
    """Test a copy of the module, because Go may rewrite go.mod and go.sum, with the flags of the build."""
    module = shutil.copytree(catalogue.binary("kubelet-csr-approver").module, tmp_path / "module")
    environment = os.environ | {
        "GOFLAGS": "-mod=mod -buildvcs=false -trimpath",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    completed = subprocess.run(
        [go, "test", "-count=1", "-v", "./..."],
        cwd=module,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    for test in (
        "TestWhatAKubeletAsksForIsApproved",
        "TestWhatIsNotTheNodesIsRefused",
        "TestATokenIsForOneNameAlone",
        "TestATokenIsUselessWhileItsNodeExists",
        "TestANodeThatClaimsANetworkBlocksNoOther",
        "TestOnlyNodesOfHostsThatLeftAreDeleted",
    ):
        assert f"--- PASS: {test} " in completed.stdout
