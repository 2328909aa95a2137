"""Tests of the command for ginkgo, of the reading of its output, and of the line that shows progress."""

from __future__ import annotations

import re
import signal
import threading
import time
from pathlib import Path

import pytest

from automation.conformance.ginkgo import (
    OUTPUT,
    GinkgoProcess,
    OutputReader,
    Programs,
    Tally,
    command,
    focus_arguments,
)
from automation.conformance.results import Result, State
from automation.errors import UserError

CONFORMANCE = (Path(__file__).parent / "conformance-1.36.3.txt").read_text().splitlines()
LEASE = "[sig-node] Lease lease API should be available [Conformance]"
NODES = "[sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]"
ZONES = "[sig-scheduling] Multi-AZ Clusters should spread the pods of a service across zones [Serial]"

PARALLEL = f"""\
Running in parallel across 2 processes
SSSS
------------------------------
• [0.117 seconds]
{LEASE} [sig-node, Conformance]
k8s.io/kubernetes@v1.36.3/test/e2e/common/node/lease.go:75

  Timeline >>
  STEP: Creating a kubernetes client @ 11/21/26 11:19:21.061
------------------------------
• [FAILED] [0.105 seconds]
[sig-architecture] Conformance Tests [It] should have at least two untainted nodes [Conformance] \
[sig-architecture, Conformance]
k8s.io/kubernetes@v1.36.3/test/e2e/architecture/conformance.go:39
------------------------------
S [SKIPPED] [0.098 seconds]
[sig-scheduling] Multi-AZ Clusters [BeforeEach] should spread the pods of a service across zones [Serial] \
[sig-scheduling, Serial]
------------------------------
"""
"""Excerpt of the output of ginkgo 2.28 with two processes."""

SERIAL = f"""\
------------------------------
{LEASE} [sig-node, Conformance]
k8s.io/kubernetes@v1.36.3/test/e2e/common/node/lease.go:75
  STEP: Creating a kubernetes client @ 11/21/26 11:19:21.061
• [0.117 seconds]
------------------------------
"""
"""Excerpt of the output of ginkgo 2.28 with one process."""


def results_of(output: str, *specs: str) -> list[tuple[str, State, float]]:
    found: list[Result] = []
    reader = OutputReader(specs, found.append)
    for line in output.splitlines(keepends=True):
        reader.read(line)
    return [(result.spec, result.state, result.seconds) for result in found]


def test_ended_specs_are_found_in_parallel_output() -> None:
    assert results_of(PARALLEL, LEASE, NODES, ZONES) == [
        (LEASE, State.PASSED, 0.1),
        (NODES, State.FAILED, 0.1),
        (ZONES, State.SKIPPED, 0.1),
    ]


def test_ended_spec_is_found_in_the_output_of_one_process() -> None:
    assert results_of(SERIAL, LEASE) == [(LEASE, State.PASSED, 0.1)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("PANICKED!", [State.FAILED]), ("TIMEDOUT", [State.FAILED]), ("INTERRUPTED", []), ("ABORTED", [])],
)
def test_interrupted_specs_have_no_result(word: str, expected: list[State]) -> None:
    output = f"• [{word}] [3.0 seconds]\n{LEASE} [sig-node]\n"
    assert [state for _, state, _ in results_of(output, LEASE)] == expected


def test_spec_that_was_not_selected_is_ignored() -> None:
    assert results_of(PARALLEL, LEASE) == [(LEASE, State.PASSED, 0.1)]


def test_progress_line_has_done_failed_left_and_the_longest_running_spec() -> None:
    tally = Tally(10)
    assert tally.line == "0 of 10 specs done, 0 failed, 10 left"
    tally.finish("[sig-a] one", State.PASSED)
    tally.finish("[sig-a] two", State.FAILED)
    tally.finish("[sig-a] three", State.SKIPPED)
    assert tally.line == "3 of 10 specs done, 1 failed, 7 left; last [sig-a] three"
    tally.observe("  [sig-b] slow (Spec Runtime: 1m0.5s)\n")
    tally.observe("  [sig-b] slower (Spec Runtime: 2m0.5s)\n")
    assert tally.line == "3 of 10 specs done, 1 failed, 7 left; now [sig-b] slower and 1 more"
    tally.finish("[sig-b] slower", State.PASSED)
    assert tally.line.endswith("now [sig-b] slow")
    # ginkgo prints the whole output of a spec when the spec has ended.
    tally.observe("  [sig-b] slower (Spec Runtime: 2m0.5s)\n")
    assert tally.line.endswith("now [sig-b] slow")


