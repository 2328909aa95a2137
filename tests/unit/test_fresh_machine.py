"""Tests of the setup files, which install all packages that a fresh machine lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import catalogue
from lab import doctor

ROOT = Path(__file__).resolve().parents[2]
# Packages that every Debian machine has.
ESSENTIAL = {"apt", "util-linux"}


def packages() -> set[str]:
    lines = (ROOT / "setup/debian-packages.txt").read_text().splitlines()
    return {name for line in lines if (name := line.split("#")[0].strip())}


@pytest.mark.parametrize("package", sorted({*catalogue.DEBIAN_PACKAGES, *doctor.TOOLS.values()} - ESSENTIAL))
def test_packages_that_the_code_needs_are_installed(package: str) -> None:
    assert package in packages()


def test_ci_does_not_call_make_before_it_is_installed() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("setup/environment"))
    assert all("make" not in line for line in lines[:first] if not line.startswith("#"))
