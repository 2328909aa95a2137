"""Settings of identities of pods on Azure: workload identities of Entra ID."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.pod_identities import PodIdentitySettings
from settings.types import Name

BUILT_IN_ROLES: Mapping[str, str] = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Azure Service Bus Data Receiver": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "Azure Service Bus Data Sender": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "DNS Zone Contributor": "befefa01-2a29-4197-83a8-272ff33ce314",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Private DNS Zone Contributor": "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Queue Data Message Processor": "8a0f0c08-91a1-4084-bc3d-661d67233fed",
    "Storage Queue Data Message Sender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "Storage Queue Data Reader": "19e7f393-937e-4f77-808e-94535e297925",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Storage Table Data Reader": "76199698-9eea-4c19-bc75-cec21354c6b6",
}
"""GUIDs of built-in roles by name (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""
_GUID_PATTERN = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_GUID = re.compile(_GUID_PATTERN)
_SCOPE = re.compile(rf"/subscriptions/{_GUID_PATTERN}(/[^/\s]+)*")
_ACCOUNT = re.compile("[a-z0-9]{3,24}")


def _validate_account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(
            "not a name of a storage account; allowed: 3 to 24 lower-case letters and digits, unique in Azure"
        )
    return text


def _validate_role(text: str) -> str:
    if text not in BUILT_IN_ROLES and not _GUID.fullmatch(text):
        names = ", ".join(BUILT_IN_ROLES)
        raise ValueError(f"unknown; allowed: {names}, or the GUID of another role definition in lower case")
    return text


def _validate_scope(text: str) -> str:
    if not _SCOPE.fullmatch(text):
        raise ValueError("not the id of a resource; allowed: /subscriptions/GUID and what is below it")
    return text


class AzureRoleSettings(Section):
    """A role assignment of an identity."""

    role: Annotated[str, AfterValidator(_validate_role)]
    """Name of a built-in role such as `Storage Blob Data Reader`, or the GUID of another role definition."""
    scope: Annotated[str, AfterValidator(_validate_scope)]
    """ID of the resource, resource group or subscription that the role applies to."""

    @property
    def definition(self) -> str:
        """Return the GUID of the role definition."""
        return BUILT_IN_ROLES.get(self.role, self.role)

    @property
    def subscription(self) -> str:
        """Return the id of the scope's subscription."""
        return self.scope.split("/")[2]


class AzurePodIdentitySettings(PodIdentitySettings):
    """A managed identity of pods."""

    roles: tuple[AzureRoleSettings, ...] = ()
    """Role assignments of the identity."""


class AzurePodIdentitiesSettings(Section):
    """Managed identities of pods, and the public issuer of their tokens."""

    issuer_account: Annotated[str, AfterValidator(_validate_account)]
    """Name of the storage account that is created for the documents of the issuer; unique in all of Azure."""
    identities: dict[Name, AzurePodIdentitySettings] = Field(default_factory=dict)
    """Managed identities by name; required."""