def test_focus_selects_exactly_the_given_specs() -> None:
    (argument,) = focus_arguments([NODES, LEASE])
    pattern = re.compile(argument.removeprefix("--focus="))
    assert pattern.search(f"Kubernetes e2e suite {LEASE}")
    assert not pattern.search(f"Kubernetes e2e suite {LEASE} and more")
    assert not pattern.search(f"Kubernetes e2e suite x {LEASE}")


def test_focus_of_all_conformance_specs_fits_into_arguments() -> None:
    arguments = focus_arguments(CONFORMANCE)
    assert all(len(argument.encode()) < 131_072 for argument in arguments)
    patterns = [re.compile(argument.removeprefix("--focus=")) for argument in arguments]
    for spec in CONFORMANCE:
        assert any(pattern.search(f"Kubernetes e2e suite {spec}") for pattern in patterns), spec


def test_long_selections_use_several_arguments_and_end_with_an_error() -> None:
    names = [f"[sig-a] {number:06} {'x' * 180}" for number in range(2000)]
    arguments = focus_arguments(names)
    assert len(arguments) > 1
    assert all(len(argument.encode()) < 131_072 for argument in arguments)
    with pytest.raises(UserError, match="9000 specs are too many for one run; select fewer"):
        focus_arguments(names * 4 + names[:1000])


def test_command_passes_the_kubeconfig_and_repeats_no_failed_spec(tmp_path: Path) -> None:
    programs = Programs(Path("/bin/ginkgo"), Path("/bin/e2e.test"), Path("/bin/kubectl"))
    argv = command(programs, [LEASE], kubeconfig=Path("/k"), parallel=3, directory=tmp_path)
    assert argv[0] == "/bin/ginkgo"
    assert "--procs=3" in argv
    assert not [word for word in argv if "flake" in word]
    own, tests = argv[: argv.index("--")], argv[argv.index("--") :]
    assert own[-1] == "/bin/e2e.test"
    assert {"--kubeconfig=/k", "--kubectl-path=/bin/kubectl", "--provider=skeleton"} <= set(tests)


def start(script: str, directory: Path, lines: list[str]) -> GinkgoProcess:
    return GinkgoProcess.start(["/bin/sh", "-c", script], directory, lines.append)


def test_output_goes_to_a_file_without_repeated_characters(tmp_path: Path) -> None:
    lines: list[str] = []
    process = start("printf 'SSSSSS\\ntext\\n'; exit 3", tmp_path, lines)
    assert process.wait() == 3
    assert (tmp_path / OUTPUT).read_text() == "S\ntext\n"
    assert lines == ["SSSSSS\n", "text\n"]


def test_first_interrupt_lets_specs_clean_up_and_the_second_kills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "trap 'echo cleaning; sleep 60 & wait; sleep 60' INT; echo ready; sleep 60 & wait"
    lines: list[str] = []
    process = start(script, tmp_path, lines)
    await_line(lines, "ready")
    process.interrupt()
    await_line(lines, "cleaning")
    assert process.popen.poll() is None
    process.interrupt()
    assert process.wait() == -signal.SIGKILL
    assert "running specs clean up; interrupt again to end them" in capsys.readouterr().err


def test_signal_to_the_command_interrupts_ginkgo(tmp_path: Path) -> None:
    lines: list[str] = []
    process = start("trap 'kill $!; exit 5' INT; echo ready; sleep 60 & wait", tmp_path, lines)
    await_line(lines, "ready")
    threading.Timer(0.3, signal.raise_signal, [signal.SIGTERM]).start()
    assert process.wait() == 5
    assert process.interrupts == 1


def test_missing_ginkgo_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="/no/ginkgo: cannot be started: No such file"):
        GinkgoProcess.start(["/no/ginkgo"], tmp_path, print)


def await_line(lines: list[str], text: str) -> None:
    deadline = time.monotonic() + 20
    while f"{text}\n" not in lines:
        assert time.monotonic() < deadline, lines
        time.sleep(0.05)
