"""The whole program on mocks of AWS's plugin, from the example stack or a changed one."""

from __future__ import annotations

import base64
import copy
import json
import runpy
import signal
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import cast

import yaml
from pulumi.runtime import config, mocks

from settings import Settings, load
from settings.aws import AwsSettings
from tests.unit.components.graph import Graph, Json, Node, Plugins, record
from topology.build import topology
from topology.model import Topology

ROOT = Path(__file__).resolve().parents[4]
ACCOUNT = "123456789012"
Change = Callable[[Json], None]


class AwsPlugins(Plugins):
    """What AWS's plugin gives back, as far as the program looks at it."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        identity, state = super().new_resource(args)
        if args.typ.startswith("aws:"):
            state |= {"arn": f"arn:aws:mock:eu-central-1:{ACCOUNT}:{args.name}"}
            state |= {"latestVersion": 7, "publicIp": "198.51.100.7", "keyId": f"{args.name}-key"}
        return identity, state

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        known: dict[str, Json] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["x-1a", "x-1b", "x-1c"]},
            "aws:ec2/getAmi:getAmi": {"id": "ami-found", "rootDeviceName": "/dev/xvda"},
        }
        return known[args.token], []


def example() -> Json:
    """The object `kubewright:cluster` of the example stack."""
    text = (ROOT / "Pulumi.aws-example.yaml").read_text()
    return cast(Json, yaml.safe_load(text)["config"]["kubewright:cluster"])


def part(cluster: Json, *path: str) -> Json:
    """A section of it, to be changed in place."""
    for key in path:
        cluster = cast(Json, cluster[key])
    return cluster


def deploy(cluster: Json, *, preview: bool = False) -> Graph:
    """Everything the program registers for that configuration."""
    interrupt = signal.getsignal(signal.SIGINT)
    config.set_config("kubewright:cluster", json.dumps(cluster))
    try:
        return record(
            lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"),
            preview=preview,
            plugins=AwsPlugins(),
        )
    finally:
        signal.signal(signal.SIGINT, interrupt)
        config.set_all_config({})


@lru_cache
def _once(changed: str) -> Graph:
    return deploy(cast(Json, json.loads(changed)))


def graph(change: Change | None = None) -> Graph:
    """The graph of the example, changed by `change`; made once for each outcome."""
    return _once(json.dumps(changed(change)))


def changed(change: Change | None = None) -> Json:
    """The example, changed."""
    cluster = copy.deepcopy(example())
    if change:
        change(cluster)
    return cluster


def plan(change: Change | None = None) -> tuple[Settings, AwsSettings, Topology]:
    """Settings and topology of the example, changed."""
    settings = load(cast(Mapping[str, object], changed(change)))
    assert settings.aws is not None
    return settings, settings.aws, topology(settings)


def of_aws(found: Graph) -> list[Node]:
    """The resources that AWS makes."""
    return [node for node in found.nodes.values() if node.type.startswith("aws:")]


def user_data(template: Node) -> str:
    """A launch template's user data, decoded."""
    return base64.b64decode(template.text("userData")).decode()
