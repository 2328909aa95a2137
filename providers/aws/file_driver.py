"""The driver of Amazon EFS in the cluster, aws-efs-csi-driver, and its StorageClass [H3].

The controller runs on control planes, on the host network, and uses the IAM role of these machines. The pods
on nodes mount volumes with the role of their machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Resource, ResourceOptions

from assembly.charts import build_chart
from assembly.storage_drivers import mounted_class
from components.addons.chart_release import create_release
from components.addons.volume_classes import create_storage_class
from components.addons.workload import system_replicas
from components.api import Api
from components.scope import Scope
from providers.aws.file_storage import FileStorage
from providers.aws.foundation import Foundation
from providers.aws.names import Names
from providers.cloud.addons import CONTROLLER_TOLERATIONS, ON_CONTROL_PLANES, WITHOUT_SURGE, Values
from settings.aws import AwsSettings
from settings.aws_file_storage import AwsFileStorageSettings
from topology.model import Topology

PROVISIONER = "efs.csi.aws.com"
_RELEASE = "aws-efs-csi-driver"


@dataclass(frozen=True, kw_only=True)
class FileDriverArgs:
    """Arguments of the driver. `replicas` is the number of pods of the controller."""

    api: Api
    names: Names
    topology: Topology
    replicas: int
    settings: AwsFileStorageSettings
    storage: FileStorage


class FileDriver(ComponentResource):
    """The driver and its StorageClass. `release` is the Helm release."""

    release: Resource

    def __init__(self, name: str, args: FileDriverArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:FileDriver", name, None, opts)
        options = args.api.options(self, depends_on=args.storage.dependencies)
        self.release = create_release(
            name,
            build_chart(args.settings),
            _RELEASE,
            "kube-system",
            driver_values(args.names, args.replicas),
            args.topology,
            options,
        )
        create_storage_class(
            f"{name}-class",
            # Nodes identify themselves with their role. The driver adds TLS itself.
            mounted_class(args.settings, ("iam", *args.settings.mount_options)),
            PROVISIONER,
            class_parameters(args.settings, args.storage.file_system),
            options,
        )
        self.register_outputs({})


def create_file_driver(
    settings: AwsSettings, topology: Topology, foundation: Foundation, api: Api, scope: Scope
) -> Sequence[Resource]:
    """Create the driver, if the settings request volumes in file storage; return its Helm release."""
    if settings.file_storage is None or foundation.file_storage is None:
        return []
    args = FileDriverArgs(
        api=api,
        names=foundation.names,
        topology=topology,
        replicas=system_replicas(topology),
        settings=settings.file_storage,
        storage=foundation.file_storage,
    )
    return [FileDriver(scope.name("aws-file-driver"), args, scope.options()).release]


def driver_values(names: Names, replicas: int) -> Values:
    """Return chart values of the EFS CSI driver. Kubewright creates the class, so that previews show it.

    Access points have the tag of the cluster, on which the permission to delete them depends.
    """
    return {
        "controller": {
            "replicaCount": replicas,
            "hostNetwork": True,
            "dnsPolicy": "Default",
            "nodeSelector": ON_CONTROL_PLANES,
            "tolerations": CONTROLLER_TOLERATIONS,
            "rollingUpdate": WITHOUT_SURGE["rollingUpdate"],
            "tags": {names.kubernetes_tag: "owned"},
            # Otherwise the files of deleted claims would remain, and nothing would show them.
            "deleteAccessPointRootDir": True,
        },
        "node": {"dnsPolicy": "Default"},
        "storageClasses": [],
        # A hook would delete the CSIDriver object before each upgrade.
        "useHelmHooksForCSIDriver": False,
    }


def class_parameters(settings: AwsFileStorageSettings, file_system: Input[str]) -> dict[str, Input[str]]:
    """Return the parameters of the StorageClass (`docs/parameters.md` of the driver)."""
    return {
        "provisioningMode": "efs-ap",
        "fileSystemId": file_system,
        "directoryPerms": settings.directory_mode,
        **({"basePath": settings.path} if settings.path != "/" else {}),
    }
