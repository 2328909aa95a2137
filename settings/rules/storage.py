"""Rules about the StorageClasses of all kinds of storage [H3]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.charts import volume_drivers
from settings.cluster import CLOUD_SECTIONS, Settings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.storage_classes import StorageClassSettings

_SECTION = "storage"


def storage_classes(settings: Settings) -> dict[str, StorageClassSettings]:
    """Return the sections with a StorageClass by their paths."""
    has_disks = any(pool.disks for pool in settings.pools.values())
    sections: dict[str, StorageClassSettings | None] = {
        f"{_SECTION}.local": settings.storage.local,
        f"{_SECTION}.disks": settings.storage.disks if has_disks else None,
        **volume_drivers(settings),
    }
    return {path: section for path, section in sections.items() if section is not None}


@rule(needs_valid=(_SECTION, "pools", *CLOUD_SECTIONS))
def storage_classes_have_different_names(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a different name for each StorageClass."""
    settings = rule_input.settings
    owners: dict[str, str] = {}
    if settings.cloud and settings.cloud.addons.storage:
        owners[settings.cloud.DISK_CLASS] = f"{settings.cloud_name}.addons.storage"
    for path, section in storage_classes(settings).items():
        owner = owners.setdefault(section.class_name, path)
        if owner != path:
            yield Problem(
                f"{path}.class_name",
                f'"{section.class_name}"',
                f"is the class of {owner}; choose another name",
            )


@rule(needs_valid=(_SECTION, "pools", *CLOUD_SECTIONS))
def one_storage_class_is_the_default(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a second default class, because claims would get the class that is newer."""
    settings = rule_input.settings
    owner = ""
    if settings.cloud and settings.cloud.addons.storage:
        owner = f"{settings.cloud_name}.addons.storage has it; set that to false, or remove this"
    for path, section in storage_classes(settings).items():
        if section.default_class and owner:
            yield Problem(f"{path}.default_class", "true", f"a cluster has one default class, and {owner}")
        elif section.default_class:
            owner = f"{path} has it; remove one of them"
