"""Settings of rotation: which generation of certificates and keys a cluster has [B3]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from settings.base import Section

Stage = Literal["trust", "sign", "done"]
AuthorityName = Literal["kubernetes", "etcd", "front-proxy"]


class RotationSettings(Section):
    """An authority's (or the service accounts' key pair's) generation, and how far it has got.

    `trust`: the new one is made and trusted beside the old, which signs. `sign`: the new one signs,
    both are trusted. `done`: the old one is dropped. Each stage is one `up` of its own.
    """

    generation: int = Field(default=1, ge=1)
    stage: Stage = "done"


class CertificateSettings(Section):
    """Rotation. A higher `leaves` replaces every certificate and key that an authority has signed."""

    leaves: int = Field(default=1, ge=1)
    authorities: dict[AuthorityName, RotationSettings] = Field(default_factory=dict)
    service_account: RotationSettings = RotationSettings()
