"""Changes of the encryption of objects in etcd that skip a stage, and their description [D4]."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from topology.encryption import KMS_ROTATION, RESOURCE_ROTATION, is_encryption, key_name
from topology.rotations import Certificates, Rotation
from topology.transitions import are_compatible


def record_rotations(certificates: Certificates) -> dict[str, list[int]]:
    """Return the rotations of the encryption as the state records them, by name.

    The first number is the generation that writes, and the other numbers are the generations that are read.
    """
    return {
        name: [rotation.signing, *rotation.trusted]
        for name, rotation in certificates.rotations
        if is_encryption(name)
    }


def recorded_rotations(recorded: object) -> dict[str, Rotation]:
    """Return the rotations that `record_rotations` returned, from a state. None means that none was recorded.

    The engine returns all numbers as floating-point numbers.
    """
    if not isinstance(recorded, Mapping):
        return {}
    numbers = {str(name): tuple(map(int, values)) for name, values in recorded.items()}
    return {name: Rotation(first, tuple(trusted)) for name, (first, *trusted) in numbers.items()}


def find_skipped_stages(old: Mapping[str, Rotation], new: Mapping[str, Rotation]) -> list[str]:
    """Return a line for each rotation of the encryption that skips a stage.

    A missing rotation is in its first generation.
    """
    names = (name for name in dict.fromkeys((*old, *new)) if is_encryption(name))
    return [
        describe_skipped_stage(name, before, after)
        for name in names
        for before, after in [(old.get(name, Rotation()), new.get(name, Rotation()))]
        if not are_compatible(before, after)
    ]


def describe_skipped_stage(name: str, old: Rotation, new: Rotation, hosts: Collection[str] = ()) -> str:
    """Return a line about a rotation of the encryption that skips a stage.

    `hosts` are the control planes with the old generations; without them, the line names no host.
    """
    where = f"on {', '.join(sorted(set(hosts)))} they" if hosts else "now they"
    stages = "trust, done" if name.startswith(RESOURCE_ROTATION) else "trust, sign, done"
    return (
        f"{_setting(name)}: requested is that API servers write {_generation(name, new.signing)} and can "
        f"read {_generations(name, new)}, but {where} write {_generation(name, old.signing)} and can read "
        f"{_generations(name, old)}; set the next stage ({stages}), run `up`, then set the stage after it"
    )


def describe_generations(name: str, rotation: Rotation) -> str:
    """Return the stage of a rotation of the encryption in words, for reports."""
    return f"API servers write {_generation(name, rotation.signing)}, can read {_generations(name, rotation)}"


def _setting(name: str) -> str:
    """Return the path of the setting that has the stage of a rotation."""
    if name.startswith(KMS_ROTATION):
        return "api.encryption.kms"
    if name.startswith(RESOURCE_ROTATION):
        return f"api.encryption.resources.{name.removeprefix(RESOURCE_ROTATION)}"
    return "certificates.encryption"


def _generations(name: str, rotation: Rotation) -> str:
    return " and ".join(_generation(name, number) for number in rotation.trusted)


def _generation(name: str, number: int) -> str:
    """Return which objects a generation writes, such as `objects of key2` or `encrypted objects`."""
    if name.startswith(KMS_ROTATION):
        provider = "the secretbox key" if number == 1 else name.removeprefix(KMS_ROTATION)
        return f"objects of {provider}"
    if name.startswith(RESOURCE_ROTATION):
        return "unencrypted objects" if number == 1 else "encrypted objects"
    return f"objects of {key_name(number)}"
