"""Rules about volumes in the file storage of clouds: Amazon EFS and Azure Files [H3]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.azure_file_storage import FileProtocol
from settings.problem import Problem
from settings.rules.base import RuleInput, rule

_EFS, _AZURE = "aws.file_storage", "azure.file_storage"
_EFS_OPTIONS = ("accesspoint", "iam", "notls", "tls")
"""Mount options of the driver and of Kubewright: volumes are access points, by TLS and with an IAM role."""
_NFS_OPTIONS = ("minorversion", "nfsvers", "sec", "vers")
"""Mount options that azurefile-csi-driver sets for NFS, and refuses."""
_SMB_VERSIONS_WITHOUT_ENCRYPTION = ("1.0", "2.0", "2.1")
_MAX_DIRECTORIES = 4
_MAX_PATH_CHARACTERS = 100
"""Limits of the path of an access point (RootDirectory in the API reference of EFS). The last directory is
that of the volume.
"""
_VOLUME_CHARACTERS = len("/pvc-00000000-0000-0000-0000-000000000000")


@rule(needs_valid=("aws",))
def efs_has_no_sizes(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse expansion, because no program would answer the request of a claim."""
    files = rule_input.settings.aws.file_storage if rule_input.settings.aws else None
    if files and files.expansion:
        yield Problem(
            f"{_EFS}.expansion",
            "true",
            "not supported: EFS does not limit the size of volumes, and an expanded claim would wait "
            "forever; remove it",
        )


@rule(needs_valid=("aws",))
def existing_file_system_keeps_its_throughput(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the throughput mode of a file system that the program does not create."""
    files = rule_input.settings.aws.file_storage if rule_input.settings.aws else None
    if files and files.file_system and "throughput" in files.model_fields_set:
        yield Problem(
            f"{_EFS}.throughput",
            f'"{files.throughput}"',
            f"has no effect on the existing file system {files.file_system}; remove it",
        )


@rule(needs_valid=("aws",))
def path_fits_access_points(rule_input: RuleInput) -> Iterator[Problem]:
    """Limit the directory of volumes to paths that access points can have."""
    files = rule_input.settings.aws.file_storage if rule_input.settings.aws else None
    if files is None:
        return
    directories = files.path.strip("/").split("/")
    path, value = f"{_EFS}.path", f'"{files.path}"'
    if len(directories) >= _MAX_DIRECTORIES:
        yield Problem(
            path,
            value,
            f"too deep: the path of a volume has at most {_MAX_DIRECTORIES} directories, and the driver adds "
            "one; use fewer",
        )
    elif len(files.path) + _VOLUME_CHARACTERS > _MAX_PATH_CHARACTERS:
        longest = _MAX_PATH_CHARACTERS - _VOLUME_CHARACTERS
        yield Problem(path, value, f"has {len(files.path)} characters, over {longest}; use a shorter path")
    elif any(name.startswith(".") for name in directories):
        yield Problem(path, value, "EFS refuses names that begin with a dot; use other names")


@rule(needs_valid=("aws",))
def efs_mounts_by_tls_and_role(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the mount options that decide how a node identifies itself, and whether traffic is encrypted."""
    files = rule_input.settings.aws.file_storage if rule_input.settings.aws else None
    for position, option in enumerate(files.mount_options if files else ()):
        if option.partition("=")[0] in _EFS_OPTIONS:
            yield Problem(
                f"{_EFS}.mount_options[{position}]",
                f'"{option}"',
                "volumes are always mounted by TLS, with the role of the node and their access point; remove "
                "it",
            )


@rule(needs_valid=("azure",))
def nfs_shares_are_premium(rule_input: RuleInput) -> Iterator[Problem]:
    """Require premium storage for NFS."""
    files = rule_input.settings.azure.file_storage if rule_input.settings.azure else None
    if files and files.protocol is FileProtocol.NFS and not files.sku.is_premium:
        yield Problem(
            f"{_AZURE}.sku",
            f'"{files.sku}"',
            "Azure has NFS only with premium storage; use Premium_ZRS or Premium_LRS, or protocol: smb",
        )


@rule(needs_valid=("azure",))
def file_account_is_in_the_subscription(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an account of the cluster's subscription, where the deployer assigns roles."""
    azure = rule_input.settings.azure
    account = azure.file_storage.account if azure and azure.file_storage else None
    if azure and account and account.split("/")[2] != azure.subscription:
        yield Problem(
            f"{_AZURE}.account",
            account,
            "not in azure.subscription; name a storage account of that subscription",
        )


@rule(needs_valid=("azure",))
def share_mounts_have_a_safe_version(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse NFS options that the driver sets itself, and versions of SMB without encryption."""
    files = rule_input.settings.azure.file_storage if rule_input.settings.azure else None
    for position, option in enumerate(files.mount_options if files else ()):
        name, _, value = option.partition("=")
        path = f"{_AZURE}.mount_options[{position}]"
        if files and files.protocol is FileProtocol.NFS and name in _NFS_OPTIONS:
            yield Problem(
                path,
                f'"{option}"',
                "the driver mounts with version 4.1 and sec=sys, and refuses it; remove it",
            )
        elif name == "vers" and value in _SMB_VERSIONS_WITHOUT_ENCRYPTION:
            yield Problem(
                path,
                f'"{option}"',
                "has no encryption, and the storage account refuses it; use vers=3.1.1, or remove it",
            )
