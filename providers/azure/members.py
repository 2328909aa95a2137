"""Members: machines with a stable name, address and data volume (control planes and separate etcd members).

Interface and data disk are separate resources that a machine attaches: a replaced machine releases them and
the next machine with the same name attaches them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_azure_native import compute, network

from providers.azure.machine import (
    ADMIN,
    DISK_SKU,
    MachineArgs,
    custom_data,
    diagnostics_profile,
    disk_encryption,
    linux_configuration,
    machine_digest,
    security_profile,
)
from providers.azure.names import Names
from providers.cloud.placement import Placement

LUN = 0
"""The number (LUN) of the data disk, by which the boot program finds the disk."""

# Azure cannot change these inputs of an existing machine, and reports it only during the update
# (pulumi-azure-native, issue 577). With this list a preview shows the replacement.
_REPLACING_INPUTS = [
    "osProfile.customData",
    "osProfile.computerName",
    "osProfile.adminUsername",
    "osProfile.linuxConfiguration",
    "storageProfile.imageReference",
    "storageProfile.osDisk",
    "securityProfile.securityType",
    "zones",
    # Azure changes the size by a restart. No gate waits for this restart, and not every physical host
    # supports the new size.
    "hardwareProfile",
]


@dataclass(frozen=True, kw_only=True)
class StableIdentityArgs:
    """Arguments of a stable identity.

    `member` is the name of the member, `zone` the name of a zone, `data_disk` the size of the data disk in
    whole GiB. `firewall` is the id of a security group, `backends` are ids of the interface's load balancer
    pools. `accelerated` enables accelerated networking. `disk_key` is the id of a disk encryption set, or
    empty. The interface waits for `dependencies`: Azure refuses
    an interface while another resource changes its subnet or its security group.
    """

    names: Names
    member: str
    address: IPv4Address
    zone: str
    subnet: Input[str]
    firewall: Input[str]
    backends: Sequence[Input[str]]
    data_disk: int
    accelerated: bool
    disk_key: str = ""
    dependencies: Sequence[Resource] = ()


class StableIdentity:
    """The network interface and data disk of a member, which outlive its machines."""

    interface: Output[str]
    disk: compute.Disk

    def __init__(self, name: str, args: StableIdentityArgs, parent: ComponentResource) -> None:
        self._name, self._args, self._names, self._parent = name, args, args.names, parent
        self.interface = self._create_interface()
        self.disk = self._create_data_disk()

    def _create_interface(self) -> Output[str]:
        args = self._args
        interface = network.NetworkInterface(
            f"{self._name}-interface",
            resource_group_name=self._names.resource_group,
            network_interface_name=args.member,
            location=self._names.location,
            enable_accelerated_networking=args.accelerated,
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
            tags=self._names.resource_tags(),
            opts=ResourceOptions(parent=self._parent, depends_on=list(args.dependencies)),
        )
        return interface.id

    def _create_data_disk(self) -> compute.Disk:
        return compute.Disk(
            f"{self._name}-data",
            resource_group_name=self._names.resource_group,
            disk_name=f"{self._args.member}-data",
            location=self._names.location,
            zones=[self._args.zone],
            sku=compute.DiskSkuArgs(name=DISK_SKU),
            disk_size_gb=self._args.data_disk,
            creation_data=compute.CreationDataArgs(create_option=compute.DiskCreateOption.EMPTY),
            encryption=compute.EncryptionArgs(
                type=f"EncryptionAtRestWith{'Customer' if self._args.disk_key else 'Platform'}Key",
                disk_encryption_set_id=self._args.disk_key or None,
            ),
            # Do not allow downloads of the disk by a link.
            network_access_policy=compute.NetworkAccessPolicy.DENY_ALL,
            public_network_access=compute.PublicNetworkAccess.DISABLED,
            tags=self._names.resource_tags(),
            # The disk holds etcd's data: replacing it requires `protect` to be removed first.
            opts=ResourceOptions(parent=self._parent, protect=True),
        )


@dataclass(frozen=True, kw_only=True)
class MemberArgs:
    """Arguments of a member: its machine and its stable identity."""

    machine: MachineArgs
    identity: StableIdentityArgs


class Member(ComponentResource):
    """A member: a machine with its stable identity. A changed boot program replaces the machine.

    Only the machine waits for `dependencies`: interface and disk are created before.
    `machine_digest` changes whenever Azure replaces the machine.
    """

    machine: compute.VirtualMachine
    identity: StableIdentity
    machine_digest: Output[str]

    def __init__(
        self,
        name: str,
        args: MemberArgs,
        *,
        dependencies: ResourceOptions,
        opts: ResourceOptions | None = None,
    ) -> None:
        own = args.identity
        placement = Placement(address=str(own.address), zone=own.zone, subnet=own.subnet)
        super().__init__("kubewright:azure:Member", name, placement.inputs, opts)
        self.machine_digest = machine_digest(args.machine)
        self.identity = StableIdentity(name, own, self)
        self.machine = self._create_machine(name, args, dependencies)
        self.register_outputs({"address": str(own.address)})

    def _create_machine(
        self, name: str, args: MemberArgs, dependencies: ResourceOptions
    ) -> compute.VirtualMachine:
        machine, names, member = args.machine, args.machine.names, args.identity.member
        return compute.VirtualMachine(
            f"{name}-machine",
            resource_group_name=names.resource_group,
            # The name is the host name, by which the cloud controller finds the machine of a node.
            vm_name=member,
            location=names.location,
            zones=[args.identity.zone],
            hardware_profile=compute.HardwareProfileArgs(vm_size=machine.type),
            identity=compute.VirtualMachineIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[machine.identity]
            ),
            os_profile=compute.OSProfileArgs(
                computer_name=member,
                admin_username=ADMIN,
                custom_data=custom_data(machine.program),
                linux_configuration=linux_configuration(machine.ssh_key),
            ),
            storage_profile=self._storage_profile(machine),
            network_profile=compute.NetworkProfileArgs(
                network_interfaces=[
                    compute.NetworkInterfaceReferenceArgs(
                        id=self.identity.interface, primary=True, delete_option=compute.DeleteOptions.DETACH
                    )
                ]
            ),
            security_profile=security_profile(),
            diagnostics_profile=diagnostics_profile(),
            tags=names.resource_tags(),
            opts=ResourceOptions.merge(
                ResourceOptions(
                    parent=self,
                    replace_on_changes=_REPLACING_INPUTS,
                    # Name, interface and disk belong to one machine only.
                    delete_before_replace=True,
                ),
                ResourceOptions(depends_on=dependencies.depends_on),
            ),
        )

    def _storage_profile(self, machine: MachineArgs) -> compute.StorageProfileArgs:
        return compute.StorageProfileArgs(
            image_reference=machine.image,
            os_disk=compute.OSDiskArgs(
                create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
                delete_option=compute.DiskDeleteOptionTypes.DELETE,
                disk_size_gb=machine.disk,
                caching=compute.CachingTypes.READ_ONLY,
                managed_disk=compute.ManagedDiskParametersArgs(
                    storage_account_type=DISK_SKU, disk_encryption_set=disk_encryption(machine.disk_key)
                ),
            ),
            data_disks=[
                compute.DataDiskArgs(
                    lun=LUN,
                    create_option=compute.DiskCreateOptionTypes.ATTACH,
                    delete_option=compute.DiskDeleteOptionTypes.DETACH,
                    # etcd requires that acknowledged writes are on the disk.
                    caching=compute.CachingTypes.NONE,
                    managed_disk=compute.ManagedDiskParametersArgs(id=self.identity.disk.id),
                )
            ],
        )
