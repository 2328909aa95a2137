"""The driver of Azure Files in the cluster, azurefile-csi-driver, and its StorageClass [H3].

The controller runs on control planes, on the host network, and uses the managed identity of these machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Resource, ResourceOptions

from assembly.charts import build_chart
from assembly.storage_drivers import mounted_class
from components.addons.chart_release import create_release
from components.addons.volume_classes import create_storage_class
from components.addons.workload import system_replicas
from components.api import Api
from components.scope import Scope
from providers.azure.addons import CONFIG_SECRET, AddOns
from providers.azure.file_storage import FileStorage
from providers.azure.foundation import Foundation
from providers.azure.network import NetworkReference
from providers.cloud.addons import CONTROLLER_TOLERATIONS, ON_CONTROL_PLANES, Values
from settings.azure import AzureSettings
from settings.azure_file_storage import AzureFileStorageSettings, FileProtocol
from topology.model import Topology

PROVISIONER = "file.csi.azure.com"
_RELEASE = "azurefile-csi-driver"
_NAMESPACE = "kube-system"


@dataclass(frozen=True, kw_only=True)
class FileDriverArgs:
    """Arguments of the driver. `replicas` is the number of pods of the controller, and `configuration` the
    resources that create the Secret with the configuration of the cloud.
    """

    api: Api
    topology: Topology
    network: NetworkReference
    replicas: int
    settings: AzureFileStorageSettings
    storage: FileStorage
    configuration: Sequence[Resource]


class FileDriver(ComponentResource):
    """The driver and its StorageClass. `release` is the Helm release."""

    release: Resource

    def __init__(self, name: str, args: FileDriverArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:FileDriver", name, None, opts)
        dependencies = args.storage.dependencies
        self.release = create_release(
            name,
            build_chart(args.settings),
            _RELEASE,
            _NAMESPACE,
            driver_values(args.replicas),
            args.topology,
            args.api.options(self, depends_on=[*dependencies, *args.configuration]),
        )
        create_storage_class(
            f"{name}-class",
            mounted_class(args.settings, args.settings.mount_options),
            PROVISIONER,
            class_parameters(args.settings, args.storage, args.network),
            args.api.options(self, depends_on=dependencies),
        )
        self.register_outputs({})


def create_file_driver(
    settings: AzureSettings,
    topology: Topology,
    foundation: Foundation,
    api: Api,
    scope: Scope,
    addons: AddOns,
) -> Sequence[Resource]:
    """Create the driver, if the settings request volumes in file storage; return its Helm release."""
    if settings.file_storage is None or foundation.file_storage is None:
        return []
    args = FileDriverArgs(
        api=api,
        topology=topology,
        network=foundation.network,
        replicas=system_replicas(topology),
        settings=settings.file_storage,
        storage=foundation.file_storage,
        configuration=addons.configuration,
    )
    return [FileDriver(scope.name("azure-file-driver"), args, scope.options()).release]


def driver_values(replicas: int) -> Values:
    """Return chart values of the Azure File CSI driver. Kubewright creates the class, so that previews show
    it.

    The chart would install packages on hosts (AZNFS, azurefile-proxy), which only encryption of NFS and
    Kerberos need.
    """
    return {
        "controller": {
            "replicas": replicas,
            "cloudConfigSecretName": CONFIG_SECRET,
            "hostNetwork": True,
            # With one control plane, a second pod could not have the same ports beside the first.
            "strategyType": "Recreate",
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": CONTROLLER_TOLERATIONS,
        },
        "node": {
            "cloudConfigSecretName": CONFIG_SECRET,
            "azurefileProxy": {"enabled": False, "installAznfsMount": False},
            "enableManagedIdentityAuth": False,
        },
        "windows": {"enabled": False},
        "snapshot": {"enabled": False},
    }


def class_parameters(
    settings: AzureFileStorageSettings, storage: FileStorage, network: NetworkReference
) -> dict[str, str]:
    """Return the parameters of the StorageClass (`docs/driver-parameters.md` of the driver)."""
    parameters = {
        "protocol": settings.protocol.value,
        "skuName": settings.sku.value,
        "resourceGroup": storage.group,
        "storageAccount": storage.account_name,
    }
    if settings.protocol is FileProtocol.NFS:
        # The driver checks that this subnet has a service endpoint, and would add it to all others.
        return {**parameters, "subnetName": network.pools_name}
    # The key of the account opens all volumes, so users of the namespace of a claim must not read it.
    return {**parameters, "secretNamespace": _NAMESPACE}
