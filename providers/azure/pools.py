"""Pools of workers: a uniform scale set in each zone.

Each zone has its own scale set, because the autoscaler must be able to request a node in the zone of a pod's
disk. Tags tell the autoscaler the minimum and maximum size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_azure_native import compute

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
from providers.azure.names import scale_set_name
from providers.azure.pool_size import keep_size
from providers.cloud.zones import ZonePart, zone_parts
from settings.azure import AzureEndpoints
from topology.architectures import AMD64, ARCHITECTURE_LABEL
from topology.model import Capacity, Pool
from topology.ports import CLOUD_NODE_HEALTH_PORT

# Azure cannot change these inputs of an existing scale set. With this list a preview shows the replacement.
_REPLACING_INPUTS = ["zones", "virtualMachineProfile.priority", "virtualMachineProfile.evictionPolicy"]
_GRACE_MINUTES = 30
"""Azure repairs no node for this time after its start or its last change; allowed are 10 to 90 minutes."""

_RESTORE_TIMEOUT = "PT2H"
"""Azure tries for this time to restore an evicted spot machine; allowed are 15 minutes to 2 hours."""


def batch_percent(max_unavailable: int, part: ZonePart) -> int:
    """Return the percentage of nodes of a scale set that change at the same time. Azure requires at least 5.

    The scale sets of a pool change in parallel, so `max_unavailable` applies to each zone.
    """
    return min(100, max(5, 100 * max_unavailable // part.max_size))


def termination_notice_minutes(drain_seconds: int) -> int:
    """Return the minutes between termination notice and termination: the time limit of a drain, and a margin.

    Azure allows 5 to 15 minutes.
    """
    return min(15, max(5, -(-drain_seconds // 60) + 2))


def autoscaler_tags(cluster: str, pool: Pool, part: ZonePart) -> dict[str, str]:
    """Return the tags that the cluster autoscaler reads: sizes, and labels and taints of a node.

    The autoscaler takes the ephemeral storage of a node from the scale set's system disk. It assumes amd64
    unless a tag has the label of the architecture (kubernetes/autoscaler, azure_template.go).
    """
    architecture = pool.capacity.architecture if pool.capacity else AMD64
    labels = (*pool.labels, (ARCHITECTURE_LABEL, architecture)) if architecture != AMD64 else pool.labels
    template = "k8s.io_cluster-autoscaler_node-template"
    tags = {"cluster-autoscaler-enabled": "true", "cluster-autoscaler-name": cluster}
    tags |= {"min": str(part.min_size), "max": str(part.max_size)}
    tags |= {f"{template}_label_{_tag_name(key)}": value for key, value in labels}
    tags |= {
        f"{template}_taint_{_tag_name(taint.key)}": f"{taint.value}:{taint.effect}" for taint in pool.taints
    }
    return tags


def _tag_name(key: str) -> str:
    """Return the key of a label or taint in the name of a tag, which cannot contain `/`.

    The autoscaler replaces `_` by `/`, and then `~2` by `_` (kubernetes/autoscaler, azure_template.go).
    """
    return key.replace("_", "~2").replace("/", "_")


@dataclass(frozen=True, kw_only=True)
class PoolArgs:
    """Arguments of a pool. `zones` are names of zones, `endpoints` private endpoints.

    With `autoscaled` the autoscaler chooses the size; without it the pool has its minimum size.
    """

    pool: Pool
    capacity: Capacity
    machine: MachineArgs
    zones: Sequence[str]
    drain_seconds: int
    autoscaled: bool
    endpoints: AzureEndpoints


class WorkerPool(ComponentResource):
    """A pool of workers: its scale sets by zone number. The scale sets wait for `dependencies`.

    `machine_digest` changes whenever Azure replaces the nodes.
    """

    scale_sets: Mapping[int, compute.VirtualMachineScaleSet]
    machine_digest: Output[str]

    def __init__(
        self, name: str, args: PoolArgs, *, dependencies: ResourceOptions, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("kubewright:azure:Pool", name, None, opts)
        self._name, self._args, self._names, self._dependencies = name, args, args.machine.names, dependencies
        self.machine_digest = machine_digest(args.machine)
        self.scale_sets = {
            part.zone: self._create_scale_set(part) for part in zone_parts(args.capacity, len(args.zones))
        }
        self.register_outputs({})

    def _create_scale_set(self, part: ZonePart) -> compute.VirtualMachineScaleSet:
        args = self._args
        tags = autoscaler_tags(self._names.cluster, args.pool, part) if args.autoscaled else {}
        return compute.VirtualMachineScaleSet(
            f"{self._name}-{part.zone + 1}",
            resource_group_name=self._names.resource_group,
            vm_scale_set_name=scale_set_name(args.pool.name, part.zone),
            location=self._names.location,
            zones=[args.zones[part.zone]],
            orchestration_mode=compute.OrchestrationMode.UNIFORM,
            # Overprovisioning would add a node that joins the cluster and is deleted again.
            overprovision=False,
            single_placement_group=False,
            platform_fault_domain_count=1,
            sku=compute.SkuArgs(name=args.machine.type, tier="Standard", capacity=float(part.min_size)),
            identity=compute.VirtualMachineScaleSetIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED,
                user_assigned_identities=[args.machine.identity],
            ),
            # The autoscaler replaces evicted machines itself.
            spot_restore_policy=compute.SpotRestorePolicyArgs(enabled=True, restore_timeout=_RESTORE_TIMEOUT)
            if args.capacity.spot and not args.autoscaled
            else None,
            upgrade_policy=self._upgrade_policy(part),
            automatic_repairs_policy=compute.AutomaticRepairsPolicyArgs(
                enabled=True, grace_period=f"PT{_GRACE_MINUTES}M", repair_action="Replace"
            ),
            virtual_machine_profile=self._machine_profile(part),
            tags=self._names.resource_tags(tags),
            opts=ResourceOptions(
                parent=self,
                depends_on=self._dependencies.depends_on,
                replace_on_changes=_REPLACING_INPUTS,
                # Only one scale set can have this name.
                delete_before_replace=True,
                # The autoscaler sets the size. Pulumi sends the value of the state: docs/azure.md, "Sizes
                # of pools".
                ignore_changes=["sku.capacity"] if args.autoscaled else None,
                hooks=keep_size(f"{self._name}-{part.zone + 1}", self._names.environment, args.endpoints)
                if args.autoscaled
                else None,
            ),
        )

    def _upgrade_policy(self, part: ZonePart) -> compute.UpgradePolicyArgs:
        """Return the upgrade policy: Azure creates new nodes first.

        When the new nodes are healthy, the same number of old nodes drains and terminates.
        """
        percent = batch_percent(self._args.pool.max_unavailable, part)
        return compute.UpgradePolicyArgs(
            mode=compute.UpgradeMode.ROLLING,
            rolling_upgrade_policy=compute.RollingUpgradePolicyArgs(
                max_surge=True,
                max_batch_instance_percent=percent,
                # Unhealthy old nodes do not block an upgrade that may repair them; unhealthy new nodes stop
                # it.
                max_unhealthy_instance_percent=100,
                max_unhealthy_upgraded_instance_percent=20,
                pause_time_between_batches="PT30S",
                prioritize_unhealthy_instances=True,
            ),
        )

    def _machine_profile(self, part: ZonePart) -> compute.VirtualMachineScaleSetVMProfileArgs:
        args, spot = self._args, self._args.capacity.spot
        return compute.VirtualMachineScaleSetVMProfileArgs(
            priority="Spot" if spot else "Regular",
            # Deallocated machines would count as nodes, and their disks cost money.
            eviction_policy="Delete" if spot else None,
            # The maximum is the regular price, so Azure reclaims machines only for capacity.
            billing_profile=compute.BillingProfileArgs(max_price=-1.0) if spot else None,
            os_profile=compute.VirtualMachineScaleSetOSProfileArgs(
                computer_name_prefix=f"{scale_set_name(args.pool.name, part.zone)}-",
                admin_username=ADMIN,
                custom_data=custom_data(args.machine.program),
                linux_configuration=linux_configuration(args.machine.ssh_key),
            ),
            storage_profile=compute.VirtualMachineScaleSetStorageProfileArgs(
                image_reference=args.machine.image,
                os_disk=compute.VirtualMachineScaleSetOSDiskArgs(
                    create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
                    delete_option=compute.DiskDeleteOptionTypes.DELETE,
                    disk_size_gb=args.machine.disk,
                    caching=compute.CachingTypes.READ_ONLY,
                    managed_disk=compute.VirtualMachineScaleSetManagedDiskParametersArgs(
                        storage_account_type=DISK_SKU,
                        disk_encryption_set=disk_encryption(args.machine.disk_key),
                    ),
                ),
            ),
            network_profile=self._network_profile(),
            security_profile=security_profile(),
            diagnostics_profile=diagnostics_profile(),
            extension_profile=_health_extension(),
            scheduled_events_profile=compute.ScheduledEventsProfileArgs(
                terminate_notification_profile=compute.TerminateNotificationProfileArgs(
                    enable=True, not_before_timeout=f"PT{termination_notice_minutes(args.drain_seconds)}M"
                )
            ),
        )

    def _network_profile(self) -> compute.VirtualMachineScaleSetNetworkProfileArgs:
        return compute.VirtualMachineScaleSetNetworkProfileArgs(
            network_interface_configurations=[
                compute.VirtualMachineScaleSetNetworkConfigurationArgs(
                    name="primary",
                    primary=True,
                    enable_accelerated_networking=self._args.machine.accelerated,
                    network_security_group=compute.SubResourceArgs(id=self._args.machine.firewall),
                    ip_configurations=[
                        compute.VirtualMachineScaleSetIPConfigurationArgs(
                            name="primary",
                            primary=True,
                            subnet=compute.ApiEntityReferenceArgs(id=self._args.machine.subnet),
                        )
                    ],
                )
            ]
        )


def _health_extension() -> compute.VirtualMachineScaleSetExtensionProfileArgs:
    """Return the extension that reports the health of a node to Azure.

    The health check of the node must respond with JSON: Azure replaces a node that responds with a plain
    `ok`.
    """
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
                    "port": CLOUD_NODE_HEALTH_PORT,
                    "requestPath": "/",
                    "intervalInSeconds": 10,
                    "numberOfProbes": 3,
                    "gracePeriod": 60 * _GRACE_MINUTES,
                },
            )
        ]
    )
