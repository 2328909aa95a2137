"""Tests of the file with the logins of registries."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from settings.registry_logins import RegistryLogin, login_document, registry_of

LOGIN = {"registry.example": RegistryLogin("ci", "hunter22")}
AUTH = {"auth": base64.b64encode(b"ci:hunter22").decode()}
OTHER = {"auth": "b3RoZXI6b3RoZXI="}


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ({}, {"auths": {"registry.example": AUTH}}),
        ({"auths": {"other.example": OTHER}}, {"auths": {"other.example": OTHER, "registry.example": AUTH}}),
        ({"auths": {"registry.example": OTHER}}, {"auths": {"registry.example": AUTH}}),
        # A helper or a store would hide the login in the file.
        ({"credHelpers": {"registry.example": "pass"}}, {"auths": {"registry.example": AUTH}}),
        (
            {"credsStore": "desktop", "auths": {"other.example": {}, "registry.example": {}}},
            {
                "auths": {"other.example": {}, "registry.example": AUTH},
                "credHelpers": {"other.example": "desktop"},
            },
        ),
    ],
)
def test_logins_are_added_to_those_of_the_user(existing: dict[str, Any], expected: dict[str, Any]) -> None:
    assert login_document(LOGIN, existing) == expected


@pytest.mark.parametrize(
    ("chart", "registry"),
    [
        ("oci://registry.example/charts/web", "registry.example"),
        ("oci://127.0.0.1:5000/web@sha256:00", "127.0.0.1:5000"),
    ],
)
def test_registry_of_a_reference(chart: str, registry: str) -> None:
    assert registry_of(chart) == registry
