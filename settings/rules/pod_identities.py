"""Rules about identities of pods that all clouds share."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from settings.cluster import CLOUD_SECTIONS, service_account_issuers
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.service_account_tokens import jwks_url

_MIN_KUBERNETES = "1.36"
"""The first version whose API servers have MutatingAdmissionPolicy enabled (apiserver, kube_features.go)."""


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("kubernetes.version",))
def pod_identities_have_admission_policies(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a version of Kubernetes whose API servers can add identities to pods."""
    settings = rule_input.settings
    version = settings.kubernetes.version
    if settings.cloud and settings.cloud.token_issuer and Version(version) < Version(_MIN_KUBERNETES):
        yield Problem(
            f"{settings.cloud_name}.pod_identities",
            "",
            f"needs Kubernetes {_MIN_KUBERNETES} or later, while kubernetes.version is {version}; upgrade "
            "the cluster first, or remove the section",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,))
def service_accounts_have_one_identity(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a service account in two places, because a pod has one identity."""
    settings = rule_input.settings
    owners: dict[str, str] = {}
    for path, identity in settings.cloud.pod_identity_sections.items() if settings.cloud else ():
        for position, account in enumerate(identity.service_accounts):
            where = f"{settings.cloud_name}.{path}.service_accounts[{position}]"
            if account not in owners:
                owners[account] = path.rpartition(".")[2]
            elif owners[account] == path.rpartition(".")[2]:
                yield Problem(where, f'"{account}"', "named twice; remove one")
            else:
                yield Problem(
                    where,
                    f'"{account}"',
                    f"has the identity {owners[account]}, and a pod has only one; remove one of them",
                )


@rule(needs_valid=(*CLOUD_SECTIONS, "api.service_account_issuer"), needs=("network.domain",))
def pod_identities_use_their_issuer(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that API servers know the issuer of the identities, and that tokens name its keys.

    While the issuer of a running cluster changes, the issuer is `url` or one of `accepted`.
    """
    settings = rule_input.settings
    section = settings.api.service_account_issuer
    issuer = settings.cloud.token_issuer if settings.cloud else None
    if section is None or issuer is None:
        return
    if issuer not in service_account_issuers(settings):
        yield Problem(
            "api.service_account_issuer",
            "",
            f"does not have the issuer of {settings.cloud_name}.pod_identities; set url to {issuer} (in a "
            "running cluster first add it to accepted), or remove the section",
        )
    elif section.url == issuer and section.jwks_uri not in (None, jwks_url(issuer)):
        yield Problem(
            "api.service_account_issuer.jwks_uri",
            "",
            f"not the URL of the keys that {settings.cloud_name}.pod_identities publishes; remove it",
        )
