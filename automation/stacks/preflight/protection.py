"""Check that no resource is protected before the whole cluster is deleted.

`pulumi destroy` finds protected resources in its preview, which the driver skips. The update then deletes
resources in the order of their dependencies, and would reach the protected authorities only after all hosts
were reset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from automation.engine.program import Engine
from automation.errors import UserError

_MAX_SHOWN = 5
"""Maximum number of resources in the error message."""


def check(engine: Engine) -> None:
    """Raise `UserError` when the state of the stack has protected resources."""
    names = protected_resources(json.loads(engine.capture("stack export")))
    if not names:
        return
    stack = engine.workspace.stack
    shown = ", ".join(names[:_MAX_SHOWN]) + (
        f" and {len(names) - _MAX_SHOWN} more" if len(names) > _MAX_SHOWN else ""
    )
    raise UserError(
        f"stack {stack}: protected from deletion: {shown}; nothing was deleted. To delete the cluster with "
        "its data and authorities, first run "
        f"`./kubewright pulumi --stack {stack} -- state unprotect --all --yes`"
    )


def protected_resources(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the protected resources in an exported state."""
    resources = (state.get("deployment") or {}).get("resources") or []
    return [str(resource["urn"]).rpartition("::")[2] for resource in resources if resource.get("protect")]
