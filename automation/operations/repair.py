"""The `repair` command: sends the last deliveries to a host again, without the engine.

The command repairs a host that drifted or is empty. For such a host `up` does nothing, because the engine
sees no change.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from automation.deliveries import Delivery
from automation.errors import UserError
from automation.operations.delivered import find_deliveries
from automation.operations.remote import Remote, ScriptResult, run_in_parallel
from automation.operations.target import Target
from nodeconfig.drift import repair_script
from topology.model import Role

_TIMEOUT_SECONDS = 900


def repair(target: Target, hosts: Sequence[str]) -> int:
    """Send the last delivery of every role to these hosts again, role by role. Return 0 on success."""
    unknown = sorted(set(hosts) - set(target.hosts))
    if unknown:
        raise UserError(
            f"{', '.join(unknown)}: not in the stack file; its hosts are {', '.join(target.hosts)}"
        )
    deliveries = [
        replace(delivery, script=repair_script(delivery.script))
        for delivery in find_deliveries(target)
        if delivery.host in hosts
    ]
    for role in Role:
        failed = deliver(target.remote, deliveries, {role})
        if failed:
            return 1
    return 0


def deliver(remote: Remote, deliveries: Sequence[Delivery], roles: Collection[Role]) -> list[ScriptResult]:
    """Send the deliveries of these roles in parallel and print the output. Return the failures."""
    delivery_of_host = {delivery.host: delivery for delivery in deliveries if delivery.role in roles}

    def deliver_to(host: str) -> ScriptResult:
        delivery = delivery_of_host[host]
        # The script calls sudo itself if the login user is not root.
        return remote.run(host, delivery.script, stdin=delivery.stdin, timeout=_TIMEOUT_SECONDS, root=False)

    results = run_in_parallel(delivery_of_host, deliver_to)
    for host, result in results.items():
        lines = result.output.strip().splitlines() if result.ok else [f"failed: {result.reason}"]
        for line in lines:
            print(f"{host}: {line}", flush=True)
    return [result for result in results.values() if not result.ok]
