"""The fixture that runs the Pulumi program with mocks."""

from tests.unit.components.conftest import deploy

__all__ = ["deploy"]
