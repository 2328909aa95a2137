"""Common inputs of machines: custom data, login, security and diagnostics of members and workers."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass

from pulumi import Input, Output
from pulumi_azure_native import compute

from providers.azure.names import Names

ADMIN = "kubewright"
"""The administrator account, which Azure requires. Only the key `azure.ssh_key` can log in."""
DISK_SKU = "Premium_LRS"


@dataclass(frozen=True, kw_only=True)
class MachineArgs:
    """Arguments of a machine. `disk` is the size of the operating system's disk in whole GiB.

    `subnet`, `firewall` (a security group) and `identity` are ids; `program` is the boot program.
    `accelerated` enables accelerated networking. `disk_key` is the id of a disk encryption set, or empty for
    keys of Azure.
    """

    names: Names
    type: str
    image: compute.ImageReferenceArgs
    disk: int
    subnet: Input[str]
    firewall: Input[str]
    identity: Input[str]
    ssh_key: Input[str]
    program: Input[str]
    accelerated: bool
    disk_key: str = ""


def custom_data(program: Input[str]) -> Output[str]:
    """Return the boot program in base64, as Azure requires."""
    return Output.from_input(program).apply(lambda text: base64.b64encode(text.encode()).decode())


def machine_digest(args: MachineArgs) -> Output[str]:
    """Return a digest of all inputs whose change replaces a machine. None of them is a secret."""
    image = args.image
    image_parts = (image.id, image.publisher, image.offer, image.sku, image.version)
    disk_key = (args.disk_key,) if args.disk_key else ()
    return Output.all(*image_parts, args.program, args.ssh_key, args.type, args.disk, *disk_key).apply(
        lambda values: hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
    )


def disk_encryption(disk_key: str) -> compute.DiskEncryptionSetParametersArgs | None:
    """Return the reference of a system disk to a disk encryption set; None for keys of Azure."""
    return compute.DiskEncryptionSetParametersArgs(id=disk_key) if disk_key else None


def linux_configuration(ssh_key: Input[str]) -> compute.LinuxConfigurationArgs:
    """Return the Linux settings of a machine: login with an SSH key only, and the VM agent.

    The health extension of pools needs the VM agent.
    """
    return compute.LinuxConfigurationArgs(
        disable_password_authentication=True,
        provision_vm_agent=True,
        ssh=compute.SshConfigurationArgs(
            public_keys=[
                compute.SshPublicKeyArgs(
                    key_data=Output.from_input(ssh_key), path=f"/home/{ADMIN}/.ssh/authorized_keys"
                )
            ]
        ),
    )


def security_profile() -> compute.SecurityProfileArgs:
    """Return the security profile for Trusted Launch. All inputs are set, because defaults depend on the API
    version.
    """
    return compute.SecurityProfileArgs(
        security_type=compute.SecurityTypes.TRUSTED_LAUNCH,
        uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
    )


def diagnostics_profile() -> compute.DiagnosticsProfileArgs:
    """Return boot diagnostics, which keep the console output of a machine that does not boot."""
    return compute.DiagnosticsProfileArgs(boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True))
