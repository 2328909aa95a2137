"""Tests of certificate requests, RoleBindings and kubeconfigs of users."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from automation.operations import users


def user_with(changes: Mapping[str, Any] = MappingProxyType({})) -> users.User:
    defaults = {"name": "ann", "groups": ("dev",), "namespace": "web", "role": "edit", "days": 30}
    return users.User(**{**defaults, **changes})


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"name": ""}, "--name"),
        ({"name": "system:admin"}, "--name"),
        ({"groups": ("system:masters",)}, "--group 'system:masters'"),
        ({"groups": ("kubewright:person:bob-1",)}, "--group"),
        ({"days": 0}, "--days 0"),
        ({"namespace": "", "groups": ()}, "one is needed"),
        ({"namespace": "A b"}, "--namespace 'A b'"),
    ],
)
def test_invalid_options_are_problems(changes: dict[str, Any], phrase: str) -> None:
    [problem] = user_with(changes).problems()
    assert phrase in problem


def test_request_names_the_user_and_the_groups() -> None:
    assert user_with().problems() == []
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.load_pem_x509_csr(users.certificate_request(key, "ann", ("dev", "own")))
    assert request.is_signature_valid
    assert [item.value for item in request.subject] == ["ann", "dev", "own"]


def test_binding_has_only_the_unique_group_as_subject() -> None:
    binding = cast(dict[str, Any], users.role_binding(user_with(), "ann-1", "kubewright:person:ann-1"))
    assert binding["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubewright:person:ann-1"}
    ]
    assert binding["metadata"]["labels"] == {"kubewright.dev/person": "ann"}


def test_kubeconfig_contains_no_key_of_the_administrator() -> None:
    admin = {"clusters": [{"name": "dev", "cluster": {"server": "https://x"}}], "users": [{"key": "ADMIN"}]}
    key = ec.generate_private_key(ec.SECP256R1())
    kubeconfig = cast(dict[str, Any], users.kubeconfig(admin, user_with(), b"CERT", key))
    assert "ADMIN" not in json.dumps(kubeconfig)
    assert kubeconfig["contexts"][0]["context"] == {"cluster": "dev", "user": "ann", "namespace": "web"}
    assert base64.b64decode(kubeconfig["users"][0]["user"]["client-certificate-data"]) == b"CERT"
