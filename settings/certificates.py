"""Settings of certificate and key rotation [B3]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from settings.base import Section

Stage = Literal["trust", "sign", "done"]
AuthorityName = Literal["kubernetes", "etcd", "front-proxy", "kubelet-serving"]


class RotationSettings(Section):
    """The generation of an authority or key. Each stage needs a separate `up`."""

    generation: int = Field(default=1, ge=1)
    """Number of the generation; increase it by 1 to start a rotation."""
    stage: Stage = "done"
    """`trust`: hosts trust both, the old key signs; `sign`: the new key signs; `done`: the old key is
    removed.
    """


class EncryptionKeySettings(RotationSettings):
    """The generation of the secretbox key that encrypts objects in etcd. Each stage needs a separate `up`."""

    stage: Stage = "done"
    """`trust`: API servers can read objects of both keys, the old key encrypts; `sign`: the new key encrypts;
    `done`: the old key is removed.
    """


class ServiceAccountKeySettings(RotationSettings):
    """The generation of the key pair that signs service account tokens. Each stage needs a separate `up`."""

    rsa_from: int | None = Field(default=None, ge=1)
    """First generation with an RSA key, which Azure needs; default: all keys are ECDSA keys. Existing keys
    do not change.
    """


class CertificateSettings(Section):
    """Rotation of certificates and keys."""

    leaves: int = Field(default=1, ge=1)
    """Generation of all signed certificates; a higher number replaces every certificate and its key."""
    authorities: dict[AuthorityName, RotationSettings] = Field(default_factory=dict)
    """Rotation of certificate authorities; authorities that are not listed stay in their first generation.
    The first generation of `kubelet-serving` replaces `kubernetes` and has stages too.
    """
    service_account: ServiceAccountKeySettings = ServiceAccountKeySettings()
    """Rotation of the key pair that signs service account tokens."""
    encryption: EncryptionKeySettings = EncryptionKeySettings()
    """Rotation of the secretbox key that encrypts objects in etcd; run `kubewright encryption rewrite` before
    the stage `done`.
    """
