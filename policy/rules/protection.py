"""Rules: in production, data is protected from deletion, and programs and images from replacement."""

from __future__ import annotations

from collections.abc import Iterator

from policy.rules.model import Resource, ResourceRule, SettingsRule, StackFacts


def check_data_volumes(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for a data volume without `protect` and without a snapshot on deletion."""
    if facts.is_production and not resource.protect and resource.cloud:
        yield from resource.cloud.readers.unprotected_data(resource.canonical_type, resource.inputs)


def check_store_deletion(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for a store whose content is deleted together with the store.

    The rule is advisory, because the content that hosts fetch can be recreated from the state.
    """
    if facts.is_production and not resource.protect and resource.cloud:
        yield from resource.cloud.readers.deleted_content(resource.canonical_type, resource.inputs)


def check_snapshot_copies(facts: StackFacts) -> Iterator[str]:
    """Yield a message when etcd snapshots are not copied to other storage.

    Clusters in clouds pass, because the cloud takes snapshots of the volumes.
    """
    if facts.is_production and not facts.is_cloud and not facts.snapshots_copied:
        yield "etcd.snapshots.to: empty, so snapshots are only on the members' disks; add a target or copy_to"


def check_pinned_artifacts(facts: StackFacts) -> Iterator[str]:
    """Yield a message when the mirror decides which programs and images hosts run."""
    if facts.is_production and not facts.artifacts_pinned:
        yield (
            "artifacts.index: missing, so hosts run what the mirror serves; write the digests to a file of "
            "the checkout (`kubewright mirror --index FILE`) and name it here"
        )


def check_pinned_charts(facts: StackFacts) -> Iterator[str]:
    """Yield a message for each Helm chart whose repository or registry decides what is installed.

    The rule is advisory, because chart repositories have no digests.
    """
    if facts.is_production:
        for path in facts.unpinned_charts:
            yield (
                f"{path}: no digest, so the cluster runs what the repository serves; "
                "use oci://…@sha256:…, or a copy in the checkout"
            )


RULES = (
    ResourceRule(
        name="protected-data",
        description="In production, data is protected from deletion.",
        check=check_data_volumes,
    ),
    ResourceRule(
        name="kept-stores",
        description="In production, stores are not deleted together with their content.",
        mandatory=False,
        check=check_store_deletion,
    ),
    SettingsRule(
        name="snapshots-copied",
        description="In production, etcd snapshots are copied away from the members.",
        mandatory=False,
        check=check_snapshot_copies,
    ),
    SettingsRule(
        name="pinned-artifacts",
        description="In production, the checkout has the digests of programs and images.",
        check=check_pinned_artifacts,
    ),
    SettingsRule(
        name="pinned-charts",
        description="In production, charts have digests or are in the checkout.",
        mandatory=False,
        check=check_pinned_charts,
    ),
)
