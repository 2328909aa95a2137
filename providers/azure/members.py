"""Machines with a stable name, address and data volume: control planes, and etcd's own.

The interface and the data disk are resources of their own, which a machine only takes in: a machine that
is replaced gives them back, and the next one of that name takes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_azure_native import compute, network

from providers.azure.machine import ADMIN, OS_DISK_SKU, custom_data, described, linux, trusted, watched
from providers.azure.names import Names
from providers.cloud.placement import Placement

LUN = 0
"""Where the data disk is; the boot program finds it by this."""

# Azure refuses to change these of a machine that is there, and its API says so only when it is tried
# (pulumi-azure-native, issue 577): said here, a preview shows a replacement.
_REPLACING = [
    "osProfile.customData",
    "osProfile.computerName",
    "osProfile.adminUsername",
    "osProfile.linuxConfiguration",
    "storageProfile.imageReference",
    "storageProfile.osDisk",
    "securityProfile.securityType",
    "zones",
    # This one Azure changes by a restart, which nobody would wait for; and not always where the machine is.
    "hardwareProfile",
]


@dataclass(frozen=True, kw_only=True)
class MemberArgs:
    """One machine. Sizes are whole GiB; `zone` is Azure's name of it.

    `backends` are ids of balancers' pools that it is in. `program` is the boot program.
    """

    names: Names
    name: str
    address: IPv4Address
    zone: str
    type: str
    disk: int
    data_disk: int
    image: compute.ImageReferenceArgs
    subnet: Input[str]
    firewall: Input[str]
    backends: Sequence[Input[str]]
    identity: Input[str]
    ssh_key: Input[str]
    program: Input[str]


class MemberMachine(ComponentResource):
    """A machine with its interface and its data disk. `machine` is replaced when its boot program changes.

    What it is to wait for (`after`) is the machine's alone: interface and disk come before.
    """

    machine: compute.VirtualMachine
    disk: compute.Disk
    described: Output[str]
    """Another one whenever the machine is replaced."""

    def __init__(
        self,
        name: str,
        args: MemberArgs,
        *,
        after: ResourceOptions,
        opts: ResourceOptions | None = None,
    ) -> None:
        place = Placement(address=str(args.address), zone=args.zone, subnet=args.subnet)
        super().__init__("kubewright:azure:Member", name, place.inputs, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self.described = described(
            args.image, program=args.program, ssh_key=args.ssh_key, type=args.type, disk=args.disk
        )
        interface = self._interface()
        self.disk = self._data()
        self.machine = compute.VirtualMachine(
            f"{name}-machine",
            resource_group_name=args.names.group,
            # Its name is its host name: the cloud controller finds a node's machine by it.
            vm_name=args.name,
            location=args.names.location,
            zones=[args.zone],
            hardware_profile=compute.HardwareProfileArgs(vm_size=args.type),
            identity=compute.VirtualMachineIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[args.identity]
            ),
            os_profile=compute.OSProfileArgs(
                computer_name=args.name,
                admin_username=ADMIN,
                custom_data=custom_data(args.program),
                linux_configuration=linux(args.ssh_key),
            ),
            storage_profile=self._storage(),
            network_profile=compute.NetworkProfileArgs(
                network_interfaces=[
                    compute.NetworkInterfaceReferenceArgs(
                        id=interface, primary=True, delete_option=compute.DeleteOptions.DETACH
                    )
                ]
            ),
            security_profile=trusted(),
            diagnostics_profile=watched(),
            tags=args.names.tagged(),
            opts=ResourceOptions.merge(
                ResourceOptions(
                    parent=self,
                    replace_on_changes=_REPLACING,
                    # Its name, interface and disk can be one machine's only.
                    delete_before_replace=True,
                ),
                ResourceOptions(depends_on=after.depends_on),
            ),
        )
        self.register_outputs({"address": str(args.address)})

    def _interface(self) -> Output[str]:
        args = self._args
        made = network.NetworkInterface(
            f"{self._name}-interface",
            resource_group_name=self._names.group,
            network_interface_name=args.name,
            location=self._names.location,
            network_security_group=network.NetworkSecurityGroupArgs(id=args.firewall),
            ip_configurations=[
                network.NetworkInterfaceIPConfigurationArgs(
                    name="primary",
                    primary=True,
                    private_ip_allocation_method="Static",
                    private_ip_address=str(args.address),
                    subnet=network.SubnetArgs(id=args.subnet),
                    load_balancer_backend_address_pools=[
                        network.BackendAddressPoolArgs(id=backend) for backend in args.backends
                    ],
                )
            ],
            tags=self._names.tagged(),
            opts=self._child,
        )
        return made.id

    def _data(self) -> compute.Disk:
        return compute.Disk(
            f"{self._name}-data",
            resource_group_name=self._names.group,
            disk_name=f"{self._args.name}-data",
            location=self._names.location,
            zones=[self._args.zone],
            sku=compute.DiskSkuArgs(name=OS_DISK_SKU),
            disk_size_gb=self._args.data_disk,
            creation_data=compute.CreationDataArgs(create_option=compute.DiskCreateOption.EMPTY),
            encryption=compute.EncryptionArgs(type="EncryptionAtRestWithPlatformKey"),
            # Nobody exports it by a link.
            network_access_policy=compute.NetworkAccessPolicy.DENY_ALL,
            public_network_access=compute.PublicNetworkAccess.DISABLED,
            tags=self._names.tagged(),
            # etcd's data: a change that would replace it is refused until somebody says that he means it.
            opts=ResourceOptions(parent=self, protect=True),
        )

    def _storage(self) -> compute.StorageProfileArgs:
        return compute.StorageProfileArgs(
            image_reference=self._args.image,
            os_disk=compute.OSDiskArgs(
                create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
                delete_option=compute.DiskDeleteOptionTypes.DELETE,
                disk_size_gb=self._args.disk,
                caching=compute.CachingTypes.READ_ONLY,
                managed_disk=compute.ManagedDiskParametersArgs(storage_account_type=OS_DISK_SKU),
            ),
            data_disks=[
                compute.DataDiskArgs(
                    lun=LUN,
                    create_option=compute.DiskCreateOptionTypes.ATTACH,
                    delete_option=compute.DiskDeleteOptionTypes.DETACH,
                    # etcd's writes must be on the disk when it says so.
                    caching=compute.CachingTypes.NONE,
                    managed_disk=compute.ManagedDiskParametersArgs(id=self.disk.id),
                )
            ],
        )
