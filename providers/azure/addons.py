"""Add-ons that call Azure from inside the cluster, as Helm releases [H3, H4].

The add-ons run on control planes, on the host network, and use the managed identity of these machines. The
boot program (`boot.sh`) blocks the metadata service for pods on the pod network, so they get no permissions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions

from components.api import Api
from providers.azure.firewall import NODES
from providers.azure.names import Names
from providers.azure.network import NetworkReference
from providers.cloud.addons import (
    AUTOSCALER_CHART,
    CONTROLLER_TOLERATIONS,
    EARLY_TOLERATIONS,
    ON_CONTROL_PLANES,
    ON_HOST_NETWORK,
    Chart,
    Values,
    create_release,
)
from settings.azure import AzureSettings
from settings.clouds import CloudAddonSettings

_RAW = "https://raw.githubusercontent.com/kubernetes-sigs"
CONFIG_SECRET = "azure-cloud-provider"
"""The Secret that the cloud controller and the disk driver read. It contains ids but no secret value."""

_TAG_DELIMITERS = ",;|\x1f"
"""The last character cannot be in a tag."""

CLOUD_CONTROLLER_CHART = Chart(
    name="cloud-provider-azure",
    repository=f"{_RAW}/cloud-provider-azure/master/helm/repo",
    version="1.36.0",
    needs_network=False,
)
STORAGE_CHART = Chart(
    name="azuredisk-csi-driver",
    repository=f"{_RAW}/azuredisk-csi-driver/master/charts",
    version="1.35.0",
)


@dataclass(frozen=True, kw_only=True)
class AddOnsArgs:
    """Arguments of the add-ons. `replicas` is the number of pods of each controller.

    `tenant_id` and `client_id` identify the managed identity of the control planes. Without `has_network`,
    nodes are not ready until the user installs a CNI. `disk_key` is the id of the disk encryption set of the
    disks of pods, or empty.
    """

    api: Api
    names: Names
    network: NetworkReference
    tenant_id: Input[str]
    client_id: Input[str]
    pod_network: str
    replicas: int
    settings: CloudAddonSettings
    has_network: bool = True
    disk_key: str = ""


class AddOns(ComponentResource):
    """The cloud controller, node manager, and add-ons of the settings. `releases` are all Helm releases."""

    releases: Sequence[Resource]
    configuration: Sequence[Resource]
    """The Secret with the configuration of the cloud, which controllers read."""

    def __init__(self, name: str, args: AddOnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:AddOns", name, None, opts)
        self._name, self._args = name, args
        charts: list[tuple[Chart, Values]] = [
            (CLOUD_CONTROLLER_CHART, cloud_controller_values(args.names, args.pod_network, args.replicas))
        ]
        if args.settings.storage:
            charts.append((STORAGE_CHART, storage_values(args.replicas)))
        if args.settings.autoscaler:
            charts.append((AUTOSCALER_CHART, autoscaler_values(args.names, args.client_id)))
        if args.settings.storage:
            self._create_storage_class()
        self.configuration = [self._create_config_secret()]
        self.releases = [
            create_release(
                name,
                chart,
                values,
                args.api.options(self, depends_on=self.configuration),
                has_network=args.has_network,
            )
            for chart, values in charts
        ]
        self.register_outputs({})

    def _create_config_secret(self) -> Resource:
        text = Output.all(self._args.tenant_id, self._args.client_id).apply(
            lambda values: cloud_config(
                self._args.names, self._args.network, tenant_id=values[0], client_id=values[1]
            )
        )
        return kubernetes.core.v1.Secret(
            f"{self._name}-configuration",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=CONFIG_SECRET, namespace="kube-system"),
            string_data={"cloud-config": text},
            opts=self._args.api.options(self),
        )

    def _create_storage_class(self) -> None:
        """Create the default StorageClass: premium disks, encrypted by Azure, in the zone of the pod."""
        kubernetes.storage.v1.StorageClass(
            f"{self._name}-storage-class",
            metadata=kubernetes.meta.v1.ObjectMetaArgs(
                name=AzureSettings.DISK_CLASS,
                annotations={"storageclass.kubernetes.io/is-default-class": "true"},
            ),
            provisioner="disk.csi.azure.com",
            parameters=storage_class_parameters(self._args.names.resource_tags(), self._args.disk_key),
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            reclaim_policy="Delete",
            opts=self._args.api.options(self),
        )


def storage_class_parameters(tags: Mapping[str, str], disk_key: str = "") -> dict[str, str]:
    """Return the parameters of the default StorageClass, with tags for the disks.

    The tags are one text. Its delimiter is the first character that no tag contains. `disk_key` is the id of
    the disk encryption set of the disks, or empty.
    """
    text = "".join((*tags, *tags.values()))
    delimiter = next(character for character in _TAG_DELIMITERS if character not in text)
    parameters = {
        "skuName": "Premium_LRS",
        "networkAccessPolicy": "DenyAll",
        "tags": delimiter.join(f"{key}={value}" for key, value in tags.items()),
        **({"diskEncryptionSetID": disk_key} if disk_key else {}),
    }
    # Parameters of a StorageClass cannot change: the default of the driver is not written.
    return parameters if delimiter == "," else {**parameters, "tagValueDelimiter": delimiter}


def cloud_config(names: Names, network: NetworkReference, *, tenant_id: str, client_id: str) -> str:
    """Return the controllers' configuration `azure.json` (cloud-provider-azure, install/configs)."""
    values = {
        "cloud": names.environment.name,
        "tenantId": tenant_id,
        "subscriptionId": names.subscription,
        "resourceGroup": names.resource_group,
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
        "userAssignedIdentityID": client_id,
        "useInstanceMetadata": True,
        "cloudProviderBackoff": True,
        # `tags` is a list with commas and equals signs, which values can contain.
        "tagsMap": names.resource_tags(),
    }
    return json.dumps(values, indent=2)


