"""Mocks that create the AWS resources of the program by the stand-in plugin, in an emulated account."""

from __future__ import annotations

from collections.abc import Mapping

from lab.plugins.aws.provider import AwsProvider
from testkit.emulated_aws import REGION
from tests.programs.emulated_plugins import CloudPlugins


class EmulatedPlugins(CloudPlugins[AwsProvider]):
    """Mocks of plugins for an emulated account, whose deployer has these environment variables."""

    prefix = "aws:"

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(AwsProvider(variables), {"region": REGION})
