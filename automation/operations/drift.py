"""The command `drift` [J3]: compares hosts with the last deliveries that the Pulumi state records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.console import console
from automation.deliveries import Delivery
from automation.operations.delivered import find_deliveries
from automation.operations.remote import PARALLEL, Remote, ScriptResult
from automation.operations.target import Target
from automation.releases.compare import ReleaseComparison, compare_releases
from nodeconfig.drift import Difference, comparison_script, parse_differences

_TIMEOUT_SECONDS = 180

Comparison = Mapping[tuple[str, str], Sequence[Difference] | str]
"""Maps host and role to the differences from the delivery, or to the reason why the comparison failed."""


def drift(target: Target) -> int:
    """Compare every host and every Helm release with the state and print the differences.

    Return 0 when there are no differences.
    """
    comparison = compare_hosts(target.remote, find_deliveries(target))
    console().print(drift_table(comparison))
    releases = compare_releases(target.engine)
    if releases:
        console().print(releases_table(releases))
    return 1 if any(comparison.values()) or any(releases.values()) else 0


def compare_hosts(remote: Remote, deliveries: Sequence[Delivery]) -> Comparison:
    """Compare all hosts in parallel with their deliveries, without changes on the hosts."""

    def compare(delivery: Delivery) -> Sequence[Difference] | str:
        # The script calls sudo itself if the login user is not root.
        result = remote.run(
            delivery.host,
            comparison_script(delivery.script),
            stdin=delivery.stdin,
            timeout=_TIMEOUT_SECONDS,
            root=False,
        )
        return _parse_result(result)

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        results = pool.map(compare, deliveries)
        return {
            (delivery.host, delivery.role.value): result
            for delivery, result in zip(deliveries, results, strict=True)
        }


def drift_table(comparison: Comparison) -> RenderableType:
    """Return a table of the differences."""
    table = Table("host", "role", "object", "difference", title="Drift", title_justify="left")
    for (host, role), result in comparison.items():
        if isinstance(result, str):
            table.add_row(host, role, "", Text(result, style="red"))
            continue
        for difference in result:
            table.add_row(host, role, f"{difference.kind} {difference.subject}", difference.description)
    if not any(comparison.values()):
        hosts = {host for host, _ in comparison}
        return Text(f"no drift: {len(comparison)} roles on {len(hosts)} hosts match their deliveries")
    return Group(
        table,
        Text("`repair` sends the last delivery again; `up` repairs a host only when its delivery changes."),
    )


def releases_table(comparison: ReleaseComparison) -> RenderableType:
    """Return a table of the differences of Helm releases."""
    table = Table("release", "object", "difference", title="Drift of Helm releases", title_justify="left")
    for release, result in comparison.items():
        if isinstance(result, str):
            table.add_row(release, "", Text(result, style="red"))
            continue
        for difference in result:
            table.add_row(release, difference.subject, Text(difference.description))
    if not any(comparison.values()):
        return Text(f"no drift: {len(comparison)} Helm releases are as `up` installed them")
    return Group(
        table, Text('`up` changes a release only when its settings change; see docs/helm.md, "Drift".')
    )


def _parse_result(result: ScriptResult) -> Sequence[Difference] | str:
    """Return the differences that the comparison script reported, or the reason why the script failed."""
    if not result.ok:
        return f"not compared: {result.reason}"
    try:
        return parse_differences(result.output)
    except ValueError as error:
        return f"not compared: {error}"
