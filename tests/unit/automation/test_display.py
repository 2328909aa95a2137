"""Lines of the engine's output lose the repeated command and nothing else."""

from __future__ import annotations

import pytest

from automation.display import readable


def test_the_text_of_a_failed_command_is_left_out() -> None:
    line = 'error: Process exited with status 1: running "# etcd\\numask 077\\ncat >\\"$work\\"":\n'
    assert readable(line) == "error: Process exited with status 1:\n"


@pytest.mark.parametrize(
    "line",
    [
        "    kubewright: w-1: containerd.service is not healthy after 60 s\n",
        ' + command:remote:Command w-1-node creating (3s) "quoted": running\n',
    ],
)
def test_other_lines_stay(line: str) -> None:
    assert readable(line) == line
