"""Tests of Pulumi.yaml, which `pulumi` in the checkout reads."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


def test_required_engine_has_the_version_of_the_sdk() -> None:
    (sdk,) = re.findall(r"^pulumi==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert PROJECT["requiredPulumiVersion"] == f">={sdk} <4.0.0"


def test_pulumi_install_creates_the_environment_from_the_requirements() -> None:
    assert PROJECT["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}
    assert ".venv/" in (ROOT / ".gitignore").read_text().splitlines()
