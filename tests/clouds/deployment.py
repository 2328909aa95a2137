"""A run of the Pulumi program against a lab, in which mocks replace only the plugin of the cloud.

Certificates are real. Kubernetes objects are applied and commands run in the order of the program's resource
graph. Mocks create the resources of the cloud: machines, volumes and stores.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pulumi.runtime import config

from testkit.cluster import CHECKOUT, tool
from testkit.process import run
from testkit.wait import eventually
from tests.unit.components import graph as graphs
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Graph, Node, without_secret_marks

COMMAND_SECONDS = 900


class Deployment:
    """A run of the Pulumi program.

    `environment` has the environment variables of the commands. The lab cannot reach some addresses in
    commands; `rewrite` replaces these addresses in the text of a command.
    """

    def __init__(
        self,
        cluster: Mapping[str, Any],
        plugins: CertificatePluginMocks,
        environment: Mapping[str, str],
        rewrite: Callable[[str], str] = str,
    ) -> None:
        config.set_config("kubewright:cluster", json.dumps(cluster))
        interrupt = signal.getsignal(signal.SIGINT)
        previous_directory = Path.cwd()
        os.chdir(CHECKOUT)
        try:
            self.graph: Graph = graphs.record_graph(
                lambda: runpy.run_path(str(CHECKOUT / "__main__.py"), run_name="__main__"), plugins=plugins
            )
        finally:
            os.chdir(previous_directory)
            signal.signal(signal.SIGINT, interrupt)
            config.set_all_config({})
        self._rewrite = rewrite
        self._environment = {**os.environ, **environment}
        self.kubeconfig = str(without_secret_marks(self.graph.outputs["kubeconfig"]))

    def run_commands(self) -> None:
        """Run the commands and apply the objects, each after its dependencies."""
        nodes = self.graph.nodes
        order = TopologicalSorter({urn: self._dependencies(node) for urn, node in nodes.items()})
        for urn in order.static_order():
            node = nodes[urn]
            if node.type == "command:local:Command":
                self._run_command(node)
            elif node.type.startswith("kubernetes:") and "Release" not in node.type:
                self._apply_object(node)

    def kubectl(self, *words: str, stdin: str = "", timeout: float = 60) -> str:
        """Run kubectl as the administrator and return its output."""
        argv = [tool("kubectl"), f"--kubeconfig={self._kubeconfig_file}", *words]
        return run(argv, stdin=stdin, timeout=timeout).stdout

    def items(self, *words: str) -> list[Any]:
        """Return the items in the output of `kubectl get … -o json`."""
        return list(json.loads(self.kubectl("get", *words, "-o", "json"))["items"])

    def write_kubeconfig(self, directory: Path, balancer: str) -> None:
        """Write the administrator's kubeconfig to a file in a directory.

        The file has the address of the load balancer, because this machine cannot resolve names of the
        private DNS zone.
        """
        self._kubeconfig_file = directory / "kubeconfig"
        self._kubeconfig_file.touch(mode=0o600)
        self._balancer = balancer
        self._kubeconfig_file.write_text(self._with_reachable_address(self.kubeconfig))

    def _with_reachable_address(self, kubeconfig: str) -> str:
        """Return the kubeconfig with the load balancer's address, and with the API's name for TLS
        verification.
        """
        document = json.loads(kubeconfig)
        for item in document["clusters"]:
            host, _, port = item["cluster"]["server"].removeprefix("https://").partition(":")
            item["cluster"] |= {"server": f"https://{self._balancer}:{port}", "tls-server-name": host}
        return json.dumps(document)

    def _dependencies(self, node: Node) -> set[str]:
        """Return the URNs of the resources that a resource depends on.

        A dependency on a component is a dependency on all its children.
        """
        nodes = self.graph.nodes
        dependencies = {urn for urn in node.depends_on if urn in nodes}
        queue = list(dependencies)
        while queue:
            current = queue.pop()
            if not nodes[current].type.startswith("kubewright:"):
                continue
            children = {urn for urn, other in nodes.items() if other.parent == current}
            new_children = children - dependencies - {node.urn}
            dependencies |= new_children
            queue += new_children
        provider = node.provider.rsplit("::", 1)[0]
        return dependencies | ({provider} if provider in nodes else set())

    def _run_command(self, node: Node) -> None:
        inputs = without_secret_marks(node.inputs)
        if "create" not in inputs:
            return
        stdin = inputs.get("stdin", "")
        run(
            [*inputs.get("interpreter", ["/bin/sh", "-c"]), self._rewrite(inputs["create"])],
            stdin=self._with_reachable_address(stdin) if _is_kubeconfig(stdin) else stdin,
            timeout=COMMAND_SECONDS,
            env=self._environment | inputs.get("environment", {}),
            cwd=Path(inputs.get("dir", CHECKOUT)),
        )

    def _apply_object(self, node: Node) -> None:
        body = without_secret_marks(node.inputs)
        if "kind" not in body or "apiVersion" not in body:
            return

        def apply() -> bool:
            words = ("apply", "--server-side", "--force-conflicts", "-f", "-")
            return bool(self.kubectl(*words, stdin=json.dumps(body)))

        eventually(f"{body['kind']} {body['metadata'].get('name')} is applied", apply, timeout=60)


def _is_kubeconfig(stdin: str) -> bool:
    """Return whether the input of a command is a kubeconfig. A delivery contains kubeconfigs among others."""
    return stdin.startswith("{") and '"current-context"' in stdin
