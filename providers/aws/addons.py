"""Add-ons that call AWS from inside the cluster, as Helm releases [H3, H4].

The add-ons run on control planes, on the host network, and use the IAM role of these machines. The metadata
service answers only over one network hop. Pods on the pod network are two hops away, so they get no
permissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pulumi import ComponentResource, Input, Resource, ResourceOptions

from components.api import Api
from providers.aws.names import Names
from providers.cloud.addons import (
    AUTOSCALER_CHART,
    CONTROLLER_TOLERATIONS,
    EARLY_TOLERATIONS,
    ON_CONTROL_PLANES,
    ON_HOST_NETWORK,
    WITHOUT_SURGE,
    Chart,
    Values,
    create_release,
)
from settings.aws import AwsSettings
from settings.clouds import CloudAddonSettings

CLOUD_CONTROLLER_CHART = Chart(
    name="aws-cloud-controller-manager",
    repository="https://kubernetes.github.io/cloud-provider-aws",
    version="0.0.10",
    needs_network=False,
)
CLOUD_CONTROLLER_IMAGE = "v1.36.1"
"""The chart has an older version; v1.36.0 was never published (kubernetes/k8s.io, issue 9796)."""
_POSTRENDERER = (
    # The path is an input of a Helm release. In the checkout it is relative, so that it is the same for all
    # deployers. The installed package has an absolute path.
    "./providers/aws/host-network.sh"
    if __package__ == "providers.aws"
    else str(Path(__file__).with_name("host-network.sh"))
)
STORAGE_CHART = Chart(
    name="aws-ebs-csi-driver",
    repository="https://kubernetes-sigs.github.io/aws-ebs-csi-driver",
    version="2.66.0",
    postrender=_POSTRENDERER,
)
LOAD_BALANCER_CHART = Chart(
    name="aws-load-balancer-controller", repository="https://aws.github.io/eks-charts", version="3.6.0"
)


@dataclass(frozen=True, kw_only=True)
class AddOnsArgs:
    """Arguments of the add-ons. `vpc` is the id of the network, `replicas` the number of pods of each
    controller. `disk_key` is the ARN of the KMS key of volumes, empty for the default key of the account.
    Without `has_network`, nodes are not ready until the user installs a CNI.
    """

    api: Api
    names: Names
    vpc: Input[str]
    replicas: int
    settings: CloudAddonSettings
    disk_key: str = ""
    has_network: bool = True


class AddOns(ComponentResource):
    """The cloud controller manager and the add-ons of the settings. `releases` are all Helm releases."""

    releases: Sequence[Resource]

    def __init__(self, name: str, args: AddOnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:AddOns", name, None, opts)
        names = args.names
        charts = [(CLOUD_CONTROLLER_CHART, cloud_controller_values(names))]
        if args.settings.storage:
            charts.append((STORAGE_CHART, storage_values(names, args.replicas, args.disk_key)))
        if args.settings.autoscaler:
            charts.append((AUTOSCALER_CHART, autoscaler_values(names)))
        if args.settings.load_balancers:
            charts.append((LOAD_BALANCER_CHART, load_balancer_values(names, args.vpc, args.replicas)))
        self.releases = [
            create_release(name, chart, values, args.api.options(self), has_network=args.has_network)
            for chart, values in charts
        ]
        self.register_outputs({})


def cloud_controller_values(names: Names) -> Values:
    """Return chart values of the cloud controller, which manages nodes and load balancers."""
    return {
        "image": {
            "repository": "registry.k8s.io/provider-aws/cloud-controller-manager",
            "tag": CLOUD_CONTROLLER_IMAGE,
        },
        "args": [
            "--v=2",
            "--cloud-provider=aws",
            f"--cluster-name={names.cluster}",
            # flannel encapsulates packets of pods, so routes of the network do not need the pod network.
            "--configure-cloud-routes=false",
            "--allocate-node-cidrs=false",
        ],
        "hostNetworking": True,
        "nodeSelector": ON_CONTROL_PLANES,
        "tolerations": EARLY_TOLERATIONS,
        "env": [{"name": "AWS_REGION", "value": names.region}],
    }


def storage_values(names: Names, replicas: int, disk_key: str = "") -> Values:
    """Return chart values of the EBS CSI driver, with an encrypted gp3 StorageClass as the default."""
    return {
        "controller": {
            "replicaCount": replicas,
            "region": names.region,
            "k8sTagClusterId": names.cluster,
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": CONTROLLER_TOLERATIONS,
            "updateStrategy": WITHOUT_SURGE,
            "extraVolumeTags": dict(names.tags),
        },
        # Not the metadata service: the cloud controller wrote zone and type on the Node.
        "node": {"metadataSources": "kubernetes", "env": [{"name": "AWS_REGION", "value": names.region}]},
        "helmTester": {"enabled": False},
        "storageClasses": [
            {
                "name": AwsSettings.DISK_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                "volumeBindingMode": "WaitForFirstConsumer",
                "allowVolumeExpansion": True,
                "reclaimPolicy": "Delete",
                "parameters": {
                    "type": "gp3",
                    "encrypted": "true",
                    "csi.storage.k8s.io/fstype": "ext4",
                    **({"kmsKeyId": disk_key} if disk_key else {}),
                },
            }
        ],
    }


def autoscaler_values(names: Names) -> Values:
    """Return chart values of the cluster autoscaler, which resizes the groups that have its tags."""
    return {
        "cloudProvider": "aws",
        "awsRegion": names.region,
        "autoDiscovery": {"clusterName": names.cluster},
        "fullnameOverride": "cluster-autoscaler",
        **ON_HOST_NETWORK,
        "updateStrategy": WITHOUT_SURGE,
        "extraArgs": {
            "balance-similar-node-groups": "true",
            "skip-nodes-with-system-pods": "false",
            "expander": "least-waste",
            "aws-use-static-instance-list": "false",
        },
    }


def load_balancer_values(names: Names, vpc: Input[str], replicas: int) -> Values:
    """Return chart values of the AWS Load Balancer Controller, for Ingresses and for Services of its own
    class.

    Load balancers send traffic to instances and not to pods, because with flannel pods have no address in the
    VPC. The cloud controller manager still handles Services that do not have the class of this controller.
    """
    return {
        "clusterName": names.cluster,
        "region": names.region,
        "vpcId": vpc,
        "replicaCount": replicas,
        **ON_HOST_NETWORK,
        "updateStrategy": WITHOUT_SURGE,
        "defaultTargetType": "instance",
        "enableServiceMutatorWebhook": False,
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
        "defaultTags": dict(names.tags),
    }
