"""What works with AWS from within the cluster, as Helm releases [H3, H4].

All that calls AWS runs on the control planes, on their host network: there it has their role. Pods on
the pod network are two hops from the metadata service and get nobody's rights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Resource, ResourceOptions

from components.api import Api
from providers.aws.names import Names
from providers.cloud.addons import (
    AUTOSCALER,
    EARLY_TOLERATIONS,
    ON_CONTROL_PLANES,
    ON_HOST_NETWORK,
    TOLERATIONS,
    Chart,
    Values,
    release,
)
from settings.clouds import CloudAddonSettings

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
        names = args.names
        asked = [(CLOUD_CONTROLLER, cloud_controller(names))]
        if args.chosen.storage:
            asked.append((STORAGE, storage(names, args.replicas)))
        if args.chosen.autoscaler:
            asked.append((AUTOSCALER, autoscaler(names)))
        if args.chosen.load_balancers:
            asked.append((LOAD_BALANCERS, load_balancers(names, args.vpc, args.replicas)))
        self.releases = [release(name, chart, values, args.api.options(self)) for chart, values in asked]
        self.register_outputs({})


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
        "nodeSelector": ON_CONTROL_PLANES,
        "tolerations": EARLY_TOLERATIONS,
        "env": [{"name": "AWS_REGION", "value": names.region}],
    }


def storage(names: Names, replicas: int) -> Values:
    """The EBS CSI driver, and the default StorageClass: gp3, encrypted, made in the zone of its pod."""
    return {
        "controller": {
            "replicaCount": replicas,
            "region": names.region,
            "k8sTagClusterId": names.cluster,
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": TOLERATIONS,
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
        **ON_HOST_NETWORK,
        "extraArgs": {
            "balance-similar-node-groups": "true",
            "skip-nodes-with-system-pods": "false",
            "expander": "least-waste",
            "aws-use-static-instance-list": "false",
        },
    }


def load_balancers(names: Names, vpc: Input[str], replicas: int) -> Values:
    """Application balancers for Ingress, network balancers for Services that ask for them.

    Targets are instances: pods have no address of the network with flannel. Services without its class
    stay with the cloud controller manager.
    """
    return {
        "clusterName": names.cluster,
        "region": names.region,
        "vpcId": vpc,
        "replicaCount": replicas,
        **ON_HOST_NETWORK,
        "defaultTargetType": "instance",
        "enableServiceMutatorWebhook": False,
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
        "defaultTags": dict(names.tags),
    }
