"""The highly available cluster under test, with the current role of each host and health checks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from testkit.cluster import Cluster
from testkit.stackfile import CLUSTER
from testkit.wait import eventually

RECOVERY_SECONDS = 240
"""Time limit in seconds until restarted hosts are healthy members again."""
_ETCDCTL = (
    "/usr/local/lib/kubewright/bin/etcdctl --cacert=/etc/etcd/pki/etcd-ca.crt "
    "--cert=/etc/etcd/pki/operator.crt --key=/etc/etcd/pki/operator.key --command-timeout=5s"
)


class HaCluster(Cluster):
    """A highly available stack with load balancers and several control planes."""

    @property
    def hosts(self) -> list[str]:
        """Return the names of all hosts of the inventory."""
        return list(self.config[CLUSTER]["metal"]["hosts"])

    @property
    def load_balancers(self) -> list[str]:
        """Return the hosts of the load balancers."""
        return list(self.config[CLUSTER]["load_balancers"]["hosts"])

    @property
    def control_planes(self) -> list[str]:
        """Return the hosts of the control planes."""
        return list(self.config[CLUSTER]["control_planes"]["hosts"])

    @property
    def members(self) -> list[str]:
        """Return the hosts of the etcd members."""
        return list(self.config[CLUSTER].get("etcd", {}).get("hosts", []) or self.control_planes)

    @property
    def workers(self) -> list[str]:
        """Return the nodes of all pools."""
        return [host for pool in self.config[CLUSTER]["pools"].values() for host in pool["hosts"]]

    @property
    def endpoint(self) -> str:
        """Return the virtual address of the API."""
        return str(self.config[CLUSTER]["endpoint"]["host"])

    def host_by_role(self, role: str) -> str:
        """Return the name of a host that currently has a role, for example `etcd-leader`.

        The host for `control-plane` is not the host of the etcd leader.
        """
        match role:
            case "active-load-balancer":
                return self.active_load_balancer()
            case "standby-load-balancer":
                return next(host for host in self.load_balancers if host != self.active_load_balancer())
            case "etcd-leader":
                return self.etcd_leader()
            case "control-plane":
                return next(host for host in self.control_planes if host != self.etcd_leader())
            case "worker":
                return self.workers[0]
        raise AssertionError(f"unknown role {role}")

    def active_load_balancer(self) -> str:
        """Return the name of the load balancer that currently holds the virtual address."""
        return eventually("one load balancer holds the address", self._address_holder, timeout=30)

    def etcd_leader(self) -> str:
        """Return the host of the etcd leader."""
        return eventually("etcd has a leader", self._leader, timeout=30)

    def etcd_statuses(self, host: str) -> list[dict[str, Any]]:
        """Return the status of every etcd member, as etcdctl on `host` reports it.

        Raise CommandFailed if a member does not respond.
        """
        endpoints = ",".join(f"https://{self.address(member)}:2379" for member in self.members)
        output = self.ssh(host, f"{_ETCDCTL} --endpoints={endpoints} endpoint status -w json", timeout=30)
        statuses: list[dict[str, Any]] = json.loads(output.stdout)
        return statuses

    def wait_healthy(self, timeout: float = RECOVERY_SECONDS) -> None:
        """Wait until all nodes are Ready, all etcd members serve requests, and `status` reports no problem.

        `timeout` is in seconds.
        """
        self.wait_all_ready(timeout)
        eventually("all etcd members serve", self._has_quorum, timeout=timeout, interval=2)
        last = ""

        def is_healthy() -> bool:
            nonlocal last
            result = self.command("status", check=False, timeout=120)
            last = result.text
            assert result.code == 0, last
            return True

        eventually("`status` reports no problem", is_healthy, timeout=120, interval=3)

    def kill_service(self, unit: str, host: str) -> None:
        """Kill the processes of a systemd unit on a host with SIGKILL. Wait until the unit runs again."""
        before = self.invocation_id(unit, host)
        self.ssh(host, f"systemctl kill --signal=KILL {unit}")
        eventually(
            f"{unit} runs again on {host}",
            lambda: self.invocation_id(unit, host) not in ("", before),
            timeout=60,
            interval=0.5,
        )

    def invocation_id(self, unit: str, host: str) -> str:
        """Return the invocation id of a systemd unit on a host; empty if the unit is not active."""
        script = (
            f"systemctl is-active --quiet {unit} && systemctl show --property=InvocationID --value {unit}"
        )
        return self.ssh(host, script, check=False).stdout.strip()

    @contextmanager
    def frozen_service(self, unit: str, host: str) -> Iterator[float]:
        """Stop the processes of a systemd unit on a host with SIGSTOP until the block ends.

        Yield the wall-clock time of the signal in seconds. Assert that the main process is stopped at the
        beginning of the block, and still stopped at its end.
        """
        before = self.process_state(unit, host)
        assert before[1] != "T", f"{unit} of {host} is stopped already"
        stopped = (before[0], "T")
        output = self.ssh(host, f"date +%s.%N; systemctl kill --signal=STOP {unit}").stdout
        try:
            eventually(
                f"{unit} of {host} is stopped",
                lambda: self.process_state(unit, host) == stopped,
                timeout=5,
                interval=0.2,
            )
            yield float(output)
            state = self.process_state(unit, host)
            assert state == stopped, f"{unit} of {host} went on during the fault: {state}, not {stopped}"
        finally:
            self.ssh(host, f"systemctl kill --signal=CONT {unit}")

    def process_state(self, unit: str, host: str) -> tuple[str, str]:
        """Return the id of the main process of a systemd unit on a host, and its state as in proc(5)."""
        script = (
            f"pid=$(systemctl show --property=MainPID --value {unit})\n"
            'sed -n "s/^State:[[:space:]]*\\(.\\).*/$pid \\1/p" "/proc/$pid/status"\n'
        )
        pid, state = self.ssh(host, script).stdout.split()
        return pid, state

    def move_etcd_leader(self, host: str) -> None:
        """Make the etcd member on a host the leader."""
        leader = self.etcd_leader()
        if leader == host:
            return
        (member,) = (
            status["Status"]["header"]["member_id"]
            for status in self.etcd_statuses(leader)
            if self.address(host) in status["Endpoint"]
        )
        self.ssh(leader, f"{_ETCDCTL} --endpoints=https://{self.address(leader)}:2379 move-leader {member:x}")
        eventually(f"etcd's leader is {host}", lambda: self.etcd_leader() == host, timeout=15)

    def kill_hosts(self, hosts: Sequence[str]) -> None:
        """Kill several hosts at the same time, as a power failure does."""
        with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
            list(pool.map(self.stop_host, hosts))

    def boot_hosts(self) -> None:
        """Boot every host of the lab that does not run."""
        self.lab_command("up", str(self.lab / "spec.json"))

    @contextmanager
    def disconnected(self, host: str) -> Iterator[None]:
        """Disconnect a host from the network until the block ends."""
        self.disconnect_host(host)
        try:
            yield
        finally:
            self.connect_host(host)

    def _address_holder(self) -> str:
        for host in self.load_balancers:
            output = self.ssh(host, "cat /proc/net/fib_trie", check=False, timeout=15).stdout
            if f"|-- {self.endpoint}\n" in output:
                return host
        return ""

    def _leader(self) -> str:
        for status in self.etcd_statuses(self.members[0]):
            if status["Status"]["header"]["member_id"] == status["Status"]["leader"]:
                address = status["Endpoint"].removeprefix("https://").rpartition(":")[0]
                return next(host for host in self.members if self.address(host) == address)
        return ""

    def _has_quorum(self) -> bool:
        statuses = [status["Status"] for status in self.etcd_statuses(self.members[0])]
        assert len(statuses) == len(self.members), f"{len(statuses)} members answer"
        assert not any(status.get("errors") for status in statuses), statuses
        return len({status["leader"] for status in statuses}) == 1
