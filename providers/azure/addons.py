"""Add-ons that call Azure from inside the cluster, as Helm releases [H3, H4].

They run on control planes, on the host network, and use the identity of the control planes. Pods on the pod
network cannot reach the metadata service (`boot.sh`) and get no permissions.
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
from providers.azure.network import NetworkReference
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
"""The Secret that the cloud controller and the disk driver read. It contains ids but no secret value."""

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
    """Arguments of the add-ons. `identity` is the client id of the control planes, `tenant` its tenant.

    `pods` is the pod network; `replicas` is for each controller.
    """

    api: Api
    names: Names
    network: NetworkReference
    tenant: Input[str]
    identity: Input[str]
    pods: str
    replicas: int
    chosen: CloudAddonSettings


class AddOns(ComponentResource):
    """The cloud controller, node manager, and add-ons of the settings. `releases` are all Helm releases."""

    releases: Sequence[Resource]

    def __init__(self, name: str, args: AddOnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:AddOns", name, None, opts)
        self._name, self._args = name, args
        charts: list[tuple[Chart, Values]] = [
            (CLOUD_CONTROLLER, cloud_controller(args.names, args.pods, args.replicas))
        ]
        if args.chosen.storage:
            charts.append((STORAGE, storage(args.replicas)))
        if args.chosen.autoscaler:
            charts.append((AUTOSCALER, autoscaler(args.names, args.identity)))
        if args.chosen.storage:
            self._storage_class()
        after = [self._create_configuration()]
        self.releases = [
            release(name, chart, values, args.api.options(self, depends_on=after)) for chart, values in charts
        ]
        self.register_outputs({})

    def _create_configuration(self) -> Resource:
        text = Output.all(self._args.tenant, self._args.identity).apply(
            lambda values: configuration(
                self._args.names, self._args.network, tenant=values[0], identity=values[1]
            )
        )
        return kubernetes.core.v1.Secret(
            f"{self._name}-configuration",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=CONFIGURATION, namespace="kube-system"),
            string_data={"cloud-config": text},
            opts=self._args.api.options(self),
        )

    def _storage_class(self) -> None:
        """Create the default StorageClass: premium disks, encrypted by Azure, in the zone of the pod."""
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


def configuration(names: Names, network: NetworkReference, *, tenant: str, identity: str) -> str:
    """Return the configuration of the cloud, `azure.json` (cloud-provider-azure, install/configs)."""
    values = {
        "cloud": "AzurePublicCloud",
        "tenantId": tenant,
        "subscriptionId": names.subscription,
        "resourceGroup": names.group,
        "location": names.location,
        "vnetName": network.name,
        "vnetResourceGroup": network.group,
        "subnetName": network.pools_name,
        "securityGroupName": NODES,
        "vmType": "vmss",
        # Members are single machines, not in scale sets (cloud-provider-azure, issue 10217).
        "disableAvailabilitySetNodes": False,
        "loadBalancerSku": "standard",
        # Backend pools with node addresses do not change the scale sets, which Pulumi manages.
        "loadBalancerBackendPoolConfigurationType": "nodeIP",
        "excludeMasterFromStandardLB": True,
        "useManagedIdentityExtension": True,
        "userAssignedIdentityID": identity,
        "useInstanceMetadata": True,
        "cloudProviderBackoff": True,
        "tags": ",".join(f"{key}={value}" for key, value in names.tagged().items()),
    }
    return json.dumps(values, indent=2)


def cloud_controller(names: Names, pods: str, replicas: int) -> Values:
    """Return values of the cloud controller: it labels nodes, deletes lost nodes, creates load balancers.

    cloud-node-manager on every node sets the node's addresses from the metadata service.
    """
    return {
        "infra": {"clusterName": names.cluster},
        "cloudControllerManager": {
            "imageTag": f"v{CLOUD_CONTROLLER.version}",
            "replicas": replicas,
            "clusterCIDR": pods,
            # flannel encapsulates packets of pods, so routes of the network do not need the pod network.
            "configureCloudRoutes": "false",
            "allocateNodeCidrs": "false",
            # Read the Secret, and read it again when it changes. This requires an empty file name.
            "cloudConfig": "",
            "cloudConfigSecretName": CONFIGURATION,
            "enableDynamicReloading": "true",
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": EARLY_TOLERATIONS,
        },
        "cloudNodeManager": {"imageTag": f"v{CLOUD_CONTROLLER.version}"},
    }


def storage(replicas: int) -> Values:
    """Return values of the disk driver."""
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
    """Return values of the cluster autoscaler, which resizes scale sets with its tags."""
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
            # A pool has one scale set in each zone.
            "balance-similar-node-groups": "true",
            "skip-nodes-with-system-pods": "false",
            "expander": "least-waste",
        },
    }
