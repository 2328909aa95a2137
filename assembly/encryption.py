"""Conversion of the settings of rotations and of the encryption of objects in etcd."""

from __future__ import annotations

from settings.certificates import RotationSettings
from settings.encryption import EncryptionSettings
from topology.encryption import ENCRYPTION, kms_rotation, resource_rotation
from topology.options import SECRETS, Encryption, KmsPlugin
from topology.rotations import Rotation


def build_rotation(section: RotationSettings) -> Rotation:
    """Return the generations that sign and that are trusted in a stage of a rotation."""
    new = section.generation
    match section.stage:
        case "trust":
            return Rotation(signing=new - 1, trusted=(new - 1, new))
        case "sign":
            return Rotation(signing=new, trusted=(new - 1, new))
        case "done":
            return Rotation(signing=new, trusted=(new,))


def build_encryption(settings: EncryptionSettings) -> Encryption:
    """Return the encrypted resources, Secrets first and wildcards last, and the KMS plugin.

    The order of the settings has no effect, so that a changed order changes no file.
    """
    kms = settings.kms
    plugin = KmsPlugin(kms.name, kms.endpoint, kms.timeout, kms.after or "") if kms is not None else None
    return Encryption(resources=tuple(sorted(settings.resources, key=_position)), kms=plugin)


def encryption_rotations(key: RotationSettings, settings: EncryptionSettings) -> dict[str, Rotation]:
    """Return the rotations of the encryption key, of the KMS plugin and of the resources, by name."""
    rotations = {ENCRYPTION: build_rotation(key)}
    if settings.kms is not None:
        stage = RotationSettings(generation=2, stage=settings.kms.stage)
        rotations[kms_rotation(settings.kms.name)] = build_rotation(stage)
    for resource in sorted(settings.resources, key=_position):
        if resource != SECRETS:
            # API servers can always read objects that are not encrypted, so both generations are trusted.
            encrypts = settings.resources[resource] == "done"
            rotations[resource_rotation(resource)] = Rotation(2 if encrypts else 1, (1, 2))
    return rotations


def _position(resource: str) -> tuple[bool, bool, str]:
    return resource != SECRETS, resource.startswith("*"), resource
