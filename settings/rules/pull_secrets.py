"""Rules about credentials of image registries for the pods of chosen namespaces [F4]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import Settings
from settings.problem import Problem, suggestion
from settings.rules.base import BUILT_IN_NAMESPACES, RuleInput, rule

DEFAULT_ACCOUNT = "default"
_SECTION = "pull_secrets"


@rule(needs=("access.namespaces",), needs_valid=(_SECTION,))
def pull_secrets_are_in_known_namespaces(rule_input: RuleInput) -> Iterator[Problem]:
    """Require namespaces that exist before pods of users do."""
    settings = rule_input.settings
    known = (*settings.access.namespaces, *BUILT_IN_NAMESPACES)
    for name, section in settings.pull_secrets.items():
        for position, namespace in enumerate(section.namespaces):
            path = f"{_SECTION}.{name}.namespaces[{position}]"
            if namespace in section.namespaces[:position]:
                yield Problem(path, f'"{namespace}"', "named twice; remove one")
            elif namespace not in known:
                hint = suggestion(namespace, known, "add it there")
                yield Problem(path, f'"{namespace}"', f"access.namespaces has no such namespace; {hint}")


@rule(needs=("access",), needs_valid=(_SECTION,))
def pull_secrets_are_of_known_accounts(rule_input: RuleInput) -> Iterator[Problem]:
    """Require service accounts that exist before pods of users do, in each of the namespaces."""
    settings = rule_input.settings
    for name, section in settings.pull_secrets.items():
        for position, account in enumerate(section.service_accounts):
            path = f"{_SECTION}.{name}.service_accounts[{position}]"
            if account in section.service_accounts[:position]:
                yield Problem(path, f'"{account}"', "named twice; remove one")
                continue
            missing = [item for item in section.namespaces if not _has_account(settings, item, account)]
            if missing:
                yield Problem(
                    path,
                    f'"{account}"',
                    f"access.service_accounts has no such account in {missing[0]}; add it, or use default",
                )


def _has_account(settings: Settings, namespace: str, account: str) -> bool:
    if account == DEFAULT_ACCOUNT:
        return True
    owned = settings.access.service_accounts.get(account)
    return owned is not None and owned.namespace == namespace


@rule(needs_valid=(_SECTION,))
def accounts_have_one_login_per_registry(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse two logins of a registry for the same pods: the kubelet would try both."""
    owners: dict[tuple[str, str, str], str] = {}
    for name, section in rule_input.settings.pull_secrets.items():
        users = [
            (section.registry, namespace, account)
            for namespace in section.namespaces
            for account in section.service_accounts
        ]
        other = next((owners[user] for user in users if user in owners), "")
        if other:
            yield Problem(
                f"{_SECTION}.{name}.registry",
                f'"{section.registry}"',
                f"{other} has a login of this registry for the same service account; remove one of them",
            )
        owners |= {user: name for user in users if user not in owners}
