"""`repair`: delivers again to a host what was last delivered to it, without asking the engine.

For a host that drifted, or came back empty: for the engine nothing has changed, so `up` would do nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from automation.deliveries import Delivery, load_deliveries
from automation.errors import UserError
from automation.operations.remote import Answer, Remote, side_by_side
from automation.operations.target import Target
from topology.model import Role

_SECONDS = 900


def repair(target: Target, hosts: Sequence[str]) -> int:
    """Delivers every role of these hosts again, role by role. Returns 0 when all succeeded."""
    unknown = sorted(set(hosts) - set(target.hosts))
    if unknown:
        raise UserError(f"{', '.join(unknown)}: not in the stack; its hosts are {', '.join(target.hosts)}")
    wanted = [delivery for delivery in load_deliveries(target.engine) if delivery.host in hosts]
    for role in Role:
        failed = deliver(target.remote, wanted, {role})
        if failed:
            return 1
    return 0


def deliver(remote: Remote, wanted: Sequence[Delivery], roles: Collection[Role]) -> list[Answer]:
    """Delivers these roles, all hosts side by side, and says what came of it. Returns the failures."""
    chosen = {item.host: item for item in wanted if item.role in roles}

    def one(host: str) -> Answer:
        item = chosen[host]
        # The script has its own sudo where the login needs one.
        return remote.run(host, item.script, stdin=item.stdin, timeout=_SECONDS, root=False)

    answers = side_by_side(chosen, one)
    for host, answer in answers.items():
        said = answer.output.strip().splitlines() if answer.ok else [f"failed: {answer.reason}"]
        for line in said:
            print(f"{host}: {line}", flush=True)
    return [answer for answer in answers.values() if not answer.ok]
