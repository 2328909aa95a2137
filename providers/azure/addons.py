"""What works with Azure from within the cluster, as Helm releases [H3, H4].

All that calls Azure runs on the control planes, on their host network: there it has their identity. Pods
on the pod network do not reach the metadata service (`boot.sh`) and get nobody's rights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from components.api import Api
from providers.azure.firewall import NODES
from providers.azure.names import Names
from providers.azure.network import Place
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
_RAW = "https://raw.githubusercontent.com/kubernetes-sigs"
CONFIGURATION = "azure-cloud-provider"
"""The Secret that the cloud controller and the disk driver read; it holds ids and no secret."""

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart's place and pinned version."""

    name: str
    repository: str
    version: str


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
AUTOSCALER = Chart(
    name="cluster-autoscaler", repository="https://kubernetes.github.io/autoscaler", version="9.59.0"
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
        configured = self._configuration()
        asked: list[tuple[Chart, Mapping[str, Input[object]]]] = [
            (CLOUD_CONTROLLER, cloud_controller(args.names, args.pods, args.replicas))
        ]
        if args.chosen.storage:
            asked.append((STORAGE, storage(args.replicas)))
        if args.chosen.autoscaler:
            asked.append((AUTOSCALER, autoscaler(args.names, args.identity)))
        if args.chosen.storage:
            self._storage_class()
        self.releases = [self._release(chart, values, configured) for chart, values in asked]
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

    def _release(self, chart: Chart, values: Mapping[str, Input[object]], after: Resource) -> Release:
        return Release(
            f"{self._name}-{chart.name}",
            name=chart.name,
            chart=chart.name,
            version=chart.version,
            namespace="kube-system",
            repository_opts=RepositoryOptsArgs(repo=chart.repository),
            values=dict(values),
            # It is awaited as a release: a failed upgrade goes back to what was.
            atomic=True,
            timeout=600,
            opts=self._args.api.options(self, depends_on=[after]),
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


def cloud_controller(names: Names, pods: str, replicas: int) -> Mapping[str, Input[object]]:
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
            "nodeSelector": _ON_CONTROL_PLANES,
            # A node is only ready for others after this controller has looked at it.
            "tolerations": [_UNINITIALIZED, _NOT_READY, *_TOLERATIONS],
        },
        "cloudNodeManager": {"imageTag": f"v{CLOUD_CONTROLLER.version}"},
    }


def storage(replicas: int) -> Mapping[str, Input[object]]:
    """The disk driver."""
    return {
        "controller": {
            "replicas": replicas,
            "cloudConfigSecretName": CONFIGURATION,
            "hostNetwork": True,
            "nodeSelector": _ON_CONTROL_PLANES,
            "tolerations": _TOLERATIONS,
            "vmType": "vmss",
            "disableAvailabilitySetNodes": False,
        },
        "node": {"cloudConfigSecretName": CONFIGURATION},
        "windows": {"enabled": False},
        "snapshot": {"enabled": False},
    }


def autoscaler(names: Names, identity: Input[str]) -> Mapping[str, Input[object]]:
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
        "hostNetwork": True,
        "dnsPolicy": "Default",
        "nodeSelector": _ON_CONTROL_PLANES,
        "tolerations": _TOLERATIONS,
        "extraArgs": {
            # A pool is one scale set in each zone.
            "balance-similar-node-groups": "true",
            "skip-nodes-with-system-pods": "false",
            "expander": "least-waste",
        },
    }
