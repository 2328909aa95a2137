"""Volume snapshots: their definitions and the controller of external-snapshotter [H3].

The objects are those of upstream's manifests with these differences: no permissions for snapshots of groups
of volumes, whose definitions the cluster does not have; security contexts, priority class and tolerations
are those of system workloads; liveness is checked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import Role

from artifacts.catalogue import images_of
from components.addons.definitions import create_definitions
from components.addons.volume_classes import controller_replicas
from components.addons.workload import (
    await_annotations,
    disruption_budget,
    http_probe,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    spread_constraints,
    system_tolerations,
    trust_annotations,
)
from components.api import Api
from components.rbac import (
    READ,
    Rule,
    account_with_cluster_role,
    bind_in_namespace,
    policy_rules,
    service_account_subject,
)
from topology.images import pinned_image
from topology.model import Topology

NAME = "snapshot-controller"
NAMESPACE = "kube-system"
_DEFINITIONS = Path(__file__).with_name("volume_snapshot_crds.json")
_LABELS = {"app.kubernetes.io/name": NAME}
_GROUP = "snapshot.storage.k8s.io"
_USER = 65532
_PORT = 8080
RULES = (
    Rule("", ("persistentvolumes",), READ),
    Rule("", ("persistentvolumeclaims",), (*READ, "update")),
    Rule("", ("events",), ("list", "watch", "create", "update", "patch")),
    Rule(_GROUP, ("volumesnapshotclasses",), READ),
    Rule(_GROUP, ("volumesnapshotcontents",), (*READ, "create", "update", "delete", "patch")),
    Rule(_GROUP, ("volumesnapshotcontents/status",), ("patch",)),
    Rule(_GROUP, ("volumesnapshots",), (*READ, "create", "update", "patch", "delete")),
    Rule(_GROUP, ("volumesnapshots/status",), ("update", "patch")),
)
LEASE_RULES = (Rule("coordination.k8s.io", ("leases",), (*READ, "delete", "update", "create")),)


@dataclass(frozen=True, kw_only=True)
class VolumeSnapshotsArgs:
    """Arguments of `VolumeSnapshots`."""

    api: Api
    topology: Topology


class VolumeSnapshots(ComponentResource):
    """The definitions of snapshots and the controller. Classes and drivers need `definitions`."""

    definitions: Sequence[Resource]

    def __init__(self, name: str, args: VolumeSnapshotsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:VolumeSnapshots", name, None, opts)
        self._name, self._args = name, args
        options = args.api.options(self)
        documents = json.loads(_DEFINITIONS.read_text())
        # Without a definition, Kubernetes deletes all snapshots, so the definitions remain after the add-on.
        retained = ResourceOptions.merge(options, ResourceOptions(retain_on_delete=True))
        self.definitions = list(create_definitions(name, documents, retained))
        permissions = self._create_permissions(options)
        self._create_controller(
            args.api.options(self, depends_on=[*self.definitions, *permissions, *args.api.publication])
        )
        self.register_outputs({})

    def _create_permissions(self, options: ResourceOptions) -> list[Resource]:
        name, role = self._name, f"{NAME}-leader-election"
        subject = [service_account_subject(NAMESPACE, NAME)]
        return [
            *account_with_cluster_role(name, NAME, NAMESPACE, f"kubewright:{NAME}", RULES, options),
            Role(
                f"{name}-leases",
                metadata=ObjectMetaArgs(name=role, namespace=NAMESPACE),
                rules=policy_rules(LEASE_RULES),
                opts=options,
            ),
            bind_in_namespace(f"{name}-leases-binding", role, NAMESPACE, ("Role", role), subject, options),
        ]

    def _create_controller(self, options: ResourceOptions) -> None:
        topology = self._args.topology
        replicas = controller_replicas(topology)
        disruption_budget(f"{self._name}-budget", NAME, NAMESPACE, _LABELS, options)
        apps.Deployment(
            f"{self._name}-controller",
            metadata=ObjectMetaArgs(
                name=NAME, namespace=NAMESPACE, labels=_LABELS, annotations=await_annotations(topology)
            ),
            spec=apps.DeploymentSpecArgs(
                replicas=replicas,
                strategy=rolling_update(),
                selector=LabelSelectorArgs(match_labels=_LABELS),
                template=core.PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=_LABELS, annotations=trust_annotations(topology)),
                    spec=core.PodSpecArgs(
                        service_account_name=NAME,
                        priority_class_name="system-cluster-critical",
                        tolerations=system_tolerations(),
                        security_context=restricted_pod_context(_USER),
                        topology_spread_constraints=spread_constraints(
                            _LABELS, replicas=replicas, required=False
                        ),
                        containers=[_container(topology)],
                    ),
                ),
            ),
            opts=options,
        )


def _container(topology: Topology) -> core.ContainerArgs:
    (image,) = images_of("external-snapshotter")
    return core.ContainerArgs(
        name=NAME,
        image=pinned_image(topology, image),
        args=[
            "--leader-election=true",
            f"--http-endpoint=:{_PORT}",
            # The cluster has no definitions of snapshots of groups of volumes.
            "--feature-gates=CSIVolumeGroupSnapshot=false",
        ],
        ports=[core.ContainerPortArgs(name="http", container_port=_PORT)],
        # The path is there only with a leader election.
        liveness_probe=http_probe("/healthz/leader-election", "http", period=20, failures=3, delay=10),
        security_context=restricted_context(),
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "10m", "memory": "32Mi"}, limits={"memory": "256Mi"}
        ),
    )
