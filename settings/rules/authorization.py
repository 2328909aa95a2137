"""Rules about webhooks for authorization [D4]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.types import parse_seconds

_BUILT_IN = ("node", "rbac")


@rule(needs=("api",), needs_valid=("api.authorization_webhooks",))
def webhooks_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require what API servers require, and conditions for webhooks whose failure would stop the cluster."""
    for name, webhook in rule_input.settings.api.authorization_webhooks.items():
        path = f"api.authorization_webhooks.{name}"
        if name in _BUILT_IN:
            yield Problem(path, "", "an authorizer of Kubernetes has this name; choose another name")
        if webhook.can_deny and webhook.failure_policy == "Deny" and not webhook.match_conditions:
            yield Problem(
                f"{path}.match_conditions",
                "",
                "missing; a failure of the webhook would deny the requests of nodes; add "
                "conditions such as \"!('system:nodes' in request.groups)\", or failure_policy: NoOpinion",
            )
        for key in ("authorized_ttl", "unauthorized_ttl"):
            value: str = getattr(webhook, key)
            if parse_seconds(value) == 0:
                yield Problem(f"{path}.{key}", f'"{value}"', "must be longer than 0s")
        for position, condition in enumerate(webhook.match_conditions):
            if condition in webhook.match_conditions[:position]:
                yield Problem(f"{path}.match_conditions[{position}]", "", "named twice; remove one")
