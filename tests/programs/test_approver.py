"""Run the Go tests of kubelet-csr-approver, whose source is in this repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import catalogue
from testkit.go_tests import run_go_tests


@pytest.mark.timeout(1000)
def test_go_tests_of_the_approver_pass(go: str, tmp_path: Path) -> None:
    output = run_go_tests(go, catalogue.binary("kubelet-csr-approver").module, tmp_path)
    for test in (
        "TestWhatAKubeletAsksForIsApproved",
        "TestWhatIsNotTheNodesIsRefused",
        "TestAHostJoinsWithItsToken",
        "TestATokenIsForOneNameAlone",
        "TestATokenIsUselessWhileItsNodeExists",
        "TestANodeThatClaimsANetworkBlocksNoOther",
        "TestOnlyNodesOfHostsThatLeftAreDeleted",
    ):
        assert f"--- PASS: {test} " in output
