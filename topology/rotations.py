"""Generations of certificates, authorities and keys, and the generations that a cluster trusts [B3]."""

from __future__ import annotations

from dataclasses import dataclass

SHARED_GENERATION = 0
"""The generation of `kubelet-serving` before this authority existed: `kubernetes` signed its certificates."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Generations of an authority or key pair: the generation that signs, and the trusted generations."""

    signing: int = 1
    trusted: tuple[int, ...] = (1,)


_FIRST_ROTATIONS = {"kubelet-serving": Rotation(trusted=(SHARED_GENERATION, 1))}
"""Authorities that trust more than their first generation from the start."""


def first_rotation(name: str) -> Rotation:
    """Return the generations of an authority or key pair without an entry in the settings."""
    return _FIRST_ROTATIONS.get(name, Rotation())


def unrecorded_rotation(name: str) -> Rotation:
    """Return the generations of an authority or key pair on a host whose delivery does not name it.

    Kubelets may still have serving certificates of the shared generation; only `sign` replaces them.
    """
    first = first_rotation(name)
    return Rotation(first.trusted[0], first.trusted)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The generations of leaves and of authorities. `leaves` is the generation of all leaves.

    `rotations` has the generations of the authorities `kubernetes`, `etcd`, `front-proxy` and
    `kubelet-serving`, of the key pair `service-account`, and of the encryption (see `topology.encryption`). A
    missing entry means `first_rotation`. `rsa_from` is the first generation of `service-account` with an RSA
    key; None: all its keys are ECDSA keys.
    """

    leaves: int = 1
    rotations: tuple[tuple[str, Rotation], ...] = ()
    rsa_from: int | None = None

    def rotation(self, name: str) -> Rotation:
        """Return the generations of an authority or key pair by its name in the settings, such as `etcd`."""
        return dict(self.rotations).get(name, first_rotation(name))
