"""Tests of the stand-in for Azure: it has every type and function of Azure that the program uses."""

from __future__ import annotations

from pulumi.runtime import mocks

from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.functions import FUNCTIONS
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Json
from tests.unit.providers.azure.program import AzurePlugins, with_all_features, with_pod_identities
from tests.unit.providers.program import ExampleStack, section, with_own_store


def with_everything(cluster: Json) -> None:
    with_all_features(cluster)
    with_pod_identities(cluster)
    with_own_store(cluster)
    section(cluster, "azure")["file_storage"] = {}


class RecordingPlugins(AzurePlugins, CertificatePluginMocks):
    """Mocks that record the types of resources and the functions that the program uses."""

    def __init__(self) -> None:
        super().__init__()
        self.types: set[str] = set()
        self.functions: set[str] = set()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        if args.typ.startswith("azure-native:"):
            self.types.add(args.typ)
        return super().new_resource(args)

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        self.functions.add(args.token)
        return super().call(args)


def test_every_type_and_function_of_the_program_is_emulated() -> None:
    plugins = RecordingPlugins()
    ExampleStack("azure-example", lambda: plugins).graph(with_everything)
    assert plugins.types == KINDS.keys()
    assert plugins.functions <= FUNCTIONS.keys()
