"""Rules about copies of snapshots of etcd outside the hosts [C2]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import Settings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.snapshot_targets import SnapshotTargetSettings

_SECTION = "etcd.snapshots"
_OWN_DIRECTORIES = ("/var/lib/etcd", "/var/lib/etcd-snapshots")


@rule(needs_valid=(_SECTION,))
def snapshot_targets_have_one_kind(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one of the kinds of targets, and what a kind needs."""
    for name, target in rule_input.settings.etcd.snapshots.to.items():
        path = f"{_SECTION}.to.{name}"
        if not target.kinds:
            yield Problem(path, "", "needs one of s3, azure_blob and path; add it")
        elif len(target.kinds) > 1:
            yield Problem(path, "", f"{' and '.join(target.kinds)} are set; keep one, and use another name")
        else:
            yield from _incomplete_store(path, target)


def _incomplete_store(path: str, target: SnapshotTargetSettings) -> Iterator[Problem]:
    if target.s3 and not target.s3.endpoint and not target.s3.region:
        yield Problem(
            f"{path}.s3", "", "needs region for AWS S3, or endpoint for another service; add one of them"
        )
    if target.azure_blob:
        given = [key for key in ("sas_token", "account_key") if getattr(target.azure_blob, key) is not None]
        if not given:
            yield Problem(f"{path}.azure_blob", "", "needs sas_token or account_key; add one of them")
        elif len(given) > 1:
            yield Problem(
                f"{path}.azure_blob",
                "",
                "sas_token and account_key are set; keep sas_token, which permits less",
            )


@rule(needs_valid=(_SECTION,))
def copies_of_snapshots_are_encrypted(rule_input: RuleInput) -> Iterator[Problem]:
    """Require public keys for targets, and a target for public keys."""
    snapshots = rule_input.settings.etcd.snapshots
    if snapshots.to and not snapshots.recipients:
        yield Problem(
            f"{_SECTION}.recipients",
            "",
            "missing; copies leave the hosts only encrypted: run age-keygen, keep the private key outside "
            "the cluster, and add the public key",
        )
    if snapshots.recipients and not snapshots.to:
        yield Problem(f"{_SECTION}.recipients", "", "has no effect without etcd.snapshots.to; add a target")
    for position, recipient in enumerate(snapshots.recipients):
        if recipient in snapshots.recipients[:position]:
            yield Problem(f"{_SECTION}.recipients[{position}]", f'"{recipient}"', "named twice; remove one")


@rule(needs_valid=(_SECTION,), needs=("name",))
def snapshot_targets_are_different_places(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse two targets at one place, whose retention would remove each other's copies."""
    first_names: dict[tuple[str, ...], str] = {}
    for name, target in rule_input.settings.etcd.snapshots.to.items():
        place = _place(rule_input.settings, target)
        first = first_names.setdefault(place, name)
        if place and first != name:
            yield Problem(
                f"{_SECTION}.to.{name}", "", f"is the same place as target {first}; remove one, or set prefix"
            )


def _place(settings: Settings, target: SnapshotTargetSettings) -> tuple[str, ...]:
    prefix = target.prefix or settings.name or ""
    if target.s3:
        return "s3", target.s3.endpoint or "", target.s3.bucket, prefix
    if target.azure_blob:
        blob = target.azure_blob
        return "azure_blob", blob.endpoint or "", blob.account, blob.container, prefix
    return ("path", target.path, prefix) if target.path else ()


@rule(needs_valid=(_SECTION,))
def directories_for_copies_are_not_those_of_etcd(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse directories that the copies would share with etcd, the snapshots or unencrypted copies."""
    snapshots = rule_input.settings.etcd.snapshots
    for name, target in snapshots.to.items():
        path = f"{_SECTION}.to.{name}.path"
        if target.path is None:
            continue
        if any(target.path == own or target.path.startswith(f"{own}/") for own in _OWN_DIRECTORIES):
            yield Problem(
                path,
                f'"{target.path}"',
                "belongs to etcd, whose disk the copies must outlive; name a mounted file system",
            )
        elif target.path == snapshots.copy_to:
            yield Problem(
                path,
                f'"{target.path}"',
                f"is also {_SECTION}.copy_to; remove copy_to, or use another directory",
            )


@rule(needs_valid=(_SECTION,), needs=("aws", "azure", "metal"))
def snapshot_targets_are_on_bare_metal(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse targets in clouds, where members would need long-lived credentials."""
    cloud = rule_input.settings.cloud_name
    if cloud and rule_input.settings.etcd.snapshots.to:
        yield Problem(
            f"{_SECTION}.to",
            "",
            f"is not supported on {cloud}; remove it, and use {cloud}.snapshot_copies for copies in another "
            f"region, and {cloud}.snapshots for snapshots of the disks",
        )
