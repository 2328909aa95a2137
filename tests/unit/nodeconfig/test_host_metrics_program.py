"""Tests of the program that writes metrics of a host as text."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nodeconfig.host_metrics import host_metrics_program

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


class MetricsHost:
    """A directory with the files that the program reads, and stand-ins of the programs that it calls."""

    def __init__(self, root: Path, shell: tuple[str, ...]) -> None:
        self.root, self.shell = root, shell
        for name in ("text", "pki", "services", "snapshots", "bin"):
            (root / name).mkdir()
        self.calls = root / "calls"
        self.calls.touch()
        # The end of a certificate is the text between the lines of PEM.
        self.program(
            "cfssl-certinfo",
            f"""echo called >>{self.calls}
end=$(sed -n '/^20/p')
[ -n "$end" ] || exit 1
printf '{{\\n  "not_before": "2020-01-01T00:00:00Z",\\n  "not_after": "%s",\\n  "pem": "x"\\n}}\\n' "$end"
""",
        )
        self.program("systemctl", "case $3 in broken.service) exit 3 ;; esac\n")
        self.program("kubectl", "printf 'w-1 True '\n")

    def program(self, name: str, text: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)

    def run(self, **environment: str) -> dict[str, float]:
        """Run the program and return the samples of its text by name and labels."""
        values = {
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "NODE_NAME": "w-1",
            "DIRECTORY": f"{self.root}/text",
            "CERTIFICATES": f"{self.root}/pki {self.root}/missing",
            "SERVICES": f"{self.root}/services",
            "SNAPSHOTS": f"{self.root}/snapshots",
            "COPY_TARGETS": "",
            "TRIAL_RESTORES": "",
            "KUBECONFIG": "kubeconfig",
            "POOL": "workers",
            **environment,
        }
        command = [*self.shell, "-c", host_metrics_program(), "host-metrics"]
        subprocess.run(command, env=values, check=True, capture_output=True, text=True)
        lines = (self.root / "text/kubewright.prom").read_text().splitlines()
        samples = [line for line in lines if not line.startswith("#")]
        # Each name has its type once, before its samples: node exporter refuses other texts.
        types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
        assert len(types) == len({*types})
        assert {sample.partition("{")[0].split()[0] for sample in samples} <= {*types}
        return {key: float(value) for key, _, value in (line.rpartition(" ") for line in samples)}


@pytest.fixture
def host(tmp_path: Path, shell: tuple[str, ...]) -> MetricsHost:
    return MetricsHost(tmp_path, shell)


def end_of(host: MetricsHost, name: str) -> str:
    return f'kubewright_certificate_end_timestamp_seconds{{path="{host.root}/pki/{name}"}}'


def test_ends_of_certificates_are_written(host: MetricsHost) -> None:
    (host.root / "pki/server.crt").write_text(
        PEM.format("2027-11-23T13:00:00Z") + PEM.format("2030-01-01T00:00:00Z")
    )
    (host.root / "pki/kubelet-client-current.pem").write_text(PEM.format("2027-01-01T00:00:00Z") + "KEY\n")
    (host.root / "pki/server.key").write_text("KEY\n")
    samples = host.run()
    ends = {key: value for key, value in samples.items() if "certificate" in key}
    assert ends == {
        end_of(host, "server.crt"): 1826974800,
        end_of(host, "kubelet-client-current.pem"): 1798761600,
    }


def test_certificate_that_cannot_be_read_raises_an_alert(host: MetricsHost) -> None:
    (host.root / "pki/broken.crt").write_text("not PEM\n")
    assert host.run()[end_of(host, "broken.crt")] == 0


def test_only_changed_certificates_are_parsed_again(host: MetricsHost) -> None:
    path = host.root / "pki/server.crt"
    path.write_text(PEM.format("2027-11-23T13:00:00Z"))
    os.utime(path, (1, 1))
    first = host.run()
    assert host.run() == first
    assert host.calls.read_text().count("called") == 1
    path.write_text(PEM.format("2028-11-23T13:00:00Z"))
    later = (host.root / "text/kubewright.prom").stat().st_mtime + 2
    os.utime(path, (later, later))
    assert host.run()[end_of(host, "server.crt")] == 1858597200
    path.unlink()
    assert not [key for key in host.run() if "certificate" in key]


def test_units_of_kubewright_are_watched(host: MetricsHost) -> None:
    for name in ("kubelet.service", "broken.service", "etcd-snapshot.timer", "kubelet.service.new"):
        (host.root / "services" / name).write_text("state\n")
    samples = host.run()
    assert {key: value for key, value in samples.items() if "unit" in key} == {
        'kubewright_unit_active{unit="kubelet.service"}': 1,
        'kubewright_unit_active{unit="broken.service"}': 0,
        'kubewright_unit_active{unit="etcd-snapshot.timer"}': 1,
    }


def test_time_of_the_newest_snapshot_is_written(host: MetricsHost) -> None:
    name = "kubewright_etcd_snapshot_timestamp_seconds"
    directory = host.root / "snapshots"
    os.utime(directory, (1000, 1000))
    # A new member has time to take its first snapshot.
    assert host.run()[name] == 1000
    for time, text in ((5000, "20261123T120000Z"), (3000, "20261123T060000Z")):
        path = directory / f"etcd-{text}-w-1.db"
        path.write_text("snapshot")
        os.utime(path, (time, time))
    (directory / "etcd-20261124T000000Z-other.db").write_text("of another host")
    assert host.run()[name] == 5000
    assert name not in host.run(SNAPSHOTS="")


def test_time_and_failure_of_copies_are_written_by_target(host: MetricsHost) -> None:
    records = host.root / "snapshots/targets"
    records.mkdir()
    (records / "offsite").write_text("copied 5000 etcd-a.db.age 77 ab\nfailed 6000 copied 1 time\n")
    (records / "copy_to").write_text("copied 7000 etcd-b.db 77 ab\n")
    (records / "removed").write_text("copied 1 etcd-c.db.age 77 ab\nfailed 2 no route to host\n")
    (records / ".offsite.part").write_text("copied")
    samples = host.run(COPY_TARGETS="offsite,new,copy_to")
    name = "kubewright_etcd_snapshot_copy"
    assert {key: value for key, value in samples.items() if name in key} == {
        f'{name}_timestamp_seconds{{target="offsite"}}': 5000,
        f'{name}_timestamp_seconds{{target="copy_to"}}': 7000,
        f'{name}_failed{{target="offsite"}}': 1,
        f'{name}_failed{{target="new"}}': 0,
        f'{name}_failed{{target="copy_to"}}': 0,
    }
    assert not [key for key in host.run() if name in key]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("verified 5000 etcd-a.db 400 7\n", {"timestamp_seconds": 5000, "failed": 0}),
        ("verified 5000 etcd-a.db 400 7\nfailed 6000 damaged\n", {"timestamp_seconds": 5000, "failed": 1}),
        ("failed 6000 damaged\n", {"failed": 1}),
        ("", {"failed": 0}),
    ],
)
def test_trial_restores_are_written(host: MetricsHost, record: str, expected: dict[str, float]) -> None:
    if record:
        (host.root / "snapshots/verified").write_text(record)
    samples = host.run(TRIAL_RESTORES="yes")
    name = "kubewright_etcd_trial_restore_"
    assert {key.removeprefix(name): value for key, value in samples.items() if name in key} == expected
    assert not [key for key in host.run() if name in key]


@pytest.mark.parametrize(
    ("output", "ready", "schedulable"),
    [("w-1 True ", 1, 1), ("w-1 True true", 1, 0), ("w-1 Unknown ", 0, 1), ("w-1 False true", 0, 0)],
)
def test_state_of_the_node_is_written(host: MetricsHost, output: str, ready: int, schedulable: int) -> None:
    host.program("kubectl", f"printf '{output}'\n")
    samples = host.run()
    labels = '{node="w-1",pool="workers"}'
    assert samples[f"kubewright_node_ready{labels}"] == ready
    assert samples[f"kubewright_node_schedulable{labels}"] == schedulable


@pytest.mark.parametrize("text", ["exit 1\n", ""])
def test_unknown_state_of_the_node_is_not_written(host: MetricsHost, text: str) -> None:
    host.program("kubectl", text)
    assert not [key for key in host.run() if "node" in key]
    assert not [key for key in host.run(KUBECONFIG="") if "node" in key]
