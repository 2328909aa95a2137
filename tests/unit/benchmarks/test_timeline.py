"""Tests of the timeline, which reads the parts of an `up` from the command's output."""

from __future__ import annotations

from benchmarks import report
from benchmarks.rounds import RoundTimes
from benchmarks.timeline import OutputLine, Span, spans

OUTPUT = """\
0.5 mirror: complete
4.0 Updating (kwbench):
5.5  +  pulumi:pulumi:Stack kubewright-kwbench creating (0s)
6.0  +  tls:index:PrivateKey kubernetes-ca creating (0s)
7.0  +  tls:index:PrivateKey kubernetes-ca created (1s)
8.0  +  command:remote:Command cp-1-etcd creating (0s)
12.0  +  command:remote:Command cp-1-etcd created (4s)
13.0  +  command:remote:Command w-1-node creating (0s)
15.0  +  command:remote:Command w-2-node creating (0s)
20.0  +  command:remote:Command w-1-node created (7s)
21.5  +  command:remote:Command w-2-node created (6s)
21.0  +  kubernetes:helm.sh/v3:Release hello creating (0s)
25.0  +  kubernetes:helm.sh/v3:Release hello created (4s)
"""


def output_lines() -> list[OutputLine]:
    pairs = (line.split(" ", 1) for line in OUTPUT.splitlines())
    return [OutputLine(float(seconds), text) for seconds, text in pairs]


def test_parts_span_from_their_first_to_their_last_resource() -> None:
    part_spans = spans(output_lines())
    assert part_spans["hosts of the lab"] == Span(0.0, 4.0)
    assert part_spans["engine and program"] == Span(4.0, 5.5)
    assert part_spans["PKI"] == Span(6.0, 7.0)
    assert part_spans["etcd"] == Span(8.0, 12.0)
    assert part_spans["nodes"] == Span(13.0, 21.5)
    assert part_spans["add-ons"] == Span(21.0, 25.0)
    assert "control plane" not in part_spans


def test_table_has_medians() -> None:
    rounds = [
        RoundTimes(up=up, parts=spans(output_lines()), preview=3.0, down=2.0) for up in (50.0, 40.0, 45.0)
    ]
    table = {row[0]: row[1] for row in report.rows(rounds)}
    assert table["**up, whole**"] == "45.0 (40.0 - 50.0)"
    assert table["nodes"] == "8.5"
    assert "| nodes | 8.5 | 13.0 - 21.5 |" in report.markdown(rounds, "Machine: 2 cores.")
