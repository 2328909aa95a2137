"""The environment variables with which the deployer uses the emulated Azure of a lab. Imports no SDK."""

from __future__ import annotations

from lab import spec
from lab.cloud.ports import API_PORT, METADATA_PORT
from lab.cloud.running import admin_secret
from lab.paths import LabPaths

URL_VARIABLE = "KUBEWRIGHT_LAB_AZURE"
"""The URL of the emulated management API. Only the stand-in for the plugin reads it."""
TOKEN_VARIABLE = "KUBEWRIGHT_LAB_AZURE_TOKEN"
CA_VARIABLE = "KUBEWRIGHT_LAB_AZURE_CA"
DEPLOYER_TOKEN_PATH = "/deployer/token"
"""The path on the metadata service at which the deployer gets its token."""


def environment_variables(lab: str) -> dict[str, str]:
    """Return the environment variables with which programs use the emulated subscription of a lab.

    azure-identity reads the variables of a managed identity as on Azure App Service
    (learn.microsoft.com/azure/app-service/overview-managed-identity).
    """
    paths = LabPaths.of(lab)
    gateway = spec.read(paths.spec).gateway
    return {
        URL_VARIABLE: f"https://{gateway}:{API_PORT}",
        TOKEN_VARIABLE: admin_secret(lab),
        CA_VARIABLE: str(paths.ca),
        # The clients of boot diagnostics trust the certificate authorities of this machine.
        "REQUESTS_CA_BUNDLE": str(paths.ca),
        # Credentials of an account in the environment are not used.
        **dict.fromkeys(("ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_USE_OIDC"), ""),
        "ARM_USE_MSI": "true",
        "IDENTITY_ENDPOINT": f"http://{gateway}:{METADATA_PORT}{DEPLOYER_TOKEN_PATH}",
        "IDENTITY_HEADER": admin_secret(lab),
    }
