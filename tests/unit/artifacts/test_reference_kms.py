"""Run the Go tests of the reference KMS plugin in lab/kms."""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit import reference_kms
from testkit.go_tests import run_go_tests


@pytest.mark.timeout(1000)
def test_go_tests_of_the_reference_plugin_pass(go: str, tmp_path: Path) -> None:
    output = run_go_tests(go, reference_kms.SOURCE, tmp_path)
    assert output.count("--- PASS: Test") == 3


def test_the_plugin_says_that_it_is_not_for_production() -> None:
    assert "It is not for production" in (reference_kms.SOURCE / "main.go").read_text()
