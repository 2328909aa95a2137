"""Tests of the nightly drift check (.ci/drift), its commands and its report, with a fake `kubewright`."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from testkit.cluster import CHECKOUT

_PROGRAM = """#!/bin/sh
echo "$*" >>"$CALLS"
case $1 in
settings) printf 'kubewright:cluster:\\n  name: prod\\n%s' "$SETTINGS" ;;
"$FAILS") echo "## not a heading"; echo "w-1: kubelet.service: changed"; exit 1 ;;
esac
"""


@dataclass
class DriftCheck:
    """A directory with the script .ci/drift and a fake `kubewright`."""

    root: Path

    def run(self, *, settings: str, failing_command: str = "") -> tuple[int, str | None, list[str]]:
        """Run .ci/drift. Return its exit code, its report (None: no report) and the `kubewright` commands it
        ran.

        `settings` are lines of the settings of the stack; `failing_command` is the command that reports a
        difference.
        """
        calls = self.root / "calls"
        calls.unlink(missing_ok=True)
        report = self.root / "drift.md"
        variables = {"CALLS": str(calls), "SETTINGS": settings, "FAILS": failing_command or "none"}
        result = subprocess.run(
            [self.root / ".ci/drift", "prod", report], env={**os.environ, **variables}, capture_output=True
        )
        words = [line.split()[0] for line in calls.read_text().splitlines()]
        return result.returncode, report.read_text() if report.exists() else None, words


@pytest.fixture
def check(tmp_path: Path) -> DriftCheck:
    (tmp_path / ".ci").mkdir()
    shutil.copy(CHECKOUT / ".ci/drift", tmp_path / ".ci/drift")
    program = tmp_path / "kubewright"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    return DriftCheck(tmp_path)


def test_stack_without_drift_has_no_report(check: DriftCheck) -> None:
    assert check.run(settings="  metal:\n") == (0, None, ["settings", "drift", "preview"])
    assert check.run(settings="  aws:\n") == (0, None, ["settings", "pulumi", "preview"])


def test_drift_of_a_cloud_omits_what_the_program_ignores(check: DriftCheck) -> None:
    """A refresh reports the sizes that the autoscaler changed; a preview after a refresh does not."""
    check.run(settings="  azure:\n")
    command = (check.root / "calls").read_text().splitlines()[1]
    assert command == "pulumi --stack prod -- preview --refresh --expect-no-changes --diff"


@pytest.mark.parametrize(
    ("settings", "failing_command", "heading"),
    [
        ("  metal:\n", "drift", "Hosts, compared"),
        ("  aws:\n", "pulumi", "Cloud resources, compared"),
        ("  metal:\n", "preview", "The stack file, compared"),
    ],
)
def test_report_contains_each_difference_as_plain_text(
    check: DriftCheck, settings: str, failing_command: str, heading: str
) -> None:
    code, report, words = check.run(settings=settings, failing_command=failing_command)
    assert code == 1
    assert report is not None
    assert report.startswith("### Stack prod has drifted since its last `up`\n")
    assert heading in report
    assert "\n    w-1: kubelet.service: changed\n" in report
    assert "\n## not a heading" not in report
    assert words[-1] == "preview", "the first difference hides later ones"


def test_old_report_is_removed(check: DriftCheck) -> None:
    assert check.run(settings="  metal:\n", failing_command="drift")[1] is not None
    assert check.run(settings="  metal:\n")[1] is None
