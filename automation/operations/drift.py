"""`drift` [J3]: what on the hosts no longer is what the state says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.console import console
from automation.deliveries import Delivery, load_deliveries
from automation.operations.remote import PARALLEL, Answer, Remote
from automation.operations.target import Target
from nodeconfig.drift import Difference, comparing, differences

_SECONDS = 180

Found = Mapping[tuple[str, str], Sequence[Difference] | str]
"""By host and role: the differences, or why there could be no comparison."""


def drift(target: Target) -> int:
    """Compares every host with the state and prints what differs. Returns 0 when nothing does."""
    found = compare(target.remote, load_deliveries(target.engine))
    console().print(table(found))
    return 1 if any(found.values()) else 0


def compare(remote: Remote, wanted: Sequence[Delivery]) -> Found:
    """Asks all hosts side by side; nothing is changed on them."""

    def one(delivery: Delivery) -> Sequence[Difference] | str:
        # The script has its own sudo where the login needs one.
        answer = remote.run(
            delivery.host, comparing(delivery.script), stdin=delivery.stdin, timeout=_SECONDS, root=False
        )
        return _judged(answer)

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        results = pool.map(one, wanted)
        return {(item.host, item.role.value): result for item, result in zip(wanted, results, strict=True)}


def table(found: Found) -> RenderableType:
    """The differences as people read them."""
    grid = Table("host", "role", "what", "difference", title="Drift", title_justify="left")
    for (host, role), result in found.items():
        if isinstance(result, str):
            grid.add_row(host, role, "", Text(result, style="red"))
            continue
        for item in result:
            grid.add_row(host, role, f"{item.kind} {item.what}", item.how)
    if not any(found.values()):
        return Text(
            f"no drift: {len(found)} roles on {len({host for host, _ in found})} hosts are as delivered"
        )
    return Group(
        grid, Text("`up` repairs a host whose delivery changes; `repair` delivers again what was delivered.")
    )


def _judged(answer: Answer) -> Sequence[Difference] | str:
    if not answer.ok:
        return f"not compared: {answer.reason}"
    try:
        return differences(answer.output)
    except ValueError as error:
        return f"not compared: {error}"
