"""Tests of the stand-in for Azure: it has every type and function of Azure that the program uses."""

from __future__ import annotations

from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.functions import FUNCTIONS
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Json
from tests.unit.lab.plugins.recording import RecordingMocks
from tests.unit.providers.azure.program import AzurePlugins, with_all_features, with_pod_identities
from tests.unit.providers.program import ExampleStack, section, with_own_store


def with_everything(cluster: Json) -> None:
    with_all_features(cluster)
    with_pod_identities(cluster)
    with_own_store(cluster)
    section(cluster, "azure")["file_storage"] = {}


class RecordingPlugins(RecordingMocks, AzurePlugins, CertificatePluginMocks):
    prefix = "azure-native:"


def test_every_type_and_function_of_the_program_is_emulated() -> None:
    plugins = RecordingPlugins()
    ExampleStack("azure-example", lambda: plugins).graph(with_everything)
    assert plugins.types == KINDS.keys()
    assert plugins.functions <= FUNCTIONS.keys()
