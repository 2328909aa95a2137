"""Creation of a cluster by kubeadm's guide for highly available clusters, in parallel where possible.

All hosts are prepared at the same time. The first control plane is created as soon as its host is ready.
Then all workers join at the same time, and further control planes join one after another, as the guide
requires, because each adds an etcd member.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from artifacts import catalogue
from benchmarks.ready import kubeadm_config, layout, mirror
from benchmarks.ready.layout import CONTROL_PLANES, HOSTS, WORKERS, ClusterSetup
from benchmarks.rounds import BenchmarkError
from benchmarks.timeline import Span

_COMMAND_SECONDS = 400
_ADMIN = "KUBECONFIG=/etc/kubernetes/admin.conf"
_NODE_ARTIFACTS = (
    *("kubeadm", "kubelet", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "crictl"),
    *("cni-bridge", "cni-loopback", "cni-host-local", "cni-portmap", "flanneld", "netfilter"),
)


@dataclass
class Kubeadm:
    """A cluster that kubeadm creates. `parts` are the steps with their times, in seconds after `start`."""

    setup: ClusterSetup
    parts: dict[str, Span] = field(default_factory=dict)
    start: float = field(default_factory=time.monotonic)

    def build(self) -> None:
        """Create the cluster on booted hosts, up to the last join. Raise BenchmarkError."""
        token = f"{secrets.token_hex(3)}.{secrets.token_hex(8)}"
        certificate_key = secrets.token_hex(32)
        with ThreadPoolExecutor(max_workers=len(HOSTS)) as pool:
            preparations = {host: pool.submit(self._prepare, host) for host in HOSTS}
            first = CONTROL_PLANES[0]
            preparations[first].result()
            ca_hash = self._init_control_plane(first, token, certificate_key)
            flannel_kubeconfig = self._install_flannel(first)
            joins = [
                pool.submit(self._join_worker, host, preparations, token, ca_hash, flannel_kubeconfig)
                for host in WORKERS
            ]
            for host in CONTROL_PLANES[1:]:
                preparations[host].result()
                with self._measured_part(f"join of {host}"):
                    self._join(
                        host,
                        kubeadm_config.join_config(host, token, ca_hash, certificate_key),
                        flannel_kubeconfig,
                    )
            for join in joins:
                join.result()

    def _prepare(self, host: str) -> None:
        with self._measured_part("files and images on the hosts"):
            self._run(host, self._preparation_script(host))
            if host in CONTROL_PLANES:
                # The guide uses the same command to fetch images early: `kubeadm config images pull`.
                document = kubeadm_config.init_config(host, "abcdef.0123456789abcdef", "0" * 64)
                self._write(host, "/etc/kubernetes/pull.yaml", document)
                self._run(host, "kubeadm config images pull --config /etc/kubernetes/pull.yaml")

    def _init_control_plane(self, host: str, token: str, certificate_key: str) -> str:
        """Create the first control plane and return the hash of its certificate authority."""
        with self._measured_part("init"):
            self._write(
                host, "/etc/kubernetes/init.yaml", kubeadm_config.init_config(host, token, certificate_key)
            )
            output = self._run(host, "kubeadm init --config /etc/kubernetes/init.yaml --upload-certs")
        match = re.search(r"sha256:[0-9a-f]{64}", output)
        if match is None:
            raise BenchmarkError(
                f"{host}: the output of `kubeadm init` has no hash of the certificate authority"
            )
        return match[0]

    def _install_flannel(self, host: str) -> str:
        """Create the permissions and credentials of the pod network, start its service on the first host,
        and return the kubeconfig.
        """
        with self._measured_part("pod network"):
            self._run(host, f"{_ADMIN} kubectl apply -f -", stdin=kubeadm_config.flannel_permissions())
            kubeconfig = self._run(
                host,
                "kubeadm kubeconfig user --client-name=flannel --config=/etc/kubernetes/init.yaml",
            )
            self._write(host, "/etc/kubernetes/flannel.conf", kubeconfig)
            self._run(host, "systemctl start --no-block flanneld")
        return kubeconfig

    def _join_worker(
        self,
        host: str,
        preparations: dict[str, Future[None]],
        token: str,
        ca_hash: str,
        flannel_kubeconfig: str,
    ) -> None:
        preparations[host].result()
        with self._measured_part("joins of the workers"):
            self._join(host, kubeadm_config.join_config(host, token, ca_hash), flannel_kubeconfig)

    def _join(self, host: str, document: str, flannel_kubeconfig: str) -> None:
        self._write(host, "/etc/kubernetes/join.yaml", document)
        self._write(host, "/etc/kubernetes/flannel.conf", flannel_kubeconfig)
        self._run(
            host, "kubeadm join --config /etc/kubernetes/join.yaml && systemctl start --no-block flanneld"
        )

    def _preparation_script(self, host: str) -> str:
        values = {
            "NODE": host,
            "ADDRESS": str(layout.address(host)),
            "AUTHORITY": (self.setup.lab / "ca.crt").read_text().strip(),
            "REGISTRY": self.setup.spec.registry_url,
            "SANDBOX": mirror.image_references()["pause"],
            "NETWORK": json.dumps(
                {"Network": layout.PODS, "EnableNFTables": True, "Backend": {"Type": "vxlan"}}
            ),
            "FILES": "\n".join(self._files(host)),
        }
        lines = [f"{name}={quote(value)}" for name, value in values.items()]
        return "\n".join([*lines, (Path(__file__).parent / "prepare.sh").read_text()])

    def _files(self, host: str) -> list[str]:
        index = json.loads((self.setup.mirror / "index.json").read_text())["files"]
        names = (*_NODE_ARTIFACTS, "kubectl") if host in CONTROL_PLANES else _NODE_ARTIFACTS
        entries = {name: index[f"{name}/{catalogue.version_of(name)}"] for name in names}
        return [
            f"{name} {self.setup.spec.mirror_url}/{entry['path']} {entry['sha256']}"
            for name, entry in entries.items()
        ]

    @contextmanager
    def _measured_part(self, name: str) -> Iterator[None]:
        """Record the duration of a step. A step on several hosts is recorded as one part, from first start
        to last end.
        """
        begin = time.monotonic() - self.start
        yield
        end = time.monotonic() - self.start
        recorded = self.parts.get(name, Span(begin, end))
        self.parts[name] = Span(min(recorded.begin, begin), max(recorded.end, end))

    def _write(self, host: str, path: str, content: str) -> None:
        self._run(host, f"umask 077; mkdir -p {path.rpartition('/')[0]}; cat >{path}", stdin=content)

    def _run(self, host: str, script: str, *, stdin: str | None = None) -> str:
        """Run a shell script on a host. The script is sent by standard input, or as an argument when
        `stdin` is set.
        """
        words = ["sh", "-s"] if stdin is None else ["sh", "-c", quote(script)]
        result = subprocess.run(
            [*self._ssh(host), *words],
            input=script if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        if result.returncode:
            tail = "\n".join((result.stdout + result.stderr).splitlines()[-25:])
            raise BenchmarkError(f"{host}: {script.splitlines()[-1]}: exit code {result.returncode}:\n{tail}")
        return result.stdout

    def _ssh(self, host: str) -> list[str]:
        keys = self.setup.lab / "ssh"
        return [
            *["ssh", "-F", "none", "-i", str(keys / "id_ed25519"), "-o", "BatchMode=yes"],
            *["-o", f"UserKnownHostsFile={keys / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes"],
            *["-o", "ConnectTimeout=10", f"root@{layout.address(host)}"],
        ]
