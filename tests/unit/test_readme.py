"""Tests of the README's example configuration."""

from __future__ import annotations

from pathlib import Path

import yaml

from settings import load

README = Path(__file__).resolve().parents[2] / "README.md"


def test_example_with_real_hosts_is_valid() -> None:
    """The example has valid settings and names a mirror, which is required."""
    (block,) = [part for part in README.read_text().split("```") if part.startswith("yaml\nconfig:")]
    settings = load(yaml.safe_load(block.removeprefix("yaml\n"))["config"]["kubewright:cluster"])
    assert settings.environment == "production"
    assert settings.artifacts.mirror
