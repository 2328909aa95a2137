"""Stacks for tests that run on both emulated clouds: the examples, with three zones and changed settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testkit.stackfile import CLUSTER, DELETE, Document, merge
from tests.clouds.aws_stack import AwsStack
from tests.clouds.azure_stack import AzureStack
from tests.clouds.stack import CloudStack, copy_of_stack, created


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A cloud: its example stack with the first bytes of its network, its zones, and a type of machines."""

    example: str
    network: str
    zones: Sequence[str]
    machine_type: str
    stack: type[CloudStack]


VARIANTS: Mapping[str, Variant] = {
    "aws": Variant(
        example="aws-lab",
        network="10.124.",
        zones=[f"eu-central-1{letter}" for letter in "abc"],
        machine_type="m6i.large",
        stack=AwsStack,
    ),
    "azure": Variant(
        example="azure-lab",
        network="10.126.",
        zones=["1", "2", "3"],
        machine_type="Standard_D2s_v5",
        stack=AzureStack,
    ),
}
"""The clouds by the name of their section in the settings."""
_UP_SECONDS = 1500
"""Time limit for the first `up`. Azure creates members one by one."""


def configuration(cloud: str, name: str, network: str, change: Mapping[str, Any]) -> Document:
    """Return the example of a cloud with three zones. `change` is merged into `kubewright:cluster`.

    `network` are the first two bytes of the network, with a dot at the end. The pods have no identities,
    because these need Kubernetes 1.36.
    """
    variant = VARIANTS[cloud]
    config = copy_of_stack(variant.example, name, variant.network, network)
    quotas = {"vcpus": 64, "spot_vcpus": 64}
    common = {"zones": list(variant.zones), "quotas": quotas, "pod_identities": DELETE}
    config[CLUSTER] = merge(merge(config[CLUSTER], {cloud: common}), change)
    return config


@contextmanager
def created_on(cloud: str, state: Path, config: Document) -> Iterator[CloudStack]:
    """Yield a stack with this configuration after its first `up`. Remove its lab at the end."""
    with created(VARIANTS[cloud].stack(str(config[CLUSTER]["name"]), state, config), _UP_SECONDS) as stack:
        yield stack
