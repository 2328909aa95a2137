"""Tests of clusters in other clouds of Azure than the public cloud."""

from __future__ import annotations

import json

import pytest

from providers.azure.environments import ENVIRONMENTS
from providers.azure.wait import parse_arguments
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.azure.program import custom_data, graph, with_all_features
from tests.unit.providers.program import section


@pytest.fixture(scope="module")
def government() -> Graph:
    def edit(cluster: Json) -> None:
        with_all_features(cluster)
        section(cluster, "azure").update({"cloud": "usgovernment", "location": "usgovvirginia"})

    return graph(edit)


def test_no_name_of_the_public_cloud_remains(government: Graph) -> None:
    public = ENVIRONMENTS["public"]
    for node in government.nodes.values():
        texts = list(node.plain_texts())
        for name in (public.storage, public.management, public.login, public.name):
            assert not [text for text in texts if name in text], node.name
    for node in government.of_type("compute:VirtualMachine"):
        program = custom_data(node.inputs["osProfile"])
        assert ".blob.core.usgovcloudapi.net" in program
        assert public.storage not in program


def test_plugin_controllers_and_programs_know_the_cloud(government: Graph) -> None:
    (provider,) = government.of_type("providers:azure-native")
    assert provider.inputs["environment"] == "usgovernment"
    secret = government.node("azure-addons-configuration")
    config = secret.value("stringData")
    assert isinstance(config, dict)
    assert json.loads(config["cloud-config"])["cloud"] == "AzureUSGovernmentCloud"
    for name in ("cp-1-control-plane", "azure-store-pools/general/node.sh"):
        assert " --cloud usgovernment " in government.node(name).text("create")


def test_existing_stacks_in_the_public_cloud_keep_their_inputs() -> None:
    resources = graph()
    (provider,) = resources.of_type("providers:azure-native")
    assert provider.inputs["environment"] == "public"
    assert "--cloud" not in resources.node("cp-1-control-plane").text("create")


def test_programs_ask_the_cloud_of_their_arguments() -> None:
    words = ["--statuses", "u", "--seconds", "1", "--cloud", "china", "gate", "digest", "key"]
    assert ENVIRONMENTS[parse_arguments(words).cloud].login == "login.chinacloudapi.cn"
