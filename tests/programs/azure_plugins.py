"""Mocks that create the Azure resources of the program by the stand-in, in an emulated subscription."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi.runtime import mocks

from lab.plugins.azure_native.provider import AzureProvider
from testkit.emulated_azure import SUBSCRIPTION
from tests.programs.emulated_plugins import CloudPlugins
from tests.unit.components.graph import Json


class EmulatedPlugins(CloudPlugins[AzureProvider]):
    """Mocks of plugins for an emulated subscription, whose deployer has these environment variables."""

    prefix = "azure-native:"

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(AzureProvider(variables), {"subscriptionId": SUBSCRIPTION})

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        """Create a resource and return its id and state. Keys of other plugins can be keys of SSH."""
        identity, state = super().new_resource(args)
        if args.typ.startswith(self.prefix):
            return identity, state
        return identity, {"publicKeyOpenssh": "ssh-rsa AAAA", **state}
