"""Fault test of a change that breaks SSH: the change stops after the first hosts of a pool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeconfig.host_paths import NETFILTER
from testkit import lab_slots, stackfile
from testkit.cluster import Cluster
from tests.faults.conftest import running_stack

WORKERS = [f"w-{number}" for number in range(1, 7)]
MAX_UNAVAILABLE = 2
MAX_PODS = 95
FLAG = "/run/cut-ssh"
"""A file on a host. While it exists, the host drops all packets of SSH when its kubelet starts."""
CUT_SSH_WITH_KUBELET = f"""
mkdir -p /etc/systemd/system/kubelet.service.d
cat >/usr/local/bin/cut-ssh <<'END'
#!/bin/sh
[ -e {FLAG} ] || exit 0
{NETFILTER}/nft -f - <<'RULES'
table inet cut {{
    chain input {{
        type filter hook input priority -300; policy accept;
        tcp dport 22 drop
    }}
    chain output {{
        type filter hook output priority -300; policy accept;
        tcp sport 22 drop
    }}
}}
RULES
END
chmod 755 /usr/local/bin/cut-ssh
cat >/etc/systemd/system/kubelet.service.d/cut.conf <<'END'
[Service]
ExecStartPre=+/usr/local/bin/cut-ssh
END
systemctl daemon-reload
: >{FLAG}
"""


@pytest.fixture
def pool_of_six(state: Path) -> Iterator[Cluster]:
    """Yield a running cluster with a control plane and a pool of six workers."""
    slot = lab_slots.reserve("kwcut", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=WORKERS)
    config[stackfile.CLUSTER]["pools"]["workers"]["max_unavailable"] = MAX_UNAVAILABLE
    with running_stack(Cluster(name=slot.name, state=state, config=config)) as cluster:
        cluster.wait_all_ready()
        yield cluster


def changed_workers(cluster: Cluster) -> list[str]:
    """Return the workers whose kubelet has the changed maximum number of pods."""
    return [
        node["metadata"]["name"]
        for node in cluster.items("nodes")
        if node["status"]["capacity"]["pods"] == str(MAX_PODS) and node["metadata"]["name"] in WORKERS
    ]


def test_change_that_breaks_ssh_stops_after_the_first_hosts(pool_of_six: Cluster) -> None:
    cluster = pool_of_six
    for worker in WORKERS:
        cluster.ssh(worker, CUT_SSH_WITH_KUBELET)
    cluster.merge_settings({"pools": {"workers": {"kubelet": {"max_pods": MAX_PODS}}}})
    failed = cluster.up(check=False)
    assert failed.code != 0, "an `up` whose connections were cut succeeded"
    cut = sorted(changed_workers(cluster))
    assert len(cut) == MAX_UNAVAILABLE, f"the change reached {cut}\n{failed.text}"
    untouched = [worker for worker in WORKERS if worker not in cut]
    for worker in untouched:
        assert f"{worker}-node: not changed, because the change failed on" in failed.text
        # The host is still reachable, because the change did not start on this host.
        cluster.ssh(worker, f"rm {FLAG}")
    assert "Traceback" not in failed.text
    for worker in cut:
        cluster.stop_host(worker)
        cluster.start_host(worker)
    cluster.up()
    assert sorted(changed_workers(cluster)) == WORKERS
    assert cluster.previewed_operations() == {}
    cluster.wait_all_ready()
