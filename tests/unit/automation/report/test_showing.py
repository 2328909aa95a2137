"""Markdown, pages, pictures, prices: what stands there, and what never may."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.report.build import of_events
from automation.report.cost import cost
from automation.report.grouping import groups
from automation.report.hosts import natural
from automation.report.html import page
from automation.report.lines import difference, properties
from automation.report.markdown import markdown
from automation.report.model import Operation, Report
from automation.report.picture import boxes, joined, mermaid
from automation.stacks.events import Event, Message, Policy, Step, Summary
from tests.unit.automation.report.steps import cluster, host, report, step

TEXT = "".join(f"line {i}\n" for i in range(100))


def changed(name: str, pool: str = "workers") -> Step:
    return host("update", name, "node", pool, TEXT, TEXT.replace("line 50\n", "line fifty\n"))


def test_one_changed_line_is_one_line_with_two_around_it() -> None:
    (found,) = properties(changed("w-1"))
    assert [(line.mark, line.text) for line in found.lines] == [
        ("@", ""),
        (" ", "line 48"),
        (" ", "line 49"),
        ("-", "line 50"),
        ("+", "line fifty"),
        (" ", "line 51"),
        (" ", "line 52"),
    ]


def test_the_file_on_the_host_is_named() -> None:
    text = "file 0644 root:root /etc/a <<'EOF'\none\ntwo\nEOF\nfile 0600 root:root /etc/b <<'EOF'\nx\nEOF\n"
    (found,) = properties(host("update", "w-1", "node", "workers", text, text.replace("two", "2")))
    assert found.lines[0].text == "/etc/a"
    (found,) = properties(host("update", "w-1", "node", "workers", text, text + "service a\n"))
    assert found.lines[0].text == ""


def test_secrets_are_only_said_to_change() -> None:
    both = {"stdin": "[secret]", "create": "a"}
    told = step("update", "command:remote:Command", "x", old=both, new=both, paths={"stdin": "update"})
    (found,) = properties(told)
    assert (found.path, found.secret, found.lines) == ("stdin", True, ())
    assert properties(step("update", "t", "x", old=both, new=both)) == ()
    (found,) = properties(step("update", "t", "x", old=both, new={**both, "stdin": "[unknown]"}))
    assert found.secret


def test_five_hundred_hosts_alike_are_one_group() -> None:
    several = [changed(f"w-{i}") for i in range(1, 501)]
    found = of_events("x", several)
    (group,) = groups(found.changes)
    assert group.names[:2] == ("w-1", "w-2")
    text = markdown(found)
    assert "500 hosts" in text
    assert text.count("line fifty") == 1
    assert "w-1 … w-500" in text


@pytest.mark.parametrize("number", [10, 2000])
def test_a_comment_is_never_too_long(number: int) -> None:
    different = [
        host("update", f"w-{i}", "node", "workers", TEXT, TEXT.replace("line 5", f"line of {i}"))
        for i in range(number)
    ]
    long = [Message(severity="error", text=f"error {i} " + "x" * 500) for i in range(300)]
    several: list[list[Event]] = [[*different], [*different, *long], [*long]]
    for events in several:
        text = markdown(of_events("x", events))
        assert len(text) <= 65_536
        assert text.count("```") % 2 == 0, "a fence is left open"
    text = markdown(of_events("x", different))
    assert ("left out" in text) == (number == 2000)


def test_what_is_said_cannot_leave_its_place() -> None:
    nasty = "```\n@everyone <script>alert(1)</script>\n# heading\x1b[31m"
    seen = of_events(
        "x",
        [
            *cluster(changed("w-1")),
            Message(severity="error", text=nasty),
            Message(severity="warning", text=nasty),
            Policy(policy="p/r", level="mandatory", text="a | b\n@everyone <img src=x>"),
        ],
    )
    text = markdown(seen)
    fences = [line for line in text.splitlines() if re.fullmatch(r"\s*`{3,}\w*", line)]
    assert "````" in fences, "a fence that the text itself closes"
    assert "\x1b" not in text
    (row,) = (line for line in text.splitlines() if "p/r" in line)
    assert "@everyone" not in row
    assert "<img" not in row.replace("\\<img", "")
    html = page([seen])
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("unseen", ["\u202e", "\u2066", "\u200b", "\x9b", "\r", "\ud800"])
def test_what_is_not_seen_is_shown(unseen: str) -> None:
    """A mark that turns the direction of writing makes a reviewer read another line."""
    seen = report(host("update", "w-1", "node", "workers", "a\n", f"allow{unseen} deny\n"))
    seen = replace(seen, errors=(f"wrong{unseen}",))
    for text in (markdown(seen), page([seen])):
        assert unseen not in text
        text.encode()
    if unseen != "\r":  # it ends a line
        assert f"allow\\u{ord(unseen):04x} deny" in markdown(seen)


def test_a_very_long_line_leaves_the_comment_its_beginning() -> None:
    text = markdown(of_events("x", [], errors=["wrong: " + "y" * 70_000, "another"]))
    assert len(text) < 65_536
    assert "wrong: yyy" in text
    assert "another" in text
    assert text.count("```") == 2


def test_a_report_of_errors_alone() -> None:
    text = markdown(Report(stack="x", errors=("kubewright:cluster.a: wrong",)))
    assert (
        text
        == "### Stack `x`: ❌ cannot be previewed\n\n**Errors**\n\n```\nkubewright:cluster.a: wrong\n```\n"
    )


def test_broken_policies_stop_in_the_first_line() -> None:
    seen = of_events("x", [*cluster(changed("w-1")), Policy(policy="p/r", level="mandatory", text="no")])
    assert "⛔ stopped by a policy" in markdown(seen).splitlines()[0]
    advice = replace(seen, violations=(replace(seen.violations[0], mandatory=False),))
    assert "stopped" not in markdown(advice)


def test_the_picture_marks_what_comes_changes_and_goes() -> None:
    seen = report(
        host("create", "w-4", "node", "workers"), host("delete", "w-3", "node", "workers"), changed("w-1")
    )
    assert [each.name for each in seen.before.hosts] == ["cp-1", "cp-2", "cp-3", "w-1", "w-2", "w-3"]
    assert [each.name for each in seen.after.hosts] == ["cp-1", "cp-2", "cp-3", "w-1", "w-2", "w-4"]
    drawn = {box.text: box.state for box in boxes(joined(seen.before, seen.after))["pool workers"]}
    assert drawn == {
        "w-1": Operation.CHANGE,
        "w-2": Operation.SAME,
        "w-3": Operation.DELETE,
        "w-4": Operation.CREATE,
    }
    text = mermaid(joined(seen.before, seen.after))
    assert '["+ w-4"]:::create' in text
    assert '["- w-3"]:::delete' in text


def test_a_host_that_gets_a_role_more_is_changed() -> None:
    seen = of_events("x", [host("same", "cp-1", "etcd"), host("create", "cp-1", "control-plane")])
    (before,), (after,) = seen.before.hosts, seen.after.hosts
    assert before.roles == ("etcd",)
    assert after.roles == ("etcd", "control-plane")
    assert after.state is Operation.CHANGE


def test_hosts_are_in_the_order_of_people() -> None:
    assert sorted(["w-10", "w-2", "a", "w-1"], key=natural) == ["a", "w-1", "w-2", "w-10"]


def test_the_engines_general_advice_is_left_out() -> None:
    advice = "The provider for this resource has inputs that are not known during preview.\nMore."
    said = [Message(severity="warning", text=advice), Message(severity="warning", text="w-1: too small")]
    assert of_events("x", said).warnings == ("w-1: too small",)
    assert of_events("x", [Summary(changes={"same": 7})]).unchanged == 7


GROUP = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SET = "azure-native:compute:VirtualMachineScaleSet"


def group(size: int) -> dict[str, object]:
    overrides = [{"instanceType": "m6i.large"}]
    return {"minSize": size, "mixedInstancesPolicy": {"launchTemplate": {"overrides": overrides}}}


def test_what_machines_cost() -> None:
    prices = {"aws": {"m6i.large": 0.1, "t3.large": 0.08}, "azure-native": {"Standard_D4s_v5": 0.2}}
    steps = [
        step(
            "update",
            GROUP,
            "general",
            "general",
            old=group(3),
            new=group(5),
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
        step("delete", SET, "old", "old", old={"sku": {"name": "Standard_D4s_v5", "capacity": 2}}),
        step("create", "aws:ec2/instance:Instance", "x", "x", new={"instanceType": "x9.huge"}),
    ]
    found = cost(steps, prices)
    assert found is not None
    assert found.before == pytest.approx(0.3 + 0.08 + 0.4)
    assert found.after == pytest.approx(0.5 + 0.08)
    assert found.unknown == ("x9.huge",)
    assert cost(cluster(changed("w-1")), prices) is None
    assert cost(steps, {}) is None
    seen = of_events("x", steps, prices=prices)
    assert "0.78 → 0.58 per hour (-0.20)" in markdown(seen)
    assert "0.78 → 0.58 per hour" in page([seen])


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_differences_are_of_the_old_and_the_new(old: list[str], new: list[str]) -> None:
    found = list(difference(old, new))
    gone = [line.text for line in found if line.mark == "-"]
    come = [line.text for line in found if line.mark == "+"]
    assert len(new) - len(old) == len(come) - len(gone)
    assert (found == []) == (old == new)
    # All that is shown of the old, in order, is in the old; so of the new.
    for shown, whole in (("- ", old), ("+ ", new)):
        rest = iter(whole)
        assert all(any(line.text == each for each in rest) for line in found if line.mark in shown)
