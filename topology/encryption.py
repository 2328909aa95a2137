"""The encryption of objects in etcd [D4]: resources, providers, and the stages of their changes.

An API server writes an object with the first provider of its resource, and reads objects of all providers in
the list. A change of the providers therefore has stages like the rotation of an authority: first all API
servers can read what the new provider writes, then the new provider writes, then the old provider is removed.
The rotations have these names:

- `encryption`: the generations of the secretbox key
- `encryption-kms-<plugin>`: generation 1 is the secretbox key, generation 2 is the KMS plugin
- `encryption-of-<resource>`: in generation 1 objects of the resource are not encrypted, in generation 2 they
  are
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from topology.options import SECRETS, Encryption
from topology.rotations import Certificates, Rotation

ENCRYPTION = "encryption"
"""The rotation of the secretbox key, and the name of the private key from which this key is derived."""
KMS_ROTATION = f"{ENCRYPTION}-kms-"
RESOURCE_ROTATION = f"{ENCRYPTION}-of-"
"""The prefixes of the names of the rotations of plugins and resources."""
PLAIN_PREFIX = ""
"""The prefix of objects that are not encrypted."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An entry in the list of providers of a resource.

    `names` are the names of the keys of `secretbox`, or the name of the plugin of `kms`. The first key
    writes.
    """

    kind: Literal["secretbox", "kms", "identity"]
    names: tuple[str, ...] = ()

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The prefixes in etcd of the objects that the provider can read; the provider writes objects with
        the first prefix.

        Source: staging/src/k8s.io/apiserver/pkg/server/options/encryptionconfig/config.go.
        """
        if self.kind == "identity":
            return (PLAIN_PREFIX,)
        version = "v1" if self.kind == "secretbox" else "v2"
        return tuple(f"k8s:enc:{self.kind}:{version}:{name}:" for name in self.names)


@dataclass(frozen=True, slots=True)
class ResourceEncryption:
    """The providers of one resource, such as `configmaps` or `*.example.com`, in their order."""

    resource: str
    providers: tuple[Provider, ...]

    @property
    def write_prefix(self) -> str:
        """The prefix in etcd of objects that API servers write; empty for objects without encryption."""
        return self.providers[0].prefixes[0]

    @property
    def read_prefixes(self) -> tuple[str, ...]:
        """The prefixes in etcd of objects that API servers can read."""
        return tuple(prefix for provider in self.providers for prefix in provider.prefixes)


def is_encryption(rotation: str) -> bool:
    """Check whether a rotation, by its name, belongs to the encryption of objects in etcd."""
    return rotation == ENCRYPTION or rotation.startswith((KMS_ROTATION, RESOURCE_ROTATION))


def kms_rotation(plugin: str) -> str:
    """Return the name of the rotation between the secretbox key and a KMS plugin."""
    return f"{KMS_ROTATION}{plugin}"


def resource_rotation(resource: str) -> str:
    """Return the name of the rotation between unencrypted and encrypted objects of a resource."""
    return f"{RESOURCE_ROTATION}{resource}"


def key_name(generation: int) -> str:
    """Return the name of a generation of the secretbox key, which etcd stores with each object."""
    return f"key{generation}"


def resource_encryptions(
    encryption: Encryption, certificates: Certificates
) -> tuple[ResourceEncryption, ...]:
    """Return the providers of each encrypted resource, in the order of the resources."""
    return tuple(
        ResourceEncryption(resource, _providers(resource, encryption, certificates))
        for resource in encryption.resources
    )


def is_default(encryption: Encryption, certificates: Certificates) -> bool:
    """Check whether the first generation of the key encrypts Secrets alone."""
    return encryption == Encryption() and not any(is_encryption(name) for name, _ in certificates.rotations)


def _providers(resource: str, encryption: Encryption, certificates: Certificates) -> tuple[Provider, ...]:
    encrypting = [_secretbox(certificates.rotation(ENCRYPTION))]
    if encryption.kms is not None:
        # The names of KMS plugins in the file must be unique, so each resource has its own name.
        name = encryption.kms.name
        plugin = Provider("kms", (name if resource == SECRETS else f"{name}-{resource}",))
        stages = certificates.rotation(kms_rotation(name))
        by_generation = {1: encrypting[0], 2: plugin}
        encrypting = [by_generation[number] for number in _writer_first(stages)]
    identity = Provider("identity")
    if resource == SECRETS or certificates.rotation(resource_rotation(resource)).signing != 1:
        return (*encrypting, identity)
    return (identity, *encrypting)


def _secretbox(rotation: Rotation) -> Provider:
    return Provider("secretbox", tuple(key_name(number) for number in _writer_first(rotation)))


def _writer_first(rotation: Rotation) -> tuple[int, ...]:
    return (rotation.signing, *(number for number in rotation.trusted if number != rotation.signing))
