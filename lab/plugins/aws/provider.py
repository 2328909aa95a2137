"""The stand-in for AWS: resources of a lab stack exist in the lab's emulated AWS."""

from __future__ import annotations

from collections.abc import Mapping

from lab.plugins.aws.account import Account, is_emulated
from lab.plugins.aws.catalogue import KINDS
from lab.plugins.aws.functions import FUNCTIONS
from lab.plugins.generic.emulated import EmulatedProvider, Emulation
from lab.plugins.runtime.values import Properties


class AwsProvider(EmulatedProvider[Account]):
    """Provider for the resource types in `catalogue`. `environment` are the environment variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        def connect(settings: Properties) -> Account | None:
            return Account(str(settings.get("region", "")), environment) if is_emulated(environment) else None

        super().__init__(
            Emulation(
                package="aws",
                catalogue="lab/plugins/aws/catalogue.py",
                kinds=KINDS,
                functions=FUNCTIONS,
                connect=connect,
            )
        )
