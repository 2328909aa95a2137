"""The clouds of Azure: the names and endpoints that differ between them. Imports no SDK.

https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure and
https://learn.microsoft.com/azure/china/resources-developer-guide; for `metadata`
https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#signature-validation-guidance
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureEnvironment:
    """A cloud of Azure.

    `name` is its name for controllers, `plugin` its name for pulumi-azure-native. `management` is the URL of
    the management API, `login` the host of Entra ID, `storage` the domain of storage accounts, `metadata` the
    domain in the certificates with which metadata services sign documents.
    """

    name: str
    plugin: str
    management: str
    login: str
    storage: str
    metadata: str


ENVIRONMENTS: Mapping[str, AzureEnvironment] = {
    "public": AzureEnvironment(
        name="AzurePublicCloud",
        plugin="public",
        management="https://management.azure.com",
        login="login.microsoftonline.com",
        storage="core.windows.net",
        metadata="metadata.azure.com",
    ),
    "usgovernment": AzureEnvironment(
        name="AzureUSGovernmentCloud",
        plugin="usgovernment",
        management="https://management.usgovcloudapi.net",
        login="login.microsoftonline.us",
        storage="core.usgovcloudapi.net",
        metadata="metadata.azure.us",
    ),
    "china": AzureEnvironment(
        name="AzureChinaCloud",
        plugin="china",
        management="https://management.chinacloudapi.cn",
        login="login.chinacloudapi.cn",
        storage="core.chinacloudapi.cn",
        metadata="metadata.azure.cn",
    ),
}
"""The clouds by the value of `azure.cloud`."""
