"""Lab tests of a stack that an earlier release created: `up` with this checkout replaces and restarts
nothing.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError, run

import pytest

from testkit import stackfile
from testkit.cluster import CHECKOUT, Cluster
from tests.lab.conftest import stack

RELEASE = "e084926"
"""The commit of the release that creates the stack."""
NAME = "kwrelease"
NETWORK = "10.93.0.0/24"
RESTARTED: dict[str, str] = {}
"""Services that this checkout restarts on hosts of that release, with the reasons. CHANGELOG.md lists them.
"""
REMOVED = ("/etc/systemd/system/etcd-settle.service",)
"""Files of that release that hosts no longer have."""
_SHOWN = "InvocationID,NRestarts,ExecMainStartTimestampMonotonic,ActiveState"


def release_checkout(directory: Path) -> Path:
    """Extract the release from the history of this repository."""
    try:
        archive = run(["git", "archive", RELEASE], cwd=CHECKOUT, capture_output=True, check=True).stdout
    except CalledProcessError as error:
        pytest.fail(
            f"commit {RELEASE} is not in this clone; fetch the whole history: {error.stderr.decode()}"
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(directory, filter="data")
    return directory


@pytest.fixture(scope="module")
def existing(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a control plane with etcd and a worker, with labels and a taint, created by the release."""
    config = stackfile.document(NAME, NETWORK, control_planes=["cp-1"], workers=["w-1"])
    config[stackfile.CLUSTER]["pools"]["workers"] |= {
        "labels": {"tier": "web"},
        "taints": ["dedicated=web:PreferNoSchedule"],
    }
    checkout = release_checkout(tmp_path_factory.mktemp("release"))
    old = Cluster(name=NAME, state=state, config=config, checkout=checkout)
    with stack(replace(old, checkout=CHECKOUT)) as new:
        old.up()
        yield new


def services(cluster: Cluster, host: str) -> dict[str, str]:
    """Return the start time of every running service that a bundle delivered, by unit."""
    script = (
        "for unit in $(cat /var/lib/kubewright/roles/*/units | sort -u); do "
        f'echo "$unit $(systemctl show --property={_SHOWN} "$unit" | tr "\\n" " ")"; done'
    )
    lines = cluster.ssh(host, script).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)


def test_up_takes_over_a_stack_of_the_release(existing: Cluster) -> None:
    before = {host: services(existing, host) for host in ("cp-1", "w-1")}
    steps = existing.steps()
    assert steps, "the host program changed, so deliveries must change"
    assert set(steps.values()) == {"update"}, steps

    existing.up()
    after = {host: services(existing, host) for host in ("cp-1", "w-1")}
    changed = {
        f"{host} {unit}": (start, after[host].get(unit))
        for host, starts in before.items()
        for unit, start in starts.items()
        if after[host].get(unit) != start and unit not in RESTARTED
    }
    assert not changed
    assert existing.steps() == {}
    existing.wait_all_ready()


def test_units_of_the_release_are_replaced(existing: Cluster) -> None:
    existing.up()
    for path in REMOVED:
        assert (
            existing.ssh("cp-1", f"[ ! -e {path} ] && ! systemctl is-active {path.rsplit('/', 1)[-1]}").code
            == 0
        )
    wants = existing.ssh("cp-1", "systemctl show --property=Wants,NeedDaemonReload etcd.service").stdout
    assert "etcd-promote.service" in wants
    assert "NeedDaemonReload=no" in wants


def test_etcd_starts_with_the_new_unit(existing: Cluster) -> None:
    existing.up()
    existing.ssh("cp-1", "systemctl restart etcd.service && systemctl is-active etcd.service")
    existing.wait_all_ready()
    promoted = existing.ssh("cp-1", "systemctl show --property=Result etcd-promote.service").stdout
    assert promoted.strip() == "Result=success"


def test_drift_finds_nothing_after_the_takeover(existing: Cluster) -> None:
    existing.up()
    assert "no drift" in existing.command("drift").stdout
