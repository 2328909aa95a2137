"""What works with Azure from within the cluster, as Helm releases [H3, H4].

All that calls Azure runs on the control planes, on their host network: there it has their identity. Pods
on the pod network do not reach the metadata service (`boot.sh`) and get nobody's rights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions

from components.api import Api
from providers.azure.firewall import NODES
from providers.azure.names import Names
from providers.azure.network import Place
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

_RAW = "https://raw.githubusercontent.com/kubernetes-sigs"
CONFIGURATION = "azure-cloud-provider"
"""The Secret that the cloud controller and the disk driver read; it holds ids and no secret."""

CLOUD_CONTROLLER = Chart(
    name="cloud-provider-azure",
    repository=f"{_RAW}/cloud-provider-azure/master/helm/repo",
    version="1.36.0",
)
STORAGE = Chart(
    name="azuredisk-csi-driver",
    repository=f"{_RAW}/azuredisk-csi-driver/master/charts",
    version="1.35.0",
)


@dataclass(frozen=True, kw_only=True)
class AddOnsArgs:
    """`identity` is the control planes' client id, `tenant` the directory's id; `pods` the pods' network.

    `replicas` is that of controllers: two where there are several control planes.
    """

    api: Api
    names: Names
    place: Place
    tenant: Input[str]
    identity: Input[str]
    pods: str
    replicas: int
    chosen: CloudAddonSettings


class AddOns(ComponentResource):
    """The cloud controller and node manager, and what the settings choose. `releases` are all of them."""

    releases: Sequence[Resource]

    def __init__(self, name: str, args: AddOnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:AddOns", name, None, opts)
        self._name, self._args = name, args
        asked: list[tuple[Chart, Values]] = [
            (CLOUD_CONTROLLER, cloud_controller(args.names, args.pods, args.replicas))
        ]
        if args.chosen.storage:
            asked.append((STORAGE, storage(args.replicas)))
        if args.chosen.autoscaler:
            asked.append((AUTOSCALER, autoscaler(args.names, args.identity)))
        if args.chosen.storage:
            self._storage_class()
        after = [self._configuration()]
        self.releases = [
            release(name, chart, values, args.api.options(self, depends_on=after)) for chart, values in asked
        ]
        self.register_outputs({})

    def _configuration(self) -> Resource:
        text = Output.all(self._args.tenant, self._args.identity).apply(
            lambda known: configuration(
                self._args.names, self._args.place, tenant=known[0], identity=known[1]
            )
        )
        return kubernetes.core.v1.Secret(
            f"{self._name}-configuration",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=CONFIGURATION, namespace="kube-system"),
            string_data={"cloud-config": text},
            opts=self._args.api.options(self),
        )

    def _storage_class(self) -> None:
        """The default: a premium disk, made in the zone of its pod. Azure encrypts every disk it manages."""
        tags = ",".join(f"{key}={value}" for key, value in self._args.names.tagged().items())
        kubernetes.storage.v1.StorageClass(
            f"{self._name}-storage-class",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name="managed-premium",
                annotations={"storageclass.kubernetes.io/is-default-class": "true"},
            ),
            provisioner="disk.csi.azure.com",
            parameters={"skuName": "Premium_LRS", "networkAccessPolicy": "DenyAll", "tags": tags},
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            reclaim_policy="Delete",
            opts=self._args.api.options(self),
        )


def configuration(names: Names, place: Place, *, tenant: str, identity: str) -> str:
    """The cloud's configuration, `azure.json`. Keys: cloud-provider-azure, install/configs."""
    known = {
        "cloud": "AzurePublicCloud",
        "tenantId": tenant,
        "subscriptionId": names.subscription,
        "resourceGroup": names.group,
        "location": names.location,
        "vnetName": place.name,
        "vnetResourceGroup": place.group,
        "subnetName": place.pools_name,
        "securityGroupName": NODES,
        "vmType": "vmss",
        # Members are single machines beside the scale sets (cloud-provider-azure, issue 10217).
        "disableAvailabilitySetNodes": False,
        "loadBalancerSku": "standard",
        # Nodes by their addresses: balancers are then no part of the scale sets' description, which is ours.
        "loadBalancerBackendPoolConfigurationType": "nodeIP",
        "excludeMasterFromStandardLB": True,
        "useManagedIdentityExtension": True,
        "userAssignedIdentityID": identity,
        "useInstanceMetadata": True,
        "cloudProviderBackoff": True,
        "tags": ",".join(f"{key}={value}" for key, value in names.tagged().items()),
    }
    return json.dumps(known, indent=2)


def cloud_controller(names: Names, pods: str, replicas: int) -> Values:
    """Sets nodes' zones and types, removes those of machines that are gone, makes balancers.

    cloud-node-manager, on every node, sets its addresses from its own metadata service.
    """
    return {
        "infra": {"clusterName": names.cluster},
        "cloudControllerManager": {
            "imageTag": f"v{CLOUD_CONTROLLER.version}",
            "replicas": replicas,
            "clusterCIDR": pods,
            # flannel carries the pods' packets: the network's routes know nothing of them.
            "configureCloudRoutes": "false",
            "allocateNodeCidrs": "false",
            # From the Secret, and again when it changes; a file must then not be named.
            "cloudConfig": "",
            "cloudConfigSecretName": CONFIGURATION,
            "enableDynamicReloading": "true",
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": EARLY_TOLERATIONS,
        },
        "cloudNodeManager": {"imageTag": f"v{CLOUD_CONTROLLER.version}"},
    }


def storage(replicas: int) -> Values:
    """The disk driver."""
    return {
        "controller": {
            "replicas": replicas,
            "cloudConfigSecretName": CONFIGURATION,
            "hostNetwork": True,
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": TOLERATIONS,
            "vmType": "vmss",
            "disableAvailabilitySetNodes": False,
        },
        "node": {"cloudConfigSecretName": CONFIGURATION},
        "windows": {"enabled": False},
        "snapshot": {"enabled": False},
    }


def autoscaler(names: Names, identity: Input[str]) -> Values:
    """Grows and shrinks the scale sets that carry its tags."""
    return {
        "cloudProvider": "azure",
        "autoDiscovery": {"clusterName": names.cluster},
        "azureSubscriptionID": names.subscription,
        "azureResourceGroup": names.group,
        "azureVMType": "vmss",
        "azureUseManagedIdentityExtension": True,
        "azureUserAssignedIdentityID": identity,
        "fullnameOverride": "cluster-autoscaler",
        **ON_HOST_NETWORK,
        "extraArgs": {
            # A pool is one scale set in each zone.
            "balance-similar-node-groups": "true",
            "skip-nodes-with-system-pods": "false",
            "expander": "least-waste",
        },
    }
