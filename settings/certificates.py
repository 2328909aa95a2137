"""Settings of rotation: the generation of certificates and keys [B3]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from settings.base import Section

Stage = Literal["trust", "sign", "done"]
AuthorityName = Literal["kubernetes", "etcd", "front-proxy"]


class RotationSettings(Section):
    """The generation of an authority or of the service account keys; each stage needs its own `up`."""

    generation: int = Field(default=1, ge=1)
    """Number of the generation; one more than before starts a rotation."""
    stage: Stage = "done"
    """`trust`: hosts trust old and new, the old signs; `sign`: the new signs; `done`: the old is removed."""


class CertificateSettings(Section):
    """Rotation of certificates and keys."""

    leaves: int = Field(default=1, ge=1)
    """Generation of all signed certificates; a higher number replaces every certificate and its key."""
    authorities: dict[AuthorityName, RotationSettings] = Field(default_factory=dict)
    """Rotation of certificate authorities; those left out stay in their first generation."""
    service_account: RotationSettings = RotationSettings()
    """Rotation of the key pair that signs service account tokens."""
