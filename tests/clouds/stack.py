"""A whole stack on an emulated cloud, with checks for tests."""

from __future__ import annotations

import json
from typing import Any

import yaml

from testkit.cluster import CHECKOUT, Cluster
from testkit.stackfile import Document

UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"


class CloudStack(Cluster):
    """A stack on an emulated cloud."""

    def nodes_by_name(self) -> dict[str, Any]:
        """Return the Nodes that are Ready and that the cloud controller has initialized."""
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json").stdout)["items"]
        return {
            node["metadata"]["name"]: node
            for node in nodes
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            and not any(taint["key"] == UNINITIALIZED for taint in node["spec"].get("taints", []))
        }


def copy_of_stack(example: str, name: str, example_network: str, network: str) -> Document:
    """Return the configuration of an example stack with another name and network.

    `example_network` and `network` are the first two bytes of the networks, with a dot at the end.
    """
    text = (CHECKOUT / f"Pulumi.{example}.yaml").read_text()
    config: Document = yaml.safe_load(text.replace(example, name).replace(example_network, network))["config"]
    return config
