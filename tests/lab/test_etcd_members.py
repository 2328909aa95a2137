"""Tests of the member program with real etcd members on loopback: members are formed, added, replaced,
and removed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from testkit.etcd_members import NAMES, EtcdHost, assert_voters, etcd_topology, start_together
from testkit.pki import create_secrets
from testkit.wait import eventually


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[dict[str, EtcdHost]]:
    """Yield five hosts of etcd members by name. No member runs yet."""
    keys = create_secrets(etcd_topology(NAMES))
    members = {name: EtcdHost(tmp_path / name, name, keys) for name in NAMES}
    yield members
    for host in members.values():
        host.kill()


def test_members_form_a_cluster_are_replaced_added_and_removed(hosts: dict[str, EtcdHost]) -> None:
    a, b, c = (hosts[name] for name in "abc")
    for host in (a, b, c):
        host.configure("abc")
    began = time.monotonic()
    start_together([a, b, c])
    print(f"formed in {time.monotonic() - began:.1f} s")
    assert_voters(a, "abc")
    a.etcdctl("put", "key", "first")

    # Start the member again with its data, and then without data.
    c.kill()
    assert c.start() == ""
    identity = a.members["c"][0]
    c.empty()
    c.configure("abc")
    began = time.monotonic()
    assert f"removed member {identity}" in c.start()
    print(f"replaced in {time.monotonic() - began:.1f} s")
    assert_voters(a, "abc")
    assert a.members["c"][0] != identity

    # Add two members at the same time. Only one of them can be a learner.
    d, e = hosts["d"], hosts["e"]
    for host in hosts.values():
        host.configure(NAMES)
    began = time.monotonic()
    start_together([d, e])
    print(f"3 to 5 in {time.monotonic() - began:.1f} s")
    assert_voters(e, NAMES)
    assert e.etcdctl("get", "key", "--print-value-only") == "first\n"

    # Remove two members at the same time, including the first member: no member is special.
    for name in "bce":
        hosts[name].configure("bce")
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda host: host.run_member_program("leave"), [a, d]))
    assert [answer.returncode for answer in answers] == [0, 0], answers
    print(f"5 to 3 in {time.monotonic() - began:.1f} s")
    a.kill()
    d.kill()
    assert_voters(b, "bce")
    assert b.etcdctl("get", "key", "--print-value-only") == "first\n"


def test_power_loss_of_all_members_with_one_lost_disk(hosts: dict[str, EtcdHost]) -> None:
    """The member without data must not form a second cluster before the other members start."""
    three = [hosts[name] for name in "abc"]
    for host in three:
        host.configure("abc")
    start_together(three)
    three[0].etcdctl("put", "key", "kept")
    for host in three:
        host.kill()
    a, b, c = three
    shutil.rmtree(c.root / "var/lib/etcd/member")
    alone = c.run_member_program("start")
    assert alone.returncode == 1
    assert "its data is gone and no other member answers" in alone.stderr
    start_together([a, b])
    assert "removed member" in c.start()
    assert_voters(c, "abc")
    eventually(
        "the data exists", lambda: c.etcdctl("get", "key", "--print-value-only") == "kept\n", timeout=10
    )


def test_cluster_grows_from_one_to_three_members(hosts: dict[str, EtcdHost]) -> None:
    a = hosts["a"]
    a.configure("a")
    a.start()
    a.etcdctl("put", "key", "kept")
    for name in "abc":
        hosts[name].configure("abc")
    start_together([hosts["b"], hosts["c"]])
    assert_voters(a, "abc")
    assert hosts["c"].etcdctl("get", "key", "--print-value-only") == "kept\n"
    assert a.run_member_program("others").returncode == 0
    hosts["b"].kill()
    assert hosts["c"].run_member_program("ready").returncode == 0
