"""The stand-in for Azure: resources of a lab stack exist in the lab's emulated Azure."""

from __future__ import annotations

from collections.abc import Mapping

from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.functions import FUNCTIONS
from lab.plugins.azure_native.subscription import Subscription, is_emulated
from lab.plugins.generic.emulated import EmulatedProvider, Emulation
from lab.plugins.runtime.values import Properties


class AzureProvider(EmulatedProvider[Subscription]):
    """Provider for the resource types in `catalogue`. `environment` are the environment variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        def connect(settings: Properties) -> Subscription | None:
            if not is_emulated(environment):
                return None
            return Subscription(str(settings.get("subscriptionId", "")), environment)

        super().__init__(
            Emulation(
                package="azure-native",
                catalogue="lab/plugins/azure_native/catalogue.py",
                kinds=KINDS,
                functions=FUNCTIONS,
                connect=connect,
            )
        )
