"""What members' machines and pools' have in common: how they are started and hardened."""

from __future__ import annotations

import base64
import hashlib
import json

from pulumi import Input, Output
from pulumi_azure_native import compute

ADMIN = "kubewright"
"""The administrator that Azure wants every machine to have. Nobody reaches it without `azure.ssh_key`."""
OS_DISK_SKU = "Premium_LRS"


def custom_data(program: Input[str]) -> Output[str]:
    """The boot program as Azure wants it: base64, of at most 65,535 bytes (`limits`)."""
    return Output.from_input(program).apply(lambda text: base64.b64encode(text.encode()).decode())


def described(
    image: compute.ImageReferenceArgs, *, program: Input[str], ssh_key: Input[str], type: str, disk: int
) -> Output[str]:
    """A digest of all for which Azure makes a machine anew. It tells nothing: none of these is a secret."""
    parts = (image.id, image.publisher, image.offer, image.sku, image.version, program, ssh_key)
    return Output.all(*parts, type, disk).apply(
        lambda known: hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]
    )


def linux(ssh_key: Input[str]) -> compute.LinuxConfigurationArgs:
    """Keys and no password. The agent is needed by the health extension."""
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


def trusted() -> compute.SecurityProfileArgs:
    """Trusted Launch, said in full: what Azure takes without a word depends on the API's version."""
    return compute.SecurityProfileArgs(
        security_type=compute.SecurityTypes.TRUSTED_LAUNCH,
        uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
    )


def watched() -> compute.DiagnosticsProfileArgs:
    """Boot diagnostics in Azure's own storage: the console of a machine that does not come up."""
    return compute.DiagnosticsProfileArgs(boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True))
