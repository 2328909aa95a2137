"""The nightly look: what it calls and what it reports, with a `kubewright` that says what it is told."""

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
class Look:
    """A directory with the script and its `kubewright`."""

    root: Path

    def run(self, *, settings: str, fails: str = "") -> tuple[int, str | None, list[str]]:
        """Exit code, report, commands that were run."""
        calls = self.root / "calls"
        calls.unlink(missing_ok=True)
        report = self.root / "found.md"
        variables = {"CALLS": str(calls), "SETTINGS": settings, "FAILS": fails or "none"}
        done = subprocess.run(
            [self.root / ".ci/drift", "prod", report], env={**os.environ, **variables}, capture_output=True
        )
        words = [line.split()[0] for line in calls.read_text().splitlines()]
        return done.returncode, report.read_text() if report.exists() else None, words


@pytest.fixture
def look(tmp_path: Path) -> Look:
    (tmp_path / ".ci").mkdir()
    shutil.copy(CHECKOUT / ".ci/drift", tmp_path / ".ci/drift")
    program = tmp_path / "kubewright"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    return Look(tmp_path)


def test_a_stack_as_it_should_be_has_no_report(look: Look) -> None:
    assert look.run(settings="  metal:\n") == (0, None, ["settings", "drift", "preview"])
    assert look.run(settings="  aws:\n") == (0, None, ["settings", "pulumi", "preview"])


@pytest.mark.parametrize(
    ("settings", "fails", "heading"),
    [
        ("  metal:\n", "drift", "Hosts"),
        ("  aws:\n", "pulumi", "The cloud"),
        ("  metal:\n", "preview", "The stack file"),
    ],
)
def test_what_differs_is_in_the_report_as_plain_text(
    look: Look, settings: str, fails: str, heading: str
) -> None:
    code, report, words = look.run(settings=settings, fails=fails)
    assert code == 1
    assert report is not None
    assert report.startswith("### Stack prod is not as it was last done\n")
    assert heading in report
    assert "\n    w-1: kubelet.service: changed\n" in report
    assert "\n## not a heading" not in report
    assert words[-1] == "preview", "the first thing that differs hides the others"


def test_a_report_of_the_night_before_is_not_posted_again(look: Look) -> None:
    assert look.run(settings="  metal:\n", fails="drift")[1] is not None
    assert look.run(settings="  metal:\n")[1] is None
