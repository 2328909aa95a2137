"""Which permissions of a role its machines need, by the requests that the emulated AWS recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.cloud.aws.decision_log import Decision
from lab.cloud.aws.policy import is_allowed


def unused_permissions(policy: Mapping[str, Any], decisions: Sequence[Decision]) -> set[tuple[str, str]]:
    """Return the permissions without which a policy would still allow all recorded requests.

    A permission is the name of a statement and one of its actions. `decisions` are those of one role.
    """
    assert refused_requests(policy, decisions) == []
    return {
        permission
        for permission, reduced in _policies_without_one_permission(policy)
        if not refused_requests(reduced, decisions)
    }


def refused_requests(policy: Mapping[str, Any], decisions: Sequence[Decision]) -> list[Decision]:
    """Return the recorded requests that a policy does not allow."""
    document = json.dumps(policy)
    return [
        item for item in decisions if not is_allowed([document], item.action, item.resource, item.context)
    ]


def _policies_without_one_permission(
    policy: Mapping[str, Any],
) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for statement in policy["Statement"]:
        for action in statement["Action"]:
            reduced = {**statement, "Action": [other for other in statement["Action"] if other != action]}
            others = [other for other in policy["Statement"] if other is not statement]
            yield (statement["Sid"], action), {**policy, "Statement": [*others, reduced]}
