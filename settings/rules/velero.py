"""Rules about the add-on that backs up objects and volumes of applications, by Velero [J4]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import Settings
from settings.problem import Problem, repeated_problems
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from settings.rules.charts import chart_problems, own_value_problems
from settings.velero import VeleroLocationSettings
from topology.velero import NAMESPACE, SERIES, VERSION

_SECTION = "addons.velero"
_OWN_VALUES = {
    ("configuration", "backupStorageLocation"): "locations",
    ("configuration", "volumeSnapshotLocation"): "locations",
    ("configuration", "features"): "storage.snapshots",
    ("configuration", "defaultVolumesToFsBackup"): "all_volumes",
    ("configuration", "defaultSnapshotMoveData"): "move_snapshots",
    ("credentials",): "locations",
    ("backupsEnabled",): "locations",
    ("snapshotsEnabled",): "storage.snapshots",
    ("deployNodeAgent",): "node_agent",
    ("initContainers",): "aws_plugin and azure_plugin",
    ("schedules",): "schedules",
}
"""Values of the chart that follow from other settings."""


@rule(needs_valid=(_SECTION,))
def locations_have_one_kind(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one of the kinds of locations, and what a kind needs."""
    section = rule_input.settings.addons.velero
    for name, location in section.locations.items() if section else ():
        path = f"{_SECTION}.locations.{name}"
        if not location.kinds:
            yield Problem(path, "", "needs s3 or azure_blob; add one of them")
        elif len(location.kinds) > 1:
            yield Problem(path, "", "s3 and azure_blob are set; keep one, and use another name")
        elif location.s3 and not location.s3.endpoint and not location.s3.region:
            yield Problem(
                f"{path}.s3", "", "needs region for AWS S3, or endpoint for another service; add one of them"
            )


@rule(needs_valid=(_SECTION,))
def locations_of_backups_exist(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the default location and those of schedules are in `locations`, and can be written."""
    section = rule_input.settings.addons.velero
    if section is None:
        return
    if section.default_location is None and len(section.locations) > 1:
        yield Problem(
            f"{_SECTION}.default_location", "", "missing; several locations need one for other backups"
        )
    default = section.default_location or next(iter(section.locations))
    used = {f"{_SECTION}.default_location": section.default_location}
    used |= {
        f"{_SECTION}.schedules.{name}.location": schedule.location or default
        for name, schedule in section.schedules.items()
    }
    for path, name in used.items():
        if name is None:
            continue
        location = section.locations.get(name)
        if location is None:
            yield Problem(path, f'"{name}"', "no such location in addons.velero.locations; add it")
        elif location.read_only and ".schedules." in path:
            yield Problem(path, f'"{name}"', "is read_only, so that no backup is made; use another location")


@rule(needs_valid=(_SECTION,), needs=("name",))
def locations_are_different_places(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a location inside another location: Velero accepts no other directories beside its own."""
    section = rule_input.settings.addons.velero
    places: dict[str, tuple[str, ...]] = {}
    for name, location in section.locations.items() if section else ():
        place = _place(rule_input.settings, location)
        for other, taken in places.items():
            shorter = min(len(place), len(taken))
            if place and taken and place[:shorter] == taken[:shorter]:
                yield Problem(
                    f"{_SECTION}.locations.{name}",
                    "",
                    f"is the place of location {other}, or inside of it; set another prefix",
                )
        places[name] = place


def _place(settings: Settings, location: VeleroLocationSettings) -> tuple[str, ...]:
    """Return the service, the bucket and the directories of a location; empty without a kind."""
    directories = (location.prefix or f"velero/{settings.name}").split("/")
    if location.s3:
        return "s3", location.s3.endpoint or "", location.s3.bucket, *directories
    if location.azure_blob:
        blob = location.azure_blob
        return "azure_blob", blob.endpoint or "", blob.account, blob.container, *directories
    return ()


@rule(needs_valid=(_SECTION,), needs=("storage.snapshots",))
def volumes_are_copied_by_the_node_agent(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the node agent for copies of volumes, and a password for the node agent."""
    section = rule_input.settings.addons.velero
    if section is None:
        return
    for key in ("all_volumes", "move_snapshots"):
        if getattr(section, key) and not section.node_agent:
            yield Problem(f"{_SECTION}.{key}", "true", "has no effect without node_agent; set it to true")
    if section.move_snapshots and not rule_input.settings.storage.snapshots:
        yield Problem(
            f"{_SECTION}.move_snapshots", "true", "there are no snapshots; set storage.snapshots to true"
        )
    if section.node_agent and section.repository_password is None:
        yield Problem(
            f"{_SECTION}.repository_password",
            "",
            "missing; without it Velero encrypts files of volumes with a password that is public",
        )
    if section.repository_password is not None and not section.node_agent:
        yield Problem(
            f"{_SECTION}.repository_password",
            "",
            "has no effect without node_agent; remove it, or set node_agent",
        )


@rule(needs_valid=(_SECTION,))
def backed_up_namespaces_are_listed_once(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse repeated namespaces in a schedule."""
    section = rule_input.settings.addons.velero
    for name, schedule in section.schedules.items() if section else ():
        yield from repeated_problems(f"{_SECTION}.schedules.{name}.namespaces", schedule.namespaces)


@rule(needs_valid=(_SECTION,))
def chart_of_velero_is_supported(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a version whose values Kubewright knows, and refuse values that follow from other settings."""
    section = rule_input.settings.addons.velero
    if section is None:
        return
    yield from chart_problems(_SECTION, section, VERSION, SERIES)
    yield from own_value_problems(_SECTION, section.values, _OWN_VALUES)


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_velero(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of Velero."""
    settings = rule_input.settings
    if settings.addons.velero is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _SECTION)
