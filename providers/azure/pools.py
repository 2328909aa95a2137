"""Any number of workers: a uniform scale set in each zone, whatever the pool's size.

A set of its own for each zone, because the autoscaler must be able to ask for a node in the zone where a
pod's disk is. Its bounds are tags, its size is the autoscaler's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_azure_native import compute

from providers.azure.machine import ADMIN, OS_DISK_SKU, custom_data, described, linux, trusted, watched
from providers.azure.names import Names
from topology.model import Capacity, Pool

HEALTH_PORT = 10290
"""Where a node says on loopback whether it is healthy, in the words of the health extension."""
# Azure refuses to change these of a set that is there; a preview must show that the set's nodes go.
_REPLACING = ["zones", "virtualMachineProfile.priority", "virtualMachineProfile.evictionPolicy"]
_REPAIR_AFTER_MINUTES = 30
"""A node may be unhealthy for so long, or not yet healthy, before it is replaced; Azure: 10 to 90."""


@dataclass(frozen=True, slots=True)
class ZonePart:
    """A zone's part of a pool: its number and how many nodes at least and at most."""

    zone: int
    least: int
    most: int


def parts(capacity: Capacity, zones: int) -> tuple[ZonePart, ...]:
    """The pool spread over zones, the first getting what is left over; zones without any are left out."""

    def share(whole: int, zone: int) -> int:
        return whole // zones + (1 if zone < whole % zones else 0)

    shares = (
        ZonePart(zone, share(capacity.min_size, zone), share(capacity.max_size, zone)) for zone in range(zones)
    )
    return tuple(part for part in shares if part.most > 0)


