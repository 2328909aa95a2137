"""Rules about the encryption of objects in etcd [D4]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.options import SECRETS

_PATH = "api.encryption.resources"


@rule(needs=("api.encryption",))
def secrets_are_encrypted(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the encryption of Secrets, because snapshots of etcd would contain them in plain text."""
    stage = rule_input.settings.api.encryption.resources.get(SECRETS)
    if stage is None:
        yield Problem(_PATH, "", f"lacks {SECRETS}, which are always encrypted; add {SECRETS}: done")
    elif stage != "done":
        yield Problem(f"{_PATH}.{SECRETS}", f'"{stage}"', "Secrets are always encrypted; allowed: done")


@rule(needs=("api.encryption",))
def encrypted_resources_do_not_overlap(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a resource that a wildcard contains: an object would have two lists of providers."""
    resources = [name for name in rule_input.settings.api.encryption.resources if name != SECRETS]
    for wildcard in resources:
        contained = [name for name in resources if name != wildcard and _contains(wildcard, name)]
        if contained:
            names = ", ".join(sorted(contained))
            yield Problem(_PATH, f'"{wildcard}"', f"contains {names}; remove {names} or the wildcard")


def _contains(wildcard: str, resource: str) -> bool:
    """Check whether a wildcard contains a resource or another wildcard."""
    name, dot, group = wildcard.partition(".")
    return name == "*" and bool(dot) and group in ("*", resource.partition(".")[2])
