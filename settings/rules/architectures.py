"""Rules about the processor architectures of machines in clouds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from settings.cluster import CLOUD_SECTIONS, Settings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.architectures import AMD64, ARM64


class _ImageSettings(Protocol):
    """The settings of a machine image in a cloud."""

    @property
    def is_given(self) -> bool: ...


_Image = TypeVar("_Image", bound=_ImageSettings)


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("pools",))
def pools_have_one_architecture(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse machine types of several architectures in a pool, whose machines have one image."""
    settings = rule_input.settings
    for name, pool in settings.pools.items() if settings.cloud else ():
        types = pool.machine.types if pool.machine else ()
        architectures = {kind: settings.cloud.architecture(kind) for kind in types} if settings.cloud else {}
        if len({*architectures.values()}) > 1:
            described = ", ".join(f"{kind} ({value})" for kind, value in architectures.items())
            yield Problem(
                f"pools.{name}.machine.types",
                "",
                f"types of several architectures: {described}; the machines of a pool have one image and the "
                "same files; use types of one architecture, or several pools",
            )


def required_images(settings: Settings, amd64: _Image, arm64: _Image) -> Iterator[tuple[str, str, _Image]]:
    """Yield architecture, path and settings of each image that is given or that a machine needs.

    `amd64` and `arm64` are the settings `image` and `image_arm64` of the cloud.
    """
    used = _architectures(settings)
    for architecture, key, image in ((AMD64, "image", amd64), (ARM64, "image_arm64", arm64)):
        if image.is_given or architecture in used:
            yield architecture, f"{settings.cloud_name}.{key}", image


def _architectures(settings: Settings) -> set[str]:
    """Return the architectures of all machine types in the settings."""
    if settings.cloud is None:
        return set()
    members = (settings.control_planes.machine, settings.etcd.machine)
    types = [machine.type for machine in members if machine]
    types += [kind for pool in settings.pools.values() if pool.machine for kind in pool.machine.types]
    # Settings that are not complete yet have the image that most clusters need.
    return {settings.cloud.architecture(kind) for kind in types} or {AMD64}
