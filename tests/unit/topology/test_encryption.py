"""Tests of the providers of encrypted resources in each stage of a change."""

from __future__ import annotations

import pytest

from topology.encryption import resource_encryptions
from topology.options import Encryption, KmsPlugin
from topology.rotations import Certificates, Rotation

PLUGIN = KmsPlugin("vault", "unix:///run/kms.sock", "3s")
KEY_1, KEY_2 = "k8s:enc:secretbox:v1:key1:", "k8s:enc:secretbox:v1:key2:"
VAULT = "k8s:enc:kms:v2:vault:"


def prefixes(options: Encryption, /, **rotations: Rotation) -> dict[str, tuple[str, ...]]:
    """Return the prefixes that API servers can read by resource. They write the first prefix."""
    names = {name.replace("__", "-"): rotation for name, rotation in rotations.items()}
    items = resource_encryptions(options, Certificates(rotations=tuple(names.items())))
    assert all(item.read_prefixes[0] == item.write_prefix for item in items)
    return {item.resource: item.read_prefixes for item in items}


def test_secrets_are_encrypted_with_the_first_key_by_default() -> None:
    assert prefixes(Encryption()) == {"secrets": (KEY_1, "")}


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        (Rotation(1, (1, 2)), (KEY_1, KEY_2, "")),
        (Rotation(2, (1, 2)), (KEY_2, KEY_1, "")),
        (Rotation(2, (2,)), (KEY_2, "")),
    ],
)
def test_the_key_that_writes_is_first(rotation: Rotation, expected: tuple[str, ...]) -> None:
    assert prefixes(Encryption(), encryption=rotation)["secrets"] == expected


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        (Rotation(1, (1, 2)), (KEY_1, VAULT, "")),
        (Rotation(2, (1, 2)), (VAULT, KEY_1, "")),
        (Rotation(2, (2,)), (VAULT, "")),
    ],
)
def test_a_plugin_replaces_the_secretbox_key_in_stages(rotation: Rotation, expected: tuple[str, ...]) -> None:
    assert prefixes(Encryption(kms=PLUGIN), encryption__kms__vault=rotation)["secrets"] == expected


def test_each_resource_has_a_plugin_name_of_its_own() -> None:
    encryption = Encryption(resources=("secrets", "*.example.com"), kms=PLUGIN)
    rotations = (
        ("encryption-kms-vault", Rotation(2, (2,))),
        ("encryption-of-*.example.com", Rotation(2, (1, 2))),
    )
    secrets, cars = resource_encryptions(encryption, Certificates(rotations=rotations))
    assert secrets.write_prefix == VAULT
    assert cars.write_prefix == "k8s:enc:kms:v2:vault-*.example.com:"


def test_a_resource_is_readable_before_it_is_encrypted() -> None:
    encryption = Encryption(resources=("secrets", "configmaps"))
    trust = prefixes(encryption, encryption__of__configmaps=Rotation(1, (1, 2)))
    done = prefixes(encryption, encryption__of__configmaps=Rotation(2, (1, 2)))
    assert trust["configmaps"] == ("", KEY_1)
    assert done["configmaps"] == (KEY_1, "")
    assert trust["secrets"] == done["secrets"] == (KEY_1, "")
