"""The highly available cluster under test: who does what in it at the moment, and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from testkit.cluster import Cluster
from testkit.stackfile import CLUSTER
from testkit.wait import eventually

NETWORK = "10.99.0.0/24"
BACK_SECONDS = 240
"""For hosts that come back to be whole members again."""
_ETCDCTL = (
    "/usr/local/lib/kubewright/bin/etcdctl --cacert=/etc/etcd/pki/etcd-ca.crt "
    "--cert=/etc/etcd/pki/operator.crt --key=/etc/etcd/pki/operator.key --command-timeout=5s"
)


class Ha(Cluster):
    """A stack with load balancers and several control planes."""

    @property
    def hosts(self) -> list[str]:
        """All hosts of the inventory."""
        return list(self.config[CLUSTER]["metal"]["hosts"])

    @property
    def balancers(self) -> list[str]:
        """The load balancers' hosts."""
        return list(self.config[CLUSTER]["load_balancers"]["hosts"])

    @property
    def control_planes(self) -> list[str]:
        """The control planes' hosts."""
        return list(self.config[CLUSTER]["control_planes"]["hosts"])

    @property
    def members(self) -> list[str]:
        """etcd's hosts."""
        return list(self.config[CLUSTER].get("etcd", {}).get("hosts", []) or self.control_planes)

    @property
    def workers(self) -> list[str]:
        """The nodes of all pools."""
        return [host for pool in self.config[CLUSTER]["pools"].values() for host in pool["hosts"]]

    @property
    def endpoint(self) -> str:
        """The API's virtual address."""
        return str(self.config[CLUSTER]["endpoint"]["host"])

    def by_role(self, role: str) -> str:
        """The host to hit; `control-plane` is one whose member does not lead etcd."""
        match role:
            case "active-balancer":
                return self.active()
            case "standby-balancer":
                return next(host for host in self.balancers if host != self.active())
            case "etcd-leader":
                return self.leader()
            case "control-plane":
                return next(host for host in self.control_planes if host != self.leader())
            case "worker":
                return self.workers[0]
        raise AssertionError(f"no role is called {role}")

    def active(self) -> str:
        """The load balancer that holds the virtual address."""
        return eventually("one balancer holds the address", self._holder, timeout=30)

    def leader(self) -> str:
        """The member that leads etcd."""
        return eventually("etcd has a leader", self._leader, timeout=30)

    def etcd(self, host: str) -> list[dict[str, Any]]:
        """What every member says of itself, asked from a host. Raises CommandFailed when one is silent."""
        endpoints = ",".join(f"https://{self.address(member)}:2379" for member in self.members)
        said = self.ssh(host, f"{_ETCDCTL} --endpoints={endpoints} endpoint status -w json", timeout=30)
        found: list[dict[str, Any]] = json.loads(said.stdout)
        return found

    def whole(self, timeout: float = BACK_SECONDS) -> None:
        """Waits until every node is Ready, every member serves, and `status` finds nothing wrong."""
        self.all_ready(timeout)
        eventually("all etcd members serve", self._quorate, timeout=timeout, interval=2)
        last = ""

        def fine() -> bool:
            nonlocal last
            done = self.command("status", check=False, timeout=120)
            last = done.text
            assert done.code == 0, last
            return True

        eventually("`status` finds nothing wrong", fine, timeout=120, interval=3)

    def killed(self, unit: str, host: str) -> None:
        """Kills a service's processes (SIGKILL) and waits until another run of it is active."""
        before = self.run_of(unit, host)
        self.ssh(host, f"systemctl kill --signal=KILL {unit}")
        eventually(
            f"{unit} runs again on {host}",
            lambda: self.run_of(unit, host) not in ("", before),
            timeout=60,
            interval=0.5,
        )

    def run_of(self, unit: str, host: str) -> str:
        """The id of a service's run, empty when it is not active."""
        script = (
            f"systemctl is-active --quiet {unit} && systemctl show --property=InvocationID --value {unit}"
        )
        return self.ssh(host, script, check=False).stdout.strip()

    def power_cut(self, hosts: Sequence[str]) -> None:
        """Pulls the plugs of several hosts at the same time."""
        with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
            list(pool.map(self.stop_host, hosts))

    def powered(self) -> None:
        """Boots every host that does not run."""
        self.lab_command("up", str(self.lab / "spec.json"))

    @contextmanager
    def cut_off(self, host: str) -> Iterator[None]:
        """A host without network, for a time."""
        self.cut_host(host)
        try:
            yield
        finally:
            self.join_host(host)

    def _holder(self) -> str:
        for host in self.balancers:
            said = self.ssh(host, "cat /proc/net/fib_trie", check=False, timeout=15).stdout
            if f"|-- {self.endpoint}\n" in said:
                return host
        return ""

    def _leader(self) -> str:
        for status in self.etcd(self.members[0]):
            if status["Status"]["header"]["member_id"] == status["Status"]["leader"]:
                address = status["Endpoint"].removeprefix("https://").rpartition(":")[0]
                return next(host for host in self.members if self.address(host) == address)
        return ""

    def _quorate(self) -> bool:
        statuses = [status["Status"] for status in self.etcd(self.members[0])]
        assert len(statuses) == len(self.members), f"{len(statuses)} members answer"
        assert not any(status.get("errors") for status in statuses), statuses
        return len({status["leader"] for status in statuses}) == 1
