"""Tests of reports in Markdown and HTML, and of their pictures and prices."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.report.build import report_from_events
from automation.report.cost import machine_cost
from automation.report.grouping import group_changes
from automation.report.hosts import natural_key
from automation.report.html import html_page
from automation.report.lines import changed_properties, diff_hunks
from automation.report.markdown import render_markdown
from automation.report.model import Operation, Report
from automation.report.picture import boxes_by_group, join_pictures, render_mermaid
from automation.stacks.events import Event, Message, Policy, Step, Summary
from tests.unit.automation.report.make_steps import cluster, host, report, step

TEXT = "".join(f"line {i}\n" for i in range(100))


def changed_delivery(name: str, pool: str = "workers") -> Step:
    return host("update", name, "node", pool, TEXT, TEXT.replace("line 50\n", "line fifty\n"))


def test_a_changed_line_has_two_lines_of_context() -> None:
    (change,) = changed_properties(changed_delivery("w-1"))
    assert [(line.mark, line.text) for line in change.lines] == [
        ("@", ""),
        (" ", "line 48"),
        (" ", "line 49"),
        ("-", "line 50"),
        ("+", "line fifty"),
        (" ", "line 51"),
        (" ", "line 52"),
    ]


def test_a_changed_line_names_the_file_on_the_host() -> None:
    text = "file 0644 root:root /etc/a <<'EOF'\none\ntwo\nEOF\nfile 0600 root:root /etc/b <<'EOF'\nx\nEOF\n"
    (change,) = changed_properties(host("update", "w-1", "node", "workers", text, text.replace("two", "2")))
    assert change.lines[0].text == "/etc/a"
    (change,) = changed_properties(host("update", "w-1", "node", "workers", text, text + "service a\n"))
    assert change.lines[0].text == ""


@pytest.mark.parametrize("statement", ["service a", "required_by a b", "restart_after a b", "label a=b"])
def test_a_statement_is_shown_without_the_script_around_it(statement: str) -> None:
    (change,) = changed_properties(host("update", "w-1", "node", "workers", TEXT, TEXT + f"{statement}\n"))
    assert [(line.mark, line.text) for line in change.lines] == [("@", ""), ("+", statement)]


def test_a_secret_input_is_reported_without_its_value() -> None:
    both = {"stdin": "[secret]", "create": "a"}
    secret_changed = step(
        "update", "command:remote:Command", "x", old=both, new=both, paths={"stdin": "update"}
    )
    (change,) = changed_properties(secret_changed)
    assert (change.path, change.secret, change.lines) == ("stdin", True, ())
    assert changed_properties(step("update", "t", "x", old=both, new=both)) == ()
    (change,) = changed_properties(step("update", "t", "x", old=both, new={**both, "stdin": "[unknown]"}))
    assert change.secret


def test_identical_changes_of_five_hundred_hosts_are_one_group() -> None:
    steps = [changed_delivery(f"w-{i}") for i in range(1, 501)]
    built_report = report_from_events("x", steps)
    (group,) = group_changes(built_report.changes)
    assert group.names[:2] == ("w-1", "w-2")
    text = render_markdown(built_report)
    assert "500 hosts" in text
    assert text.count("line fifty") == 1
    assert "w-1 … w-500" in text


@pytest.mark.parametrize("number", [10, 2000])
def test_a_comment_stays_within_the_limit(number: int) -> None:
    different = [
        host("update", f"w-{i}", "node", "workers", TEXT, TEXT.replace("line 5", f"line of {i}"))
        for i in range(number)
    ]
    long = [Message(severity="error", text=f"error {i} " + "x" * 500) for i in range(300)]
    steps: list[list[Event]] = [[*different], [*different, *long], [*long]]
    for events in steps:
        text = render_markdown(report_from_events("x", events))
        assert len(text) <= 65_536
        assert text.count("```") % 2 == 0, "a fence is left open"
    text = render_markdown(report_from_events("x", different))
    assert ("omitted" in text) == (number == 2000)


def test_foreign_text_cannot_leave_its_fence_or_cell() -> None:
    hostile = "```\n@everyone <script>alert(1)</script>\n# heading\x1b[31m"
    built_report = report_from_events(
        "x",
        [
            *cluster(changed_delivery("w-1")),
            Message(severity="error", text=hostile),
            Message(severity="warning", text=hostile),
            Policy(policy="p/r", level="mandatory", text="a | b\n@everyone <img src=x>"),
        ],
    )
    text = render_markdown(built_report)
    fences = [line for line in text.splitlines() if re.fullmatch(r"\s*`{3,}\w*", line)]
    assert "````" in fences, "a fence that the text itself closes"
    assert "\x1b" not in text
    (row,) = (line for line in text.splitlines() if "p/r" in line)
    assert "@everyone" not in row
    assert "<img" not in row.replace("\\<img", "")
    html = html_page([built_report])
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("unseen", ["\u202e", "\u2066", "\u200b", "\x9b", "\r", "\ud800"])
def test_invisible_characters_are_shown_as_codes(unseen: str) -> None:
    """A character that changes the direction of writing would show another line to the reviewer."""
    built_report = report(host("update", "w-1", "node", "workers", "a\n", f"allow{unseen} deny\n"))
    built_report = replace(built_report, errors=(f"wrong{unseen}",))
    for text in (render_markdown(built_report), html_page([built_report])):
        assert unseen not in text
        text.encode()
    if unseen != "\r":  # a carriage return ends a line
        assert f"allow\\u{ord(unseen):04x} deny" in render_markdown(built_report)


def test_a_very_long_line_is_truncated() -> None:
    text = render_markdown(report_from_events("x", [], errors=["wrong: " + "y" * 70_000, "another"]))
    assert len(text) < 65_536
    assert "wrong: yyy" in text
    assert "another" in text
    assert text.count("```") == 2


def test_a_report_with_only_errors() -> None:
    text = render_markdown(Report(stack="x", errors=("kubewright:cluster.a: wrong",)))
    assert text == "### Stack `x`: ❌ preview failed\n\n**Errors**\n\n```\nkubewright:cluster.a: wrong\n```\n"


def test_the_first_line_reports_a_mandatory_violation() -> None:
    built_report = report_from_events(
        "x", [*cluster(changed_delivery("w-1")), Policy(policy="p/r", level="mandatory", text="no")]
    )
    assert "⛔ stopped by a policy" in render_markdown(built_report).splitlines()[0]
    advice = replace(built_report, violations=(replace(built_report.violations[0], mandatory=False),))
    assert "stopped" not in render_markdown(advice)


def test_the_picture_marks_created_changed_and_deleted_hosts() -> None:
    built_report = report(
        host("create", "w-4", "node", "workers"),
        host("delete", "w-3", "node", "workers"),
        changed_delivery("w-1"),
    )
    assert [each.name for each in built_report.before.hosts] == ["cp-1", "cp-2", "cp-3", "w-1", "w-2", "w-3"]
    assert [each.name for each in built_report.after.hosts] == ["cp-1", "cp-2", "cp-3", "w-1", "w-2", "w-4"]
    drawn = {
        box.text: box.state
        for box in boxes_by_group(join_pictures(built_report.before, built_report.after))["pool workers"]
    }
    assert drawn == {
        "w-1": Operation.CHANGE,
        "w-2": Operation.SAME,
        "w-3": Operation.DELETE,
        "w-4": Operation.CREATE,
    }
    text = render_mermaid(join_pictures(built_report.before, built_report.after))
    assert '["+ w-4"]:::create' in text
    assert '["- w-3"]:::delete' in text


def test_a_host_with_an_additional_role_is_changed() -> None:
    built_report = report_from_events(
        "x", [host("same", "cp-1", "etcd"), host("create", "cp-1", "control-plane")]
    )
    (before,), (after,) = built_report.before.hosts, built_report.after.hosts
    assert before.roles == ("etcd",)
    assert after.roles == ("etcd", "control-plane")
    assert after.state is Operation.CHANGE


def test_hosts_are_sorted_by_number() -> None:
    assert sorted(["w-10", "w-2", "a", "w-1"], key=natural_key) == ["a", "w-1", "w-2", "w-10"]


def test_the_general_advice_of_the_engine_is_omitted() -> None:
    advice = "The provider for this resource has inputs that are not known during preview.\nMore."
    messages = [Message(severity="warning", text=advice), Message(severity="warning", text="w-1: too small")]
    assert report_from_events("x", messages).warnings == ("w-1: too small",)
    assert report_from_events("x", [Summary(changes={"same": 7})]).unchanged == 7


GROUP = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"


def group_inputs(size: int) -> dict[str, object]:
    overrides = [{"instanceType": "m6i.large"}]
    return {"minSize": size, "mixedInstancesPolicy": {"launchTemplate": {"overrides": overrides}}}


def test_the_cost_of_machines_before_and_after() -> None:
    prices = {"aws": {"m6i.large": 0.1, "t3.large": 0.08}, "azure-native": {"Standard_D4s_v5": 0.2}}
    steps = [
        step(
            "update",
            GROUP,
            "general",
            "general",
            old=group_inputs(3),
            new=group_inputs(5),
        ),
        step("same", GROUP, "cp-1-group", "etcd", old={"minSize": 1}, new={"minSize": 1}),
        step(
            "same",
            TEMPLATE,
            "cp-1",
            "etcd",
            old={"instanceType": "t3.large"},
            new={"instanceType": "t3.large"},
        ),
        step("delete", SCALE_SET, "old", "old", old={"sku": {"name": "Standard_D4s_v5", "capacity": 2}}),
        step("create", "aws:ec2/instance:Instance", "x", "x", new={"instanceType": "x9.huge"}),
    ]
    cost = machine_cost(steps, prices)
    assert cost is not None
    assert cost.before == pytest.approx(0.3 + 0.08 + 0.4)
    assert cost.after == pytest.approx(0.5 + 0.08)
    assert cost.unknown == ("x9.huge",)
    assert machine_cost(cluster(changed_delivery("w-1")), prices) is None
    assert machine_cost(steps, {}) is None
    built_report = report_from_events("x", steps, prices=prices)
    assert "0.78 → 0.58 per hour (-0.20)" in render_markdown(built_report)
    assert "0.78 → 0.58 per hour" in html_page([built_report])


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_a_difference_consists_of_lines_of_both_texts(old: list[str], new: list[str]) -> None:
    lines = [line for hunk in diff_hunks(old, new) for line in hunk.lines]
    removed = [line.text for line in lines if line.mark == "-"]
    added = [line.text for line in lines if line.mark == "+"]
    assert len(new) - len(old) == len(added) - len(removed)
    assert (lines == []) == (old == new)
    # All removed and unchanged lines are in the old text, in its order; the same for the new text.
    for marks, text in (("- ", old), ("+ ", new)):
        rest = iter(text)
        assert all(any(line.text == each for each in rest) for line in lines if line.mark in marks)