def cloud_controller_values(names: Names, pod_network: str, replicas: int) -> Values:
    """Return chart values of the cloud controller, which manages nodes and load balancers.

    cloud-node-manager on every node sets the node's addresses from the metadata service.
    """
    return {
        "infra": {"clusterName": names.cluster},
        "cloudControllerManager": {
            "imageTag": f"v{CLOUD_CONTROLLER_CHART.version}",
            "replicas": replicas,
            "clusterCIDR": pod_network,
            # flannel encapsulates packets of pods, so routes of the network do not need the pod network.
            "configureCloudRoutes": "false",
            "allocateNodeCidrs": "false",
            # Read the Secret, and read it again when it changes. This requires an empty file name.
            "cloudConfig": "",
            "cloudConfigSecretName": CONFIG_SECRET,
            "enableDynamicReloading": "true",
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": EARLY_TOLERATIONS,
        },
        "cloudNodeManager": {"imageTag": f"v{CLOUD_CONTROLLER_CHART.version}"},
    }


def storage_values(replicas: int) -> Values:
    """Return chart values of the Azure Disk CSI driver."""
    return {
        "controller": {
            "replicas": replicas,
            "cloudConfigSecretName": CONFIG_SECRET,
            "hostNetwork": True,
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": CONTROLLER_TOLERATIONS,
            "vmType": "vmss",
            "disableAvailabilitySetNodes": False,
        },
        "node": {"cloudConfigSecretName": CONFIG_SECRET},
        "windows": {"enabled": False},
        "snapshot": {"enabled": False},
    }


def autoscaler_values(names: Names, client_id: Input[str]) -> Values:
    """Return chart values of the cluster autoscaler, which resizes the scale sets that have its tags."""
    return {
        "cloudProvider": "azure",
        "autoDiscovery": {"clusterName": names.cluster},
        "azureSubscriptionID": names.subscription,
        "azureResourceGroup": names.resource_group,
        "azureVMType": "vmss",
        "azureUseManagedIdentityExtension": True,
        "azureUserAssignedIdentityID": client_id,
        **({} if names.cloud == "public" else {"extraEnv": {"ARM_CLOUD": names.environment.name}}),
        "fullnameOverride": "cluster-autoscaler",
        **ON_HOST_NETWORK,
        "extraArgs": {
            # A pool has one scale set in each zone.
            "balance-similar-node-groups": "true",
            "skip-nodes-with-system-pods": "false",
            "expander": "least-waste",
        },
    }
