"""Rules about identities of pods that only Azure has."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule

_CREDENTIALS = 20
"""Maximum number of federated credentials of an identity (learn.microsoft.com/entra/workload-id/
workload-identity-federation-considerations).
"""


@rule(needs_valid=("azure", "certificates.service_account"))
def azure_verifies_rsa_signatures(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an RSA key that signs tokens.

    Entra ID answers AADSTS5002738 to tokens with signatures of elliptic curves
    (github.com/AzureAD/microsoft-identity-web/issues/3467).
    """
    settings = rule_input.settings
    key = settings.certificates.service_account
    if settings.azure is None or settings.azure.pod_identities is None:
        return
    signing = key.generation - (1 if key.stage == "trust" else 0)
    if key.rsa_from is None or key.rsa_from > signing:
        yield Problem(
            "azure.pod_identities",
            "",
            f"Entra ID verifies only RSA signatures, and key {signing} of service account tokens is an ECDSA "
            "key; in a new cluster set certificates.service_account: {rsa_from: 1}, in a running cluster "
            f"first rotate the key with rsa_from: {signing + 1}",
        )


@rule(needs_valid=("azure",))
def azure_issuer_has_identities(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse an issuer without identities, because its public storage account would have no purpose."""
    azure = rule_input.settings.azure
    if azure and azure.pod_identities and not azure.pod_identities.identities:
        yield Problem(
            "azure.pod_identities.identities", "", "missing; add an identity, or remove azure.pod_identities"
        )


@rule(needs_valid=("azure",))
def azure_identities_have_few_service_accounts(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse more service accounts of an identity than it can have federated credentials."""
    azure = rule_input.settings.azure
    section = azure.pod_identities if azure else None
    for name, identity in section.identities.items() if section else ():
        if (count := len(identity.service_accounts)) > _CREDENTIALS:
            yield Problem(
                f"azure.pod_identities.identities.{name}.service_accounts",
                "",
                f"{count} service accounts, while an identity has at most {_CREDENTIALS}; use a second "
                "identity with the same roles",
            )


@rule(needs_valid=("azure",))
def azure_role_assignments_are_unique(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the same role twice on one scope, because Azure refuses the second role assignment."""
    azure = rule_input.settings.azure
    section = azure.pod_identities if azure else None
    for name, identity in section.identities.items() if section else ():
        seen: set[tuple[str, str]] = set()
        for position, role in enumerate(identity.roles):
            key = (role.definition, role.scope.lower())
            if key in seen:
                path = f"azure.pod_identities.identities.{name}.roles[{position}]"
                yield Problem(path, "", "the identity has this role on this scope; remove one of the entries")
            seen.add(key)
