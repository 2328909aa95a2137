"""Fixtures of tests that run programs and emulated clouds."""

from __future__ import annotations

from tests.unit.artifacts.conftest import go
from tests.unit.components.conftest import deploy
from tests.unit.lab.cloud.conftest import azure

__all__ = ["azure", "deploy", "go"]
