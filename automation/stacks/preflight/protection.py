"""Checks before `destroy` that the stack has no protected resources.

`pulumi destroy` detects protected resources in its preview, but the driver skips this preview. The engine
deletes resources in the reverse order of their dependencies, so without this check the run would fail at the
protected authorities after all hosts were reset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automation.engine.program import Engine
from automation.engine.state import export_encrypted, resources_of
from automation.errors import UserError
from formats.lists import shorten_list


def check(engine: Engine) -> None:
    """Raise `UserError` when the state of the stack has protected resources."""
    names = protected_resources(export_encrypted(engine))
    if not names:
        return
    stack = engine.workspace.stack
    raise UserError(
        f"stack {stack}: resources are protected from deletion: {shorten_list(names)}; nothing was deleted; "
        "to delete the cluster with its data and authorities, first run "
        f"`./kubewright pulumi --stack {stack} -- state unprotect --all --yes`"
    )


def protected_resources(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the protected resources in an exported state."""
    return [
        str(resource["urn"]).rpartition("::")[2]
        for resource in resources_of(state)
        if resource.get("protect")
    ]
