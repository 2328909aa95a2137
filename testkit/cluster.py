"""The cluster under test. Tests use it as users do: with `kubewright`, kubectl and ssh."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testkit import stackfile
from testkit.process import CommandFailed, CommandResult, run
from testkit.stackfile import CLUSTER, Document
from testkit.wait import eventually

CHECKOUT = Path(__file__).resolve().parents[1]
UP_SECONDS = 420
NODE_SECONDS = 120
# Commands that ask for confirmation on a terminal.
_COMMANDS_WITH_CONFIRMATION = ("down", "destroy", "replace", "remove-host", "restore")


def cache() -> Path:
    """Return the cache that all checkouts and tests on this machine share."""
    default = Path.home() / ".cache/kubewright"
    return Path(os.environ.get("KUBEWRIGHT_CACHE") or default)


def tool(name: str) -> str:
    """Return the path of a tool of the deployer: kubectl, helm, pulumi."""
    return str(cache() / "bin" / name)


@dataclass
class Cluster:
    """The cluster of a stack, with its hosts. `config` is the configuration in the stack file."""

    name: str
    state: Path
    config: Document
    checkout: Path = CHECKOUT
    outputs: list[str] = field(default_factory=list)
    """The output of every command so far. It must contain no secret."""

    @property
    def file(self) -> Path:
        """Return the path of the stack file."""
        return self.state / f"{self.name}.yaml"

    @property
    def kubeconfig(self) -> Path:
        """Return the path of the administrator's kubeconfig, which `up` writes."""
        return self.state / "stacks" / self.name / "kubeconfig"

    @property
    def lab(self) -> Path:
        """Return the state directory of the lab."""
        return self.state / "labs" / self.name

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables of this cluster's commands."""
        return {"KUBEWRIGHT_STATE": str(self.state), "KUBEWRIGHT_CACHE": str(cache())}

    @property
    def nodes(self) -> list[str]:
        """Return the names of all nodes in the stack file."""
        pools = self.config[CLUSTER].get("pools", {}).values()
        members: list[str] = list(self.config[CLUSTER]["control_planes"]["hosts"])
        return members + [name for pool in pools for name in pool["hosts"]]

    @property
    def workers(self) -> list[str]:
        """Return the names of the nodes in the pool `workers`."""
        return list(self.config[CLUSTER]["pools"]["workers"]["hosts"])

    def address(self, host: str) -> str:
        """Return the outer address of a host. A host outside the inventory must be in the lab."""
        inventory = self.config[CLUSTER]["metal"]["hosts"]
        if host in inventory:
            return str(inventory[host].get("public_address", inventory[host]["address"]))
        lab = json.loads((self.lab / "spec.json").read_text())
        return str(next(item["address"] for item in lab["hosts"] if item["name"] == host))

    def boot_empty_host(self, name: str, address: str, *, virtual: bool = False) -> None:
        """Boot an empty host in the lab that is not in the stack file, until the next `up` removes it."""
        lab = json.loads((self.lab / "spec.json").read_text())
        if name in (host["name"] for host in lab["hosts"]):
            return
        memory = (1 if virtual else 3) << 30
        lab["hosts"].append({"name": name, "address": address, "memory": memory, "virtual": virtual})
        path = self.state / f"{self.name}-lab.json"
        path.write_text(json.dumps(lab))
        self.lab_command("up", str(path))

    # Commands of Kubewright and of the engine

    def argv(self, command: str, *words: str) -> list[str]:
        """Write the stack file and return the command line of `./kubewright <command>` for this stack."""
        stackfile.write(self.file, self.config)
        return [
            str(self.checkout / "kubewright"),
            *[command, "--stack", self.name, "--file", str(self.file)],
            *(["--yes"] if command in _COMMANDS_WITH_CONFIRMATION else []),
            *words,
        ]

    def command(
        self, command: str, *words: str, check: bool = True, timeout: float = UP_SECONDS
    ) -> CommandResult:
        """Run `./kubewright <command>` and record its output."""
        argv = self.argv(command, *words)
        try:
            result = run(argv, timeout=timeout, check=False, env=self.environment, cwd=self.state)
        except CommandFailed as failure:
            self.outputs.append(str(failure))
            raise
        self.outputs.append(result.text)
        if check and result.code:
            raise CommandFailed(argv, f"exit code {result.code}", result.text)
        return result

    def up(self, *, check: bool = True) -> CommandResult:
        """Run `kubewright up`."""
        return self.command("up", check=check)

    def preview(self) -> CommandResult:
        """Run `kubewright preview`."""
        return self.command("preview")

    def previewed_operations(self) -> dict[str, str]:
        """Return the operation that `up` would perform on each resource, by resource name, without
        unchanged resources.
        """
        output = self.command("preview", "--json").stdout
        preview = json.loads(output[output.index("{") :])
        return {
            step["urn"].rsplit("::", 1)[1]: step["op"]
            for step in preview["steps"]
            if step["op"] not in ("same", "read") and "pulumi:pulumi:Stack" not in step["urn"]
        }

    def down(self) -> CommandResult:
        """Run `kubewright down`."""
        return self.command("down")

    def pulumi(self, *words: str) -> str:
        """Run a command of the engine on this stack and return its output.

        The output may contain secrets and is therefore not added to `outputs`.
        """
        argv = self.argv("pulumi", "--", *words)
        return run(argv, timeout=120, env=self.environment, cwd=self.state).stdout

    def lab_command(self, *words: str) -> CommandResult:
        """Run `kubewright lab` and return its result."""
        environment = {**self.environment, "PYTHONPATH": str(self.checkout)}
        argv = [sys.executable, "-m", "automation", "lab", *words]
        return run(argv, timeout=600, env=environment, cwd=self.checkout)  # virtual machines boot slowly

    def merge_settings(self, change: Mapping[str, Any]) -> None:
        """Merge `change` into the settings of the stack file; see `stackfile.merge`."""
        self.config[CLUSTER] = stackfile.merge(self.config[CLUSTER], change)

    @contextmanager
    def edited_stack_file(self, change: Mapping[str, Any]) -> Iterator[None]:
        """Change the settings in the stack file until the block ends, without running `up`."""
        before = copy.deepcopy(self.config)
        self.merge_settings(change)
        try:
            yield
        finally:
            self.config = before

    @contextmanager
    def temporary_settings(self, change: Mapping[str, Any]) -> Iterator[None]:
        """Change the settings in the stack file until the block ends, then restore the file and run `up`."""
        try:
            with self.edited_stack_file(change):
                yield
        finally:
            self.up()

    # The Kubernetes API

    def kubectl(self, *words: str, stdin: str = "", check: bool = True, timeout: float = 60) -> CommandResult:
        """Run kubectl as the administrator."""
        argv = [tool("kubectl"), f"--kubeconfig={self.kubeconfig}", *words]
        return run(argv, stdin=stdin, check=check, timeout=timeout)

    def get(self, *words: str) -> Document:
        """Return the parsed output of `kubectl get … -o json`."""
        document: Document = json.loads(self.kubectl("get", *words, "-o", "json").stdout)
        return document

    def items(self, *words: str) -> list[Any]:
        """Return the items in the output of `kubectl get … -o json`."""
        return list(self.get(*words)["items"])

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply Kubernetes objects. Wait for the service accounts of new namespaces, which pods need."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(listed))
        for name in names([item for item in objects if item["kind"] == "Namespace"]):
            self.kubectl("wait", "-n", name, "--for=create", "serviceaccount/default")

    def wait_rollout(self, namespace: str, workload: str, timeout: float = 90) -> None:
        """Wait until all pods of a workload (`deployment/x`, `daemonset/x`) are ready."""
        words = ("rollout", "status", "-n", namespace, workload, f"--timeout={timeout:.0f}s")
        self.kubectl(*words, timeout=timeout + 10)

    def run_in_pod(
        self, namespace: str, pod: str, script: str, *, check: bool = True, timeout: float = 60
    ) -> CommandResult:
        """Run a shell command in a pod (`name` or `deployment/name`)."""
        return self.kubectl(
            "exec", "-n", namespace, pod, "--", "sh", "-c", script, check=check, timeout=timeout
        )

    def pods(self, namespace: str, selector: str = "") -> list[Any]:
        """Return the pods of a namespace, except pods that are being deleted."""
        pods = self.items("pods", "-n", namespace, "-l", selector)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def ready_nodes(self) -> list[str]:
        """Return the names of the nodes that are Ready."""
        return sorted(
            node["metadata"]["name"]
            for node in self.items("nodes")
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
        )

    def wait_all_ready(self, timeout: float = NODE_SECONDS) -> None:
        """Wait until exactly the nodes of the stack file exist and are Ready."""
        expected = sorted(self.nodes)
        eventually(
            f"nodes {expected} Ready",
            lambda: self.ready_nodes() == expected or None,
            timeout=timeout,
            interval=2,
        )

    # Hosts

    def ssh(self, host: str, script: str, *, check: bool = True, timeout: float = 60) -> CommandResult:
        """Run a shell script on a host through ssh; the script is sent by standard input."""
        argv = [
            *["ssh", "-F", "none", "-i", str(self.lab / "ssh/id_ed25519")],
            *["-o", f"UserKnownHostsFile={self.lab / 'ssh/known_hosts'}", "-o", "StrictHostKeyChecking=yes"],
            *["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", f"root@{self.address(host)}", "sh", "-s"],
        ]
        return run(argv, stdin=script, check=check, timeout=timeout)

    def network_links(self, host: str) -> list[str]:
        """Return the names of a host's network links. (/sys in a lab host shows the links of the machine.)"""
        lines = self.ssh(host, "cat /proc/net/dev").stdout.splitlines()
        return [line.split(":", 1)[0].strip() for line in lines if ":" in line]

    def stop_host(self, host: str) -> None:
        """Kill a host; its disk is kept."""
        self.lab_command("stop", self.name, "--host", host, "--kill")

    def start_host(self, host: str) -> None:
        """Boot a stopped host."""
        self.lab_command("start", self.name, "--host", host)

    def erase_host(self, host: str) -> None:
        """Kill a host and erase its disk. Its next start boots an empty machine with the same host key."""
        self.stop_host(host)
        for part in ("upper", "work", "disk"):
            shutil.rmtree(self.lab / "hosts" / host / part)

    def disconnect_host(self, host: str) -> None:
        """Disconnect a host from the network."""
        self.lab_command("cut", self.name, "--host", host)

    def connect_host(self, host: str) -> None:
        """Connect a host to the network again."""
        self.lab_command("join", self.name, "--host", host)

    def services(self, host: str) -> dict[str, str]:
        """Return the running services of a host: unit name and invocation id, which each restart changes."""
        script = "systemctl show --type=service --state=running --property=Id,InvocationID '*'"
        invocations: dict[str, str] = {}
        for block in self.ssh(host, script).stdout.split("\n\n"):
            properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            # Ignore instances (logins, connections), which start and stop without a change of the cluster.
            if properties and "@" not in properties["Id"]:
                invocations[properties["Id"]] = properties["InvocationID"]
        return invocations


def names(objects: Sequence[Any]) -> list[str]:
    """Return the names of Kubernetes objects."""
    return [item["metadata"]["name"] for item in objects]
