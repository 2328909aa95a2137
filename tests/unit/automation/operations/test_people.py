"""What is asked of the cluster for a person, and what the person gets."""

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


def person(change: Mapping[str, Any] = MappingProxyType({})) -> users.User:
    usual = {"name": "ann", "groups": ("dev",), "namespace": "web", "role": "edit", "days": 30}
    return users.User(**{**usual, **change})


@pytest.mark.parametrize(
    ("change", "phrase"),
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
def test_who_cannot_be_let_in_is_said(change: dict[str, Any], phrase: str) -> None:
    [problem] = person(change).problems()
    assert phrase in problem


def test_a_request_names_the_person_and_its_groups() -> None:
    assert person().problems() == []
    key = ec.generate_private_key(ec.SECP256R1())
    found = x509.load_pem_x509_csr(users.request(key, "ann", ("dev", "own")))
    assert found.is_signature_valid
    assert [item.value for item in found.subject] == ["ann", "dev", "own"]


def test_access_hangs_on_a_group_of_the_issue_alone() -> None:
    made = cast(dict[str, Any], users.binding(person(), "ann-1", "kubewright:person:ann-1"))
    assert made["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "kubewright:person:ann-1"}
    ]
    assert made["metadata"]["labels"] == {"kubewright.dev/person": "ann"}


def test_a_kubeconfig_has_the_cluster_and_the_persons_own_key_alone() -> None:
    own = {"clusters": [{"name": "dev", "cluster": {"server": "https://x"}}], "users": [{"key": "ADMIN"}]}
    key = ec.generate_private_key(ec.SECP256R1())
    made = cast(dict[str, Any], users.kubeconfig(own, person(), b"CERT", key))
    assert "ADMIN" not in json.dumps(made)
    assert made["contexts"][0]["context"] == {"cluster": "dev", "user": "ann", "namespace": "web"}
    assert base64.b64decode(made["users"][0]["user"]["client-certificate-data"]) == b"CERT"
