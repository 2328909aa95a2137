"""Tests of reports on a terminal."""

from __future__ import annotations

import pytest

from automation.report.build import report_from_events
from automation.report.grouping import compress_names
from automation.report.model import Report
from automation.report.terminal import terminal_text
from automation.stacks.events import Event, Message, Policy, Step, Summary
from testkit.clouds import cloud
from tests.unit.automation.report.make_steps import COMMAND, cluster, host, report, step

KUBELET = "file 0644 root:root /etc/kubernetes/kubelet.json <<'EOF'\n{\n  \"maxPods\": 110\n}\nEOF\n"
SCRIPT = "file 0755 root:root /usr/local/lib/prepare <<'EOF'\nset -eu\nold\nEOF\n"


def changed_pool(size: int) -> list[Step]:
    """Return the steps that change one kubelet setting on every worker of a pool."""
    new = KUBELET.replace("110", "90")
    return [host("update", f"w-{number}", "node", "workers", KUBELET, new) for number in range(1, size + 1)]


def text_of(report: Report, *, width: int = 100, applied: bool = False) -> str:
    return terminal_text(report, width=width, applied=applied)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_one_setting_on_a_thousand_hosts_prints_under_sixty_lines(width: int) -> None:
    text = text_of(report(*changed_pool(999), workers=999), width=width)
    lines = text.splitlines()
    assert len(lines) < 60
    assert all(len(line) <= width for line in lines)
    assert text.count('"maxPods": 90') == 1
    assert "w-1 … w-999 (999 hosts)" in " ".join(text.split())


def test_the_report_of_one_setting() -> None:
    events: list[Event] = [*cluster(*changed_pool(2), workers=2), Summary(changes={"same": 102, "update": 2})]
    assert text_of(report_from_events("dev", events)) == (
        "\nStack dev: 2 changes, low risk\n"
        "\n"
        "risk  this change                                              where\n"
        "low   changes every node of a pool, max_unavailable at a time  workers: 2 nodes\n"
        "\n"
        "cluster-pool-workers\n"
        "~ change (node): w-1, w-2 (2 hosts)\n"
        "    /etc/kubernetes/kubelet.json\n"
        "      {\n"
        '    -   "maxPods": 110\n'
        '    +   "maxPods": 90\n'
        "      }\n"
        "\n"
        "Resources: 2 change, 102 unchanged\n"
    )


def test_data_comes_before_scripts() -> None:
    old = f"begin node\nversion kubernetes 1.36.1\n{SCRIPT}{KUBELET}"
    new = old.replace("1.36.1", "1.36.3").replace("\nold\n", "\nnew\n").replace("110", "90")
    lines = [
        line.strip()
        for line in text_of(report(host("update", "w-1", "node", "workers", old, new))).splitlines()
    ]
    places = [lines.index(line) for line in ("+ version kubernetes 1.36.3", '+   "maxPods": 90', "+ new")]
    assert places == sorted(places)


def test_labels_and_taints_are_lines_of_data_without_shell() -> None:
    shell = "pool() {\n    cat <<'EOF'\n{}EOF\n}\nset -eu\n"
    old, new = (
        {"create": shell.replace("{}", data)}
        for data in ("node w-1\n", "node w-1\nlabel tier=web\ntaint a=b:NoSchedule\n")
    )
    labels = step("update", COMMAND, "cluster-pool-workers-labels", "workers", old=old, new=new)
    text = text_of(report(labels))
    changed = text[text.index("labels\n") : text.index("Resources")].splitlines()[1:]
    assert [line.strip() for line in changed if line] == [
        "node w-1",
        "+ label tier=web",
        "+ taint a=b:NoSchedule",
    ]


def test_each_different_change_is_printed_once() -> None:
    steps = [
        host("update", f"w-{number}", "node", "workers", "a\n", f"{'b' if number % 2 else 'c'}\n")
        for number in range(1, 7)
    ]
    text = text_of(report(*steps, workers=6))
    assert text.count("+ b") == text.count("+ c") == 1
    assert "w-1, w-3, w-5 (3 hosts)" in text


def test_many_different_changes_of_a_component_are_counted() -> None:
    steps = [
        host("update", f"w-{number}", "node", "workers", "a\n", f"{number}\n") for number in range(1, 101)
    ]
    text = text_of(report(*steps, workers=100))
    assert "… 88 more different changes: w-13 … w-100" in text
    assert len(text.splitlines()) < 60


def test_changes_without_a_changed_input_are_counted() -> None:
    text = text_of(report(step("update", "kubernetes:apps/v1:Deployment", "coredns")))
    assert "1 resource applied again" in text
    assert "coredns" not in text


@pytest.mark.parametrize(
    ("events", "applied", "verdict"),
    [
        ([], False, "no changes"),
        (changed_pool(1), False, "1 change, no known risk"),
        (changed_pool(1), True, "1 change made, no known risk"),
        ([Message(severity="error", text="no route to w-1")], True, "failed"),
        ([Policy(policy="p", level="mandatory", text="no")], False, "stopped by a policy"),
    ],
)
def test_the_first_line_is_the_verdict(events: list[Event], applied: bool, verdict: str) -> None:
    text = text_of(report_from_events("dev", events), applied=applied)
    assert text.splitlines()[1] == f"Stack dev: {verdict}"


def test_messages_are_printed_and_control_characters_are_not_obeyed() -> None:
    events: list[Event] = [
        Message(severity="error", text="first\nsecond\x1b[31m"),
        Message(severity="warning", text="[bold]w-1[/bold]: too small"),
        Policy(policy="kubewright/tagged", level="advisory", text="tags: missing", urn="urn::x::vpc"),
    ]
    text = text_of(report_from_events("dev", events))
    assert "\x1b" not in text
    for line in ("  first", "  second\\u001b[31m", "  [bold]w-1[/bold]: too small"):
        assert line in text.splitlines()
    assert "advisory" in text
    assert "kubewright/tagged" in text


def test_colors_are_printed_only_on_request() -> None:
    built_report = report(*changed_pool(1))
    assert "\x1b[" in terminal_text(built_report, width=80, color=True)
    assert "\x1b[" not in terminal_text(built_report, width=80)


def test_a_new_cluster_is_grouped_by_component() -> None:
    topology = cloud()
    steps = [host("create", f"w-{number}", "node", "workers") for number in range(1, 100)]
    text = text_of(report_from_events("dev", steps, topology))
    assert "+ create (node): w-1 … w-99 (99 hosts)" in text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["w-1", "w-2", "w-3", "cp-1"], "w-1 … w-3, cp-1"),
        (["w-1", "w-2"], "w-1, w-2"),
        (["w-1", "w-3", "x-4"], "w-1, w-3, x-4"),
        ([f"h-{number}-a" for number in range(10)], ", ".join(f"h-{n}-a" for n in range(8)) + " and 2 more"),
    ],
)
def test_consecutive_names_are_a_range(names: list[str], text: str) -> None:
    assert compress_names(names) == text
