"""Run the Go tests of the reference KMS plugin in lab/kms."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testkit import reference_kms


@pytest.mark.timeout(1000)
def test_go_tests_of_the_reference_plugin_pass(go: str, tmp_path: Path) -> None:
    """Test a copy of the module, because Go may rewrite go.mod and go.sum."""
    module = shutil.copytree(reference_kms.SOURCE, tmp_path / "module")
    environment = os.environ | {"GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    completed = subprocess.run(
        [go, "test", "-count=1", "-v", "./..."],
        cwd=module,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert completed.stdout.count("--- PASS: Test") == 3


def test_the_plugin_says_that_it_is_not_for_production() -> None:
    assert "It is not for production" in (reference_kms.SOURCE / "main.go").read_text()
