"""Fixture that runs the Pulumi program with mocks."""

from __future__ import annotations

from tests.unit.components.conftest import deploy

__all__ = ["deploy"]
