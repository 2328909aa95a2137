"""The `encryption` command [D4]: shows the keys of objects in etcd, and writes objects again with the current
key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.table import Table

from automation.console import console
from automation.environment import Environment
from automation.errors import UserError
from automation.operations import encrypted_objects, rewrite
from automation.operations.api_client import ApiClient, ApiError
from automation.operations.encrypted_objects import ObjectCount, provider_text
from automation.operations.target import Target
from topology.encryption import PLAIN_PREFIX, ResourceEncryption, resource_encryptions

_HINT = "run `up` if the stack file changed, then `kubewright encryption rewrite`"


def show(target: Target) -> int:
    """Print how the objects in etcd are encrypted. Return 1 when objects are outdated or unreadable."""
    _require_hosts(target)
    encryptions = _encryptions(target)
    counts = encrypted_objects.count_objects(target.remote, target.topology)
    console().print(object_table(counts, encryptions))
    return _print_outdated(counts, encryptions)


def rewrite_objects(target: Target) -> int:
    """Write all objects of encrypted resources again, and print how many remain outdated.

    Return 1 when an object could not be written or remains outdated. Raise UserError when the API does not
    answer. A second run writes only the objects that are still outdated.
    """
    encryptions = _encryptions(target)
    try:
        result = rewrite.rewrite(
            _client(target.environment, target.stack), [item.resource for item in encryptions], print
        )
    except ApiError as error:
        raise UserError(f"stack {target.stack}: {error}; run the command again to continue") from None
    print(f"{result.written} objects written, {result.current} objects were up to date")
    if result.failures:
        print(f"{len(result.failures)} objects could not be written; run the command again")
    if target.settings.metal is None:
        print("the objects in etcd were not counted: machines of a cloud have no SSH access")
        return 1 if result.failures else 0
    counts = encrypted_objects.count_objects(target.remote, target.topology)
    return max(_print_outdated(counts, encryptions), 1 if result.failures else 0)


def object_table(counts: Sequence[ObjectCount], encryptions: Sequence[ResourceEncryption]) -> Table:
    """Return a table of the encrypted objects, and of objects that should be encrypted."""
    old, lost = (
        check(counts, encryptions) for check in (encrypted_objects.outdated, encrypted_objects.unreadable)
    )
    table = Table("resource", "encrypted with", "objects", "state", title="Objects in etcd")
    table.title_justify = "left"
    for count in counts:
        if count.prefix == PLAIN_PREFIX and count not in old:
            continue
        state = "unreadable" if count in lost else "outdated" if count in old else "current"
        style = {"unreadable": "red", "outdated": "yellow"}.get(state, "")
        table.add_row(count.resource, provider_text(count.prefix), str(count.objects), state, style=style)
    return table


def _print_outdated(counts: Sequence[ObjectCount], encryptions: Sequence[ResourceEncryption]) -> int:
    """Print a line about outdated objects. Return 1 if there are any."""
    old = encrypted_objects.outdated(counts, encryptions)
    if not old:
        print("all objects are encrypted as the stack file describes")
        return 0
    print(f"outdated: {encrypted_objects.describe_counts(old)}; {_HINT}")
    return 1


def _encryptions(target: Target) -> tuple[ResourceEncryption, ...]:
    return resource_encryptions(target.topology.encryption, target.topology.certificates)


def _require_hosts(target: Target) -> None:
    if target.settings.metal is None:
        raise UserError(
            f"stack {target.stack}: objects in etcd are counted over SSH, which machines of a cloud do not "
            "have; `kubewright encryption rewrite` works in clouds too"
        )


def _client(environment: Environment, stack: str) -> ApiClient:
    file = environment.kubeconfig(stack)
    if not file.exists():
        raise UserError(f"stack {stack}: no kubeconfig on this machine yet; run `up` first")
    return ApiClient(json.loads(file.read_text()))
