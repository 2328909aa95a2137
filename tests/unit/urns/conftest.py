"""The fixture `deploy`, which runs the program with mocks."""

from __future__ import annotations

from tests.unit.components.conftest import deploy

__all__ = ["deploy"]
