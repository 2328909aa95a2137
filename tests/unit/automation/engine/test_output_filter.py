"""Tests that the output filter removes only repeated commands and redundant stack traces."""

from __future__ import annotations

import pytest

from automation.engine.output_filter import filter_lines

TRACE = [
    "    error: Program failed with an unhandled exception:\n",
    "    Traceback (most recent call last):\n",
    '      File "x.py", line 1, in <module>\n',
]


def _filtered_lines(*lines: str) -> list[str]:
    return list(filter_lines(lines))


def test_text_of_a_failed_command_is_removed() -> None:
    line = 'error: Process exited with status 1: running "# etcd\\numask 077\\ncat >\\"$work\\"":\n'
    assert _filtered_lines(line) == ["error: Process exited with status 1:\n"]


@pytest.mark.parametrize(
    "line",
    [
        "    kubewright: w-1: containerd.service is not healthy after 60 s\n",
        ' + command:remote:Command w-1-node creating (3s) "quoted": running\n',
    ],
)
def test_other_lines_are_unchanged(line: str) -> None:
    assert _filtered_lines(line) == [line]


def test_trace_that_only_reports_a_failed_resource_is_removed() -> None:
    message = "    pulumi.runtime.stack.ResourceRegistrationFailed: resource cp-1-etcd failed to register\n"
    assert _filtered_lines("before\n", *TRACE, message, "after\n") == ["before\n", "after\n"]


def test_progress_line_of_a_trace_withholds_nothing() -> None:
    announced = (
        "    pulumi:pulumi:Stack kubewright-dev running error: Program failed with an unhandled exception:\n"
    )
    errors = ["Diagnostics:\n", "    error: ssh to root@10.89.0.21:22: no route to host\n"]
    assert _filtered_lines(announced, *errors) == errors


def test_other_traces_are_shown_completely() -> None:
    assert _filtered_lines(*TRACE, "    KeyError: 'x'\n") == [*TRACE, "    KeyError: 'x'\n"]
    assert _filtered_lines(*TRACE, *["line\n"] * 200) == [*TRACE, *["line\n"] * 200]
