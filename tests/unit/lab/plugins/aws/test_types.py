"""Tests of the stand-in for AWS: it has every type and function of AWS that the program uses."""

from __future__ import annotations

from typing import cast

from lab.plugins.aws.catalogue import KINDS
from lab.plugins.aws.functions import FUNCTIONS
from tests.unit.components.graph import Json
from tests.unit.lab.plugins.recording import RecordingMocks
from tests.unit.providers.aws.program import AwsPlugins, with_dedicated_etcd, with_pod_roles
from tests.unit.providers.program import ExampleStack, section, with_own_store


def with_everything(cluster: Json) -> None:
    """Edit the settings so that the program creates resources of every type that it knows."""
    with_dedicated_etcd(cluster)
    with_own_store(cluster)
    aws = section(cluster, "aws")
    section(aws, "addons")["load_balancers"] = True
    section(aws, "network")["nat"] = "per-zone"
    section(aws, "endpoint")["zone"] = "Z0123456789ABCDEFGHIJ"
    aws["zones"] = 3
    with_pod_roles(cluster)
    aws["file_storage"] = {}
    aws["quotas"] = cast(Json, {"vcpus": 64, "spot_vcpus": 128, "addresses": 10})


class RecordingPlugins(RecordingMocks, AwsPlugins):
    prefix = "aws:"


def test_every_type_and_function_of_the_program_is_emulated() -> None:
    plugins = RecordingPlugins()
    stack = ExampleStack("aws-example", lambda: plugins)
    stack.graph()
    stack.graph(with_everything)
    assert plugins.types <= KINDS.keys()
    assert plugins.functions <= FUNCTIONS.keys()
    assert len(plugins.types) > 35
    assert len(plugins.functions) >= 3
