"""Snapshots of the data disks of members, by Azure Disk Backup.

The vault has a separate resource group. With soft delete, Azure keeps deleted backups for 14 days and refuses
to delete their vault and its group. In the cluster's group, the vault would prevent its deletion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Resource, ResourceOptions
from pulumi_azure_native import dataprotection
from pulumi_azure_native.authorization import RoleAssignment
from pulumi_azure_native.resources import ResourceGroup

from providers.azure.names import Names
from settings.azure import AzureSnapshotSettings

DISK_BACKUP_READER = "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24"
DISK_SNAPSHOT_CONTRIBUTOR = "7efff54f-a5b4-42b5-a1c5-5411624893ce"
"""Built-in roles of the vault of Disk Backup (learn.microsoft.com/azure/backup/backup-managed-disks)."""
_DISKS = "Microsoft.Compute/disks"
_STORE_TYPE = dataprotection.DataStoreTypes.OPERATIONAL_STORE
_STORE_INFO_TYPE = "DataStoreInfoBase"
_DEFAULT_TAG = "Default"
_SOFT_DELETE_DAYS = 14
"""The shortest retention that Azure accepts."""
# Start of the backup intervals: any time in the past.
_SCHEDULE_START = "2026-01-01T03:00:00+00:00"


@dataclass(frozen=True, kw_only=True)
class SnapshotArgs:
    """Arguments of the snapshots. `disks` are the ids of data disks by member.

    The snapshots wait for `dependencies`, whose creation takes minutes: in this time the role assignments of
    the backup vault become effective. Before that, Disk Backup rejects disks.
    """

    names: Names
    disks: Mapping[str, Input[str]]
    settings: AzureSnapshotSettings
    dependencies: Sequence[Resource]


class Snapshots(ComponentResource):
    """A backup vault in a separate resource group, its policy, and a backup instance for each disk.

    The snapshots are stored in the cluster's resource group. With soft delete, the vault, its policy and its
    group remain in Azure when they are deleted from the program.
    """

    def __init__(self, name: str, args: SnapshotArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Snapshots", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        # None is the default: it does not change the registrations of stacks without soft delete.
        self._kept = ResourceOptions(parent=self, retain_on_delete=args.settings.soft_delete or None)
        group = ResourceGroup(
            f"{name}-group",
            resource_group_name=args.names.backup_group,
            location=args.names.location,
            tags=args.names.resource_tags(),
            opts=self._kept,
        )
        in_group = ResourceOptions(depends_on=[group])
        self._child = ResourceOptions.merge(self._child, in_group)
        self._kept = ResourceOptions.merge(self._kept, in_group)
        self._vault = self._create_backup_vault()
        policy = self._create_backup_policy()
        snapshot_role = self._assign_role("writes", DISK_SNAPSHOT_CONTRIBUTOR, args.names.resource_group_id)
        for member, disk in args.disks.items():
            read_role = self._assign_role(f"{member}-reads", DISK_BACKUP_READER, disk)
            self._create_backup_instance(member, disk, policy, [read_role, snapshot_role, *args.dependencies])
        self.register_outputs({})

    def _create_backup_vault(self) -> dataprotection.BackupVault:
        states, kept = dataprotection.SoftDeleteState, self._args.settings.soft_delete
        soft_delete = dataprotection.SoftDeleteSettingsArgs(
            state=states.ON if kept else states.OFF,
            retention_duration_in_days=float(_SOFT_DELETE_DAYS) if kept else None,
        )
        return dataprotection.BackupVault(
            f"{self._name}-vault",
            resource_group_name=self._names.backup_group,
            vault_name=f"{self._names.cluster}-disks",
            location=self._names.location,
            identity=dataprotection.DppIdentityDetailsArgs(type="SystemAssigned"),
            properties=dataprotection.BackupVaultArgs(
                storage_settings=[
                    dataprotection.StorageSettingArgs(
                        datastore_type=dataprotection.StorageSettingStoreTypes.VAULT_STORE,
                        type=dataprotection.StorageSettingTypes.LOCALLY_REDUNDANT,
                    )
                ],
                security_settings=dataprotection.SecuritySettingsArgs(soft_delete_settings=soft_delete),
            ),
            tags=self._names.resource_tags(),
            opts=self._kept,
        )

    def _create_backup_policy(self) -> Input[str]:
        policy = dataprotection.BackupPolicy(
            f"{self._name}-policy",
            resource_group_name=self._names.backup_group,
            vault_name=self._vault.name,
            backup_policy_name="data",
            properties=dataprotection.BackupPolicyArgs(
                object_type="BackupPolicy",
                datasource_types=[_DISKS],
                policy_rules=[self._backup_rule(), self._retention_rule()],
            ),
            opts=self._kept,
        )
        return policy.id

    def _backup_rule(self) -> dataprotection.AzureBackupRuleArgs:
        schedule = dataprotection.ScheduleBasedTriggerContextArgs(
            object_type="ScheduleBasedTriggerContext",
            schedule=dataprotection.BackupScheduleArgs(
                repeating_time_intervals=[
                    f"R/{_SCHEDULE_START}/{iso_interval(self._args.settings.every_hours)}"
                ]
            ),
            tagging_criteria=[
                dataprotection.TaggingCriteriaArgs(
                    is_default=True,
                    tagging_priority=99.0,
                    tag_info=dataprotection.RetentionTagArgs(tag_name=_DEFAULT_TAG),
                )
            ],
        )
        return dataprotection.AzureBackupRuleArgs(
            name="Snapshots",
            object_type="AzureBackupRule",
            data_store=_data_store(),
            trigger=schedule,
            backup_parameters=dataprotection.AzureBackupParamsArgs(
                backup_type="Incremental", object_type="AzureBackupParams"
            ),
        )

    def _retention_rule(self) -> dataprotection.AzureRetentionRuleArgs:
        settings = self._args.settings
        keep_days = max(1, -(-settings.keep * settings.every_hours // 24))
        lifecycle = dataprotection.SourceLifeCycleArgs(
            source_data_store=_data_store(),
            delete_after=dataprotection.AbsoluteDeleteOptionArgs(
                duration=f"P{keep_days}D", object_type="AbsoluteDeleteOption"
            ),
        )
        return dataprotection.AzureRetentionRuleArgs(
            name=_DEFAULT_TAG, object_type="AzureRetentionRule", is_default=True, lifecycles=[lifecycle]
        )

    def _create_backup_instance(
        self, member: str, disk: Input[str], policy: Input[str], dependencies: list[Resource]
    ) -> None:
        source = f"{member}-data"
        operational = dataprotection.AzureOperationalStoreParametersArgs(
            object_type="AzureOperationalStoreParameters",
            data_store_type=_STORE_TYPE,
            resource_group_id=self._names.resource_group_id,
        )
        dataprotection.BackupInstance(
            f"{self._name}-{member}",
            resource_group_name=self._names.backup_group,
            vault_name=self._vault.name,
            backup_instance_name=source,
            tags=self._names.resource_tags(),
            properties=dataprotection.BackupInstanceArgs(
                object_type="BackupInstance",
                friendly_name=source,
                data_source_info=dataprotection.DatasourceArgs(
                    object_type="Datasource",
                    datasource_type=_DISKS,
                    resource_id=disk,
                    resource_location=self._names.location,
                    resource_name=source,
                    resource_type=_DISKS,
                    resource_uri=disk,
                ),
                policy_info=dataprotection.PolicyInfoArgs(
                    policy_id=policy,
                    policy_parameters=dataprotection.PolicyParametersArgs(
                        data_store_parameters_list=[operational]
                    ),
                ),
            ),
            opts=ResourceOptions.merge(self._child, ResourceOptions(depends_on=dependencies)),
        )

    def _assign_role(self, purpose: str, role: str, scope: Input[str]) -> RoleAssignment:
        principal = self._vault.identity.apply(lambda identity: identity.principal_id if identity else None)
        principal_id = principal.apply(lambda id: id or "")
        return RoleAssignment(
            f"{self._name}-{purpose}",
            role_assignment_name=principal_id.apply(lambda id: self._names.guid("snapshots", purpose, id)),
            principal_id=principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=self._names.role_definition_id(role),
            scope=scope,
            opts=self._child,
        )


def _data_store() -> dataprotection.DataStoreInfoBaseArgs:
    return dataprotection.DataStoreInfoBaseArgs(data_store_type=_STORE_TYPE, object_type=_STORE_INFO_TYPE)


def iso_interval(hours: int) -> str:
    """Return hours as an ISO 8601 duration. Disk Backup requires `P1D` instead of `PT24H`."""
    return "P1D" if hours == 24 else f"PT{hours}H"
