"""Federated credentials: the pods whose tokens Entra ID exchanges for tokens of an identity.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.cloud.azure.generated import IDENTITY
from lab.cloud.azure.resources import Resource, is_inside

CREDENTIAL = f"{IDENTITY}/federatedIdentityCredentials"
_HIGHEST = 20
"""Maximum number of federated credentials of an identity."""


def credentials_of(resources: Mapping[str, Resource], identity: str) -> list[Resource]:
    """Return the federated credentials of the identity with an id."""
    return [
        resource
        for key, resource in resources.items()
        if resource.type == CREDENTIAL and is_inside(key, identity.lower())
    ]


def find_problem(resources: Mapping[str, Resource], new: Resource) -> str:
    """Return the reason why Azure refuses a federated credential; empty for other resources.

    Issuer and subject must be unique for an identity.
    """
    if new.type != CREDENTIAL:
        return ""
    identity = new.id.rpartition("/federatedIdentityCredentials/")[0]
    others = [item for item in credentials_of(resources, identity) if item.id.lower() != new.id.lower()]
    if len(others) >= _HIGHEST:
        return f"the identity has {_HIGHEST} federated credentials, which is the maximum"
    if twin := next((item for item in others if _pair(item) == _pair(new)), None):
        return f"{twin.name} has the same issuer and subject"
    return ""


def _pair(credential: Resource) -> tuple[str, str]:
    return credential.properties["issuer"], credential.properties["subject"]
