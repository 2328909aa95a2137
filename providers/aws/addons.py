"""What works with AWS from within the cluster, as Helm releases [H3, H4].

All that calls AWS runs on the control planes, on their host network: there it has their role. Pods on
the pod network are two hops from the metadata service and get nobody's rights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.api import Api
from providers.aws.names import Names
from settings.clouds import CloudAddonSettings

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_ON_CONTROL_PLANES = {_CONTROL_PLANE: ""}
_TOLERATIONS = [
    {"key": _CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"},
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
]
_UNINITIALIZED = {
    "key": "node.cloudprovider.kubernetes.io/uninitialized",
    "value": "true",
    "effect": "NoSchedule",
}
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart's place and pinned version. `postrender`: a program that its manifests go through."""

    name: str
    repository: str
    version: str
    postrender: str = ""


CLOUD_CONTROLLER = Chart(
    name="aws-cloud-controller-manager",
    repository="https://kubernetes.github.io/cloud-provider-aws",
    version="0.0.10",
)
CLOUD_CONTROLLER_IMAGE = "v1.36.1"
"""The chart's own is older; v1.36.0 was never published (kubernetes/k8s.io, issue 9796)."""
STORAGE = Chart(
    name="aws-ebs-csi-driver",
    repository="https://kubernetes-sigs.github.io/aws-ebs-csi-driver",
    version="2.66.0",
    postrender="./providers/aws/host-network.sh",
)
AUTOSCALER = Chart(
    name="cluster-autoscaler", repository="https://kubernetes.github.io/autoscaler", version="9.59.0"
)
LOAD_BALANCERS = Chart(
    name="aws-load-balancer-controller", repository="https://aws.github.io/eks-charts", version="3.6.0"
)


@dataclass(frozen=True, kw_only=True)
class AddOnsArgs:
    """`vpc` is the network's id; `replicas` is that of controllers."""

    api: Api
    names: Names
    vpc: Input[str]
    replicas: int
    chosen: CloudAddonSettings


class AddOns(ComponentResource):
    """The cloud controller manager, and what the settings choose. `releases` are all of them."""

    releases: Sequence[Resource]

    def __init__(self, name: str, args: AddOnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:AddOns", name, None, opts)
        self._name, self._args = name, args
        names = args.names
        asked = [(CLOUD_CONTROLLER, cloud_controller(names))]
        if args.chosen.storage:
            asked.append((STORAGE, storage(names, args.replicas)))
        if args.chosen.autoscaler:
            asked.append((AUTOSCALER, autoscaler(names)))
        if args.chosen.load_balancers:
            asked.append((LOAD_BALANCERS, load_balancers(names, args.replicas)))
        self.releases = [self._release(chart, values) for chart, values in asked]
        self.register_outputs({})

    def _release(self, chart: Chart, values: Values) -> Release:
        known: dict[str, Input[object]] = dict(values)
        if chart is LOAD_BALANCERS:
            known["vpcId"] = Output.from_input(self._args.vpc)
        return Release(
            f"{self._name}-{chart.name}",
            name=chart.name,
            chart=chart.name,
            version=chart.version,
            namespace="kube-system",
            repository_opts=RepositoryOptsArgs(repo=chart.repository),
            values=known,
            postrender=chart.postrender or None,
            # It is awaited as a release: a failed upgrade goes back to what was.
            atomic=True,
            timeout=600,
            opts=self._args.api.options(self),
        )


def cloud_controller(names: Names) -> Values:
    """Sets nodes' addresses, zones and types, removes those of machines that are gone, makes balancers."""
    return {
        "image": {
            "repository": "registry.k8s.io/provider-aws/cloud-controller-manager",
            "tag": CLOUD_CONTROLLER_IMAGE,
        },
        "args": [
            "--v=2",
            "--cloud-provider=aws",
            f"--cluster-name={names.cluster}",
            # flannel carries the pods' packets: the network's routes know nothing of them.
            "--configure-cloud-routes=false",
            "--allocate-node-cidrs=false",
        ],
        "hostNetworking": True,
        "nodeSelector": _ON_CONTROL_PLANES,
        # A node is only ready for others after this controller has looked at it.
        "tolerations": [_UNINITIALIZED, _NOT_READY, *_TOLERATIONS],
        "env": [{"name": "AWS_REGION", "value": names.region}],
    }


def storage(names: Names, replicas: int) -> Values:
    """The EBS CSI driver, and the default StorageClass: gp3, encrypted, made in the zone of its pod."""
    return {
        "controller": {
            "replicaCount": replicas,
            "region": names.region,
            "k8sTagClusterId": names.cluster,
            "nodeSelector": _ON_CONTROL_PLANES,
            "tolerations": _TOLERATIONS,
            "extraVolumeTags": dict(names.tags),
        },
        # Without the metadata service: what the cloud controller wrote on the Node is enough.
        "node": {"metadataSources": "kubernetes", "env": [{"name": "AWS_REGION", "value": names.region}]},
        "helmTester": {"enabled": False},
        "storageClasses": [
            {
                "name": "gp3",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                "volumeBindingMode": "WaitForFirstConsumer",
                "allowVolumeExpansion": True,
                "reclaimPolicy": "Delete",
                "parameters": {"type": "gp3", "encrypted": "true", "csi.storage.k8s.io/fstype": "ext4"},
            }
        ],
    }


def autoscaler(names: Names) -> Values:
    """Grows and shrinks the pools that carry its tags."""
    return {
        "cloudProvider": "aws",
        "awsRegion": names.region,
        "autoDiscovery": {"clusterName": names.cluster},
        "fullnameOverride": "cluster-autoscaler",
        "hostNetwork": True,
        "dnsPolicy": "Default",
        "nodeSelector": _ON_CONTROL_PLANES,
        "tolerations": _TOLERATIONS,
        "extraArgs": {
            "balance-similar-node-groups": "true",
            "skip-nodes-with-system-pods": "false",
            "expander": "least-waste",
            "aws-use-static-instance-list": "false",
        },
    }


def load_balancers(names: Names, replicas: int) -> Values:
    """Application balancers for Ingress, network balancers for Services that ask for them.

    Targets are instances: pods have no address of the network with flannel. Services without its class
    stay with the cloud controller manager.
    """
    return {
        "clusterName": names.cluster,
        "region": names.region,
        "replicaCount": replicas,
        "hostNetwork": True,
        "dnsPolicy": "Default",
        "nodeSelector": _ON_CONTROL_PLANES,
        "tolerations": _TOLERATIONS,
        "defaultTargetType": "instance",
        "enableServiceMutatorWebhook": False,
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
        "defaultTags": dict(names.tags),
    }
