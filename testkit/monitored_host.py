"""A control plane whose programs run with the files and command lines of its bundles, below a directory.

The programs have a network namespace of their own, in which the host has its address, so that all addresses
and ports are those of the bundles. It needs root.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from artifacts import acquire, catalogue
from artifacts.cache import Cache
from artifacts.progress import Progress
from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from testkit.bundles import FakeIndex, cluster
from testkit.control_plane import binary_path
from testkit.pki import create_secrets
from testkit.process import CommandResult, run
from testkit.wait import eventually
from topology.model import Topology

NAME, ADDRESS = "cp-1", "10.9.0.11"
_PATHS = re.compile(r"(?<![\w./-])/(?=(etc|var/lib|var/log|run|usr/local/lib)/(?!resolv|ssl))")
_LIBRARY = "usr/local/lib/kubewright"


def topology_with_monitoring() -> Topology:
    """Return the topology of a cluster with one host, which has all roles except load balancer."""
    grafana = {"admin_password": "not-a-real-password"}
    section = {"kube_state_metrics": False, "grafana": grafana}
    return cluster(workers=0, sections={"addons": {"monitoring": section}})


class MonitoredHost:
    """The host and its running programs. `root` has its files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.topology = topology_with_monitoring()
        self.secrets = create_secrets(self.topology)
        self.bundles: list[Bundle] = [
            bundle for (host, _), bundle in bundles(self.topology, FakeIndex()).items() if host == NAME
        ]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> MonitoredHost:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            time.sleep(0.5)
            self.run(["ip", "link", "set", "lo", "up"])
            self.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"])
            self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        processes = [*self._processes.values(), *([self._holder] if self._holder else [])]
        for process in processes:
            process.kill()
            process.wait()

    def move(self, text: str) -> str:
        """Return text with paths of the host below `root`."""
        return _PATHS.sub(f"{self.root}/", text)

    def path(self, path: str) -> Path:
        """Return where the file at a path of the host is."""
        return self.root / path.lstrip("/")

    def _install(self) -> None:
        for bundle in self.bundles:
            for directory in bundle.directories:
                self.path(directory.path).mkdir(parents=True, exist_ok=True)
            for file in bundle.files:
                self._write(file.path, self.move(file.content), file.mode)
            for secret in bundle.secrets:
                self._write(secret.path, self.secrets[secret.secret], secret.mode)
        for path in self.path("/etc/systemd/system").glob("*-secrets.service"):
            [program, verb, user, *files] = self.command(path.name)
            assert verb == "copy", program
            target = self.path(f"/run/kubernetes/{user}")
            target.mkdir(parents=True, exist_ok=True)
            for source in files:
                shutil.copy(source, target)
        archive = acquire.fetch_or_build(catalogue.binary("haproxy"), Cache.default(), Progress(quiet=True))
        with tarfile.open(archive) as tar:
            tar.extractall(self.root / _LIBRARY / "haproxy", filter="fully_trusted")

    def _write(self, path: str, content: str, mode: int) -> None:
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(mode)

    def command(self, unit: str) -> list[str]:
        """Return the words of the command of a unit."""
        text = self.path(f"/etc/systemd/system/{unit}").read_text().replace("\\\n", " ")
        [line] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
        words = shlex.split(line.removeprefix("ExecStart=").replace("$$", "$"))
        return [word.replace("${NODE_NAME}", NAME).replace("${NODE_IP}", ADDRESS) for word in words]

    def start(self, unit: str, **environment: str) -> None:
        """Start the program of a unit. Its output goes to a log file."""
        [program, *words] = self.command(unit)
        name = Path(program).name
        if name == "haproxy":
            # The parent of haproxy would report to systemd.
            words = ["-db" if word == "-Ws" else word for word in words]
        else:
            program = binary_path(name)
        self.spawn(unit, [program, *words], **environment)

    def spawn(self, name: str, words: Sequence[str], **environment: str) -> None:
        """Start a program in the network of the host."""
        with (self.root / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [*self._enter(), *words], stdout=log, stderr=log, env={**os.environ, **environment}
            )

    def stop(self, name: str) -> None:
        """Kill a program."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def _enter(self) -> list[str]:
        assert self._holder
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]

    def run(self, words: Sequence[str], *, check: bool = True, stdin: str = "") -> CommandResult:
        """Run a command in the network of the host."""
        return run([*self._enter(), *words], timeout=60, check=check, stdin=stdin)

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """Run kubectl as the administrator and return its output."""
        kubeconfig = self.path("/etc/kubernetes/admin.conf")
        return self.run([binary_path("kubectl"), f"--kubeconfig={kubeconfig}", *words], stdin=stdin).stdout

    def start_control_plane(self) -> None:
        """Start etcd, the API server, the controller manager and the scheduler, and wait for the API."""
        self.start(
            "etcd.service",
            ETCD_INITIAL_CLUSTER=f"{NAME}=https://{ADDRESS}:2380",
            ETCD_INITIAL_CLUSTER_STATE="new",
        )
        self.start("kube-apiserver.service")
        kubeconfig = self.path("/etc/kubernetes/admin.conf")
        ready = [binary_path("kubectl"), f"--kubeconfig={kubeconfig}", "get", "--raw=/readyz"]
        self.wait_until(lambda: self.run(ready, check=False).code == 0, "the API is not ready")
        self.start("kube-controller-manager.service")
        self.start("kube-scheduler.service")

    def wait_until(self, condition: Callable[[], object], message: str, seconds: float = 120) -> None:
        """Wait until a function returns a true value. Raise AssertionError with the ends of all logs."""
        try:
            eventually(message, condition, timeout=seconds, interval=0.5)
        except AssertionError as failure:
            logs = "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in self.root.glob("*.log"))
            raise AssertionError(f"{failure}\n{logs}") from None