def batch_percent(max_unavailable: int, part: ZonePart) -> int:
    """How many of a set's nodes change at a time, in percent: at least Azure's 5, at most all.

    Sets of a pool change side by side; `max_unavailable` of the pool is thus of each zone here.
    """
    return min(100, max(5, 100 * max_unavailable // part.most))


def notice_minutes(drain_seconds: int) -> int:
    """How long a node that is told to go may take: a drain and a little more; Azure: 5 to 15 minutes."""
    return min(15, max(5, -(-drain_seconds // 60) + 2))


def autoscaler_tags(cluster: str, pool: Pool, part: ZonePart) -> dict[str, str]:
    """What the cluster autoscaler reads of a set: its bounds, and what a node would be like if it had one.

    `/` is no letter for a tag's name: the autoscaler takes `_` for it.
    """
    template = "k8s.io_cluster-autoscaler_node-template"
    tags = {"cluster-autoscaler-enabled": "true", "cluster-autoscaler-name": cluster}
    tags |= {"min": str(part.least), "max": str(part.most)}
    tags |= {f"{template}_label_{key.replace('/', '_')}": value for key, value in pool.labels}
    tags |= {
        f"{template}_taint_{taint.key.replace('/', '_')}": f"{taint.value}:{taint.effect}"
        for taint in pool.taints
    }
    return tags


@dataclass(frozen=True, kw_only=True)
class PoolArgs:
    """A pool with a capacity. `disk` is whole GiB; `zones` are Azure's names.

    `autoscaled`: the size between the bounds is not ours; without it a pool has its least size.
    """

    names: Names
    pool: Pool
    capacity: Capacity
    disk: int
    zones: Sequence[str]
    image: compute.ImageReferenceArgs
    subnet: Input[str]
    firewall: Input[str]
    identity: Input[str]
    ssh_key: Input[str]
    program: Input[str]
    drain_seconds: int
    autoscaled: bool


class PoolMachines(ComponentResource):
    """The scale sets of a pool; `sets` by the zone's number. `described`: another one when nodes change."""

    sets: Mapping[int, compute.VirtualMachineScaleSet]
    described: Output[str]

    def __init__(
        self, name: str, args: PoolArgs, *, after: ResourceOptions, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("kubewright:azure:Pool", name, None, opts)
        self._name, self._args, self._names, self._after = name, args, args.names, after
        self.described = described(
            args.image,
            program=args.program,
            ssh_key=args.ssh_key,
            type=args.capacity.types[0],
            disk=args.disk,
        )
        self.sets = {part.zone: self._set(part) for part in parts(args.capacity, len(args.zones))}
        self.register_outputs({})

    def _set(self, part: ZonePart) -> compute.VirtualMachineScaleSet:
        args = self._args
        scaled = autoscaler_tags(args.names.cluster, args.pool, part) if args.autoscaled else {}
        return compute.VirtualMachineScaleSet(
            f"{self._name}-{part.zone + 1}",
            resource_group_name=self._names.group,
            vm_scale_set_name=set_name(args.pool.name, part.zone),
            location=self._names.location,
            zones=[args.zones[part.zone]],
            orchestration_mode=compute.OrchestrationMode.UNIFORM,
            # One more than asked for, and one less later, would be a node that joins and goes.
            overprovision=False,
            single_placement_group=False,
            platform_fault_domain_count=1,
            sku=compute.SkuArgs(name=args.capacity.types[0], tier="Standard", capacity=float(part.least)),
            identity=compute.VirtualMachineScaleSetIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[args.identity]
            ),
            upgrade_policy=self._upgrade(part),
            automatic_repairs_policy=compute.AutomaticRepairsPolicyArgs(
                enabled=True, grace_period=f"PT{_REPAIR_AFTER_MINUTES}M", repair_action="Replace"
            ),
            virtual_machine_profile=self._profile(part),
            tags=self._names.tagged(scaled),
            opts=ResourceOptions(
                parent=self,
                depends_on=self._after.depends_on,
                replace_on_changes=_REPLACING,
                # Its name can be one set's only.
                delete_before_replace=True,
                # The autoscaler's. What is sent in its place is the state's: docs/azure.md, "Sizes of pools".
                ignore_changes=["sku.capacity"] if args.autoscaled else None,
            ),
        )

    def _upgrade(self, part: ZonePart) -> compute.UpgradePolicyArgs:
        """New nodes come first; once healthy as many old ones are told to go, and drain themselves."""
        percent = batch_percent(self._args.pool.max_unavailable, part)
        return compute.UpgradePolicyArgs(
            mode=compute.UpgradeMode.ROLLING,
            rolling_upgrade_policy=compute.RollingUpgradePolicyArgs(
                max_surge=True,
                max_batch_instance_percent=percent,
                # Nodes that are ill already must not keep out what cures them; new ones that are end it.
                max_unhealthy_instance_percent=100,
                max_unhealthy_upgraded_instance_percent=20,
                pause_time_between_batches="PT30S",
                prioritize_unhealthy_instances=True,
            ),
        )

    def _profile(self, part: ZonePart) -> compute.VirtualMachineScaleSetVMProfileArgs:
        args, spot = self._args, self._args.capacity.spot
        return compute.VirtualMachineScaleSetVMProfileArgs(
            priority="Spot" if spot else "Regular",
            # Deallocated machines would count as nodes, and cost their disks.
            eviction_policy="Delete" if spot else None,
            # Up to the regular price: they go when Azure needs them, not when they get dearer.
            billing_profile=compute.BillingProfileArgs(max_price=-1.0) if spot else None,
            os_profile=compute.VirtualMachineScaleSetOSProfileArgs(
                computer_name_prefix=f"{set_name(args.pool.name, part.zone)}-",
                admin_username=ADMIN,
                custom_data=custom_data(args.program),
                linux_configuration=linux(args.ssh_key),
            ),
            storage_profile=compute.VirtualMachineScaleSetStorageProfileArgs(
                image_reference=args.image,
                os_disk=compute.VirtualMachineScaleSetOSDiskArgs(
                    create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
                    delete_option=compute.DiskDeleteOptionTypes.DELETE,
                    disk_size_gb=args.disk,
                    caching=compute.CachingTypes.READ_ONLY,
                    managed_disk=compute.VirtualMachineScaleSetManagedDiskParametersArgs(
                        storage_account_type=OS_DISK_SKU
                    ),
                ),
            ),
            network_profile=self._network(),
            security_profile=trusted(),
            diagnostics_profile=watched(),
            extension_profile=_health(),
            scheduled_events_profile=compute.ScheduledEventsProfileArgs(
                terminate_notification_profile=compute.TerminateNotificationProfileArgs(
                    enable=True, not_before_timeout=f"PT{notice_minutes(args.drain_seconds)}M"
                )
            ),
        )

    def _network(self) -> compute.VirtualMachineScaleSetNetworkProfileArgs:
        return compute.VirtualMachineScaleSetNetworkProfileArgs(
            network_interface_configurations=[
                compute.VirtualMachineScaleSetNetworkConfigurationArgs(
                    name="primary",
                    primary=True,
                    network_security_group=compute.SubResourceArgs(id=self._args.firewall),
                    ip_configurations=[
                        compute.VirtualMachineScaleSetIPConfigurationArgs(
                            name="primary",
                            primary=True,
                            subnet=compute.ApiEntityReferenceArgs(id=self._args.subnet),
                        )
                    ],
                )
            ]
        )


def set_name(pool: str, zone: int) -> str:
    """The name of a pool's scale set in a zone; with a dash and Azure's number its nodes' names begin so."""
    return f"{pool}-{zone + 1}"


def _health() -> compute.VirtualMachineScaleSetExtensionProfileArgs:
    """Azure's own watch of a node. It wants JSON: a plain `ok` would be Unknown, and the node replaced."""
    return compute.VirtualMachineScaleSetExtensionProfileArgs(
        extensions=[
            compute.VirtualMachineScaleSetExtensionArgs(
                name="health",
                publisher="Microsoft.ManagedServices",
                type="ApplicationHealthLinux",
                type_handler_version="2.0",
                auto_upgrade_minor_version=True,
                settings={
                    "protocol": "http",
                    "port": HEALTH_PORT,
                    "requestPath": "/",
                    "intervalInSeconds": 10,
                    "numberOfProbes": 3,
                    "gracePeriod": 60 * _REPAIR_AFTER_MINUTES,
                },
            )
        ]
    )
