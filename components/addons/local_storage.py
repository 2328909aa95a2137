"""Volumes on the disks of nodes, provisioned dynamically by local-path-provisioner.

A helper pod of the provisioner creates a directory on the node that the scheduler chose. The provisioner then
creates a PersistentVolume with an affinity to that node. The objects are those of upstream's manifest with
these differences: volumes have the type `local`, with which a pod waits when the directory of its volume is
missing, instead of starting with an empty directory; helper pods have no token and few capabilities; the
provisioner does not run as root.

Options: https://github.com/rancher/local-path-provisioner/blob/master/README.md
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
import pulumi_kubernetes.storage.v1 as storage
import yaml
from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import Role

from artifacts.catalogue import images_of
from components.addons.default_accounts import create_default_account
from components.addons.digests import text_digest
from components.addons.storage_classes import class_annotations, topology_terms
from components.addons.workload import (
    await_annotations,
    pod_security_labels,
    restricted_context,
    restricted_pod_context,
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
from topology.images import HELPER_IMAGE, pinned_image
from topology.model import Topology
from topology.storage import LOCAL_NAMESPACE, LocalStorage

NAME = "local-path-provisioner"
PROVISIONER = "rancher.io/local-path"
LABELS = {"app.kubernetes.io/name": NAME}
CLUSTER_RULES = (
    # The provisioner removes the chosen node from a claim when the Node does not exist any more.
    Rule("", ("persistentvolumeclaims",), (*READ, "update")),
    Rule("", ("persistentvolumes",), (*READ, "create", "delete")),
    Rule("", ("nodes",), ("get",)),
    Rule("storage.k8s.io", ("storageclasses",), READ),
    Rule("", ("events",), ("create", "patch")),
)
NAMESPACE_RULES = (
    Rule("", ("pods",), ("create", "get", "delete")),
    Rule("", ("pods/log",), ("get",)),
)
_CONFIGURATION = "local-path-config"
_DIRECTORY = "/etc/local-path"
_OTHER_NODES = "DEFAULT_PATH_FOR_NON_LISTED_NODES"
_USER = 65534
_SETUP = '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n'
_TEARDOWN = '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n'


@dataclass(frozen=True, kw_only=True)
class LocalStorageArgs:
    """Arguments of `LocalStorageAddOn`."""

    api: Api
    topology: Topology
    local: LocalStorage


class LocalStorageAddOn(ComponentResource):
    """local-path-provisioner with its StorageClass, in its own namespace."""

    def __init__(self, name: str, args: LocalStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:LocalStorage", name, None, opts)
        self._name, self._args = name, args
        namespace = core.Namespace(
            f"{name}-namespace",
            # Pods of helpers mount directories of their node.
            metadata=ObjectMetaArgs(name=LOCAL_NAMESPACE, labels=pod_security_labels("privileged")),
            opts=args.api.options(self),
        )
        self._options = args.api.options(self, depends_on=[namespace])
        before = [*self._create_permissions(), self._create_network_policy(), self._create_configuration()]
        self._create_deployment(args.api.options(self, depends_on=[*before, *args.api.publication]))
        self._create_class()
        self.register_outputs({})

    def _metadata(self) -> ObjectMetaArgs:
        return ObjectMetaArgs(name=NAME, namespace=LOCAL_NAMESPACE)

    def _create_permissions(self) -> list[Resource]:
        # The helpers have this account.
        account = create_default_account(f"{self._name}-default-account", LOCAL_NAMESPACE, self._options)
        role = Role(
            f"{self._name}-pods-role",
            metadata=self._metadata(),
            rules=policy_rules(NAMESPACE_RULES),
            opts=self._options,
        )
        subject = service_account_subject(LOCAL_NAMESPACE, NAME)
        binding = bind_in_namespace(
            f"{self._name}-pods-binding", NAME, LOCAL_NAMESPACE, ("Role", NAME), [subject], self._options
        )
        cluster = account_with_cluster_role(
            self._name, NAME, LOCAL_NAMESPACE, f"kubewright:{NAME}", CLUSTER_RULES, self._options
        )
        return [account, role, binding, *cluster]

    def _create_network_policy(self) -> Resource:
        """Close all ports of the pods."""
        return networking.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(), policy_types=["Ingress"], ingress=[]
            ),
            opts=self._options,
        )

    def _create_configuration(self) -> Resource:
        return core.ConfigMap(
            f"{self._name}-configuration",
            metadata=ObjectMetaArgs(name=_CONFIGURATION, namespace=LOCAL_NAMESPACE),
            data=configuration(self._args.topology, self._args.local),
            opts=self._options,
        )

    def _create_deployment(self, opts: ResourceOptions) -> None:
        topology = self._args.topology
        apps.Deployment(
            f"{self._name}-pods",
            metadata=ObjectMetaArgs(
                name=NAME, namespace=LOCAL_NAMESPACE, labels=LABELS, annotations=await_annotations(topology)
            ),
            # The program runs without a leader election: two pods could create a volume twice.
            spec=apps.DeploymentSpecArgs(
                replicas=1,
                strategy=apps.DeploymentStrategyArgs(type="Recreate"),
                selector=LabelSelectorArgs(match_labels=LABELS),
                template=core.PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=LABELS, annotations=self._restart_annotations()),
                    spec=self._pod(),
                ),
            ),
            opts=opts,
        )

    def _restart_annotations(self) -> dict[str, str]:
        """Return annotations that restart the pod when its configuration changes, which the pod would detect
        late.
        """
        texts = configuration(self._args.topology, self._args.local)
        digest = text_digest(json.dumps(texts, sort_keys=True))
        return {**trust_annotations(self._args.topology), "kubewright.dev/configuration": digest}

    def _pod(self) -> core.PodSpecArgs:
        container = core.ContainerArgs(
            name=NAME,
            image=pinned_image(self._args.topology, images_of(NAME)[0]),
            command=[f"/usr/bin/{NAME}"],
            args=[
                "start",
                f"--config={_DIRECTORY}/config.json",
                f"--helper-pod-file={_DIRECTORY}/helperPod.yaml",
                f"--configmap-name={_CONFIGURATION}",
                f"--namespace={LOCAL_NAMESPACE}",
                "--service-account-name=default",
                # Nodes can be down for a long time. Without 0, the program gives up after 15 attempts.
                "--provisioning-retry-count=0",
                "--deletion-retry-count=0",
            ],
            resources=core.ResourceRequirementsArgs(
                requests={"cpu": "10m", "memory": "32Mi"}, limits={"memory": "256Mi"}
            ),
            security_context=restricted_context(),
            volume_mounts=[core.VolumeMountArgs(name="configuration", mount_path=_DIRECTORY, read_only=True)],
        )
        return core.PodSpecArgs(
            service_account_name=NAME,
            priority_class_name="system-cluster-critical",
            tolerations=system_tolerations(),
            security_context=restricted_pod_context(_USER),
            containers=[container],
            volumes=[
                core.VolumeArgs(
                    name="configuration", config_map=core.ConfigMapVolumeSourceArgs(name=_CONFIGURATION)
                )
            ],
        )

    def _create_class(self) -> None:
        local = self._args.local
        storage.StorageClass(
            f"{self._name}-class",
            metadata=ObjectMetaArgs(
                name=local.volume_class.name,
                annotations={**class_annotations(local.volume_class), "defaultVolumeType": "local"},
            ),
            provisioner=PROVISIONER,
            reclaim_policy=local.volume_class.reclaim_policy,
            volume_binding_mode=local.volume_class.binding_mode,
            allow_volume_expansion=False,
            allowed_topologies=topology_terms(nodes_with_directories(self._args.topology, local)),
            opts=self._args.api.options(self),
        )


def nodes_with_directories(topology: Topology, local: LocalStorage) -> list[str]:
    """Return the names of the nodes that can have volumes; [] if all nodes can.

    The scheduler chooses only these nodes for a pod with a new volume.
    """
    own = dict(local.paths_by_node)
    nodes = [node.name for pool in topology.pools for node in pool.nodes]
    able = sorted(name for name in nodes if own.get(name, local.paths))
    return able if len(able) < len(nodes) else []


def configuration(topology: Topology, local: LocalStorage) -> dict[str, str]:
    """Return the files of the provisioner: directories by node, scripts, and the helper pod."""
    entries = [(_OTHER_NODES, local.paths), *local.paths_by_node]
    paths = [{"node": node, "paths": list(paths)} for node, paths in entries]
    return {
        "config.json": json.dumps({"nodePathMap": paths}, indent=1) + "\n",
        "setup": _SETUP,
        "teardown": _TEARDOWN,
        "helperPod.yaml": yaml.safe_dump(_helper(topology), sort_keys=False),
    }


def _helper(topology: Topology) -> dict[str, object]:
    """Return the helper pod, which creates or removes a directory. The provisioner adds node, volumes and
    command.
    """
    container = {
        # The provisioner reads the log of the container with this name.
        "name": "helper-pod",
        "image": pinned_image(topology, HELPER_IMAGE),
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsUser": 0,
            # Directories in a volume can belong to any user, and be closed for others.
            "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE", "FOWNER"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {
            "priorityClassName": "system-node-critical",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }
