"""Lab stacks on an emulated cloud (`kubewright:lab` with `cloud`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.workspace import LAB_KEY, Workspace
from lab.cloud.aws import deployer as aws_deployer
from lab.cloud.azure import deployer as azure_deployer
from lab.paths import LabPaths
from lab.spec import Cloud, LabSpec
from settings import Settings
from settings.aws import AwsSettings

CHARTS_VARIABLE = "KUBEWRIGHT_LAB_CHARTS"
"""Environment variable of the stand-in for Kubernetes: a directory with charts that replace those of
repositories.
"""
_AWS_LIBRARY = "moto"


def lab_spec(name: str, lab: Mapping[str, Any], settings: Settings, mirror: Path) -> LabSpec:
    """Return the lab of a stack on an emulated cloud. Its hosts are the machines that the program creates.

    Every host and this machine resolve the name of the endpoint to the load balancer of the lab. Raise
    `UserError` for settings that the emulation does not support, and ValidationError for an invalid lab.
    """
    if lab["cloud"] not in list(Cloud):
        names = ", ".join(Cloud)
        raise UserError(f"{LAB_KEY}.cloud: {lab['cloud']!r}: no emulated cloud; allowed: {names}")
    cloud = Cloud(lab["cloud"])
    section = settings.aws if cloud is Cloud.AWS else settings.azure
    if section is None:
        raise UserError(f"{LAB_KEY}.cloud: the stack has no section {cloud}; add it, or remove `cloud`")
    region = ""
    if isinstance(section, AwsSettings):
        _require_aws_emulation(section)
        region = section.region
    if str(section.network.range) != str(lab["network"]):
        raise UserError(
            f"{cloud}.network.range: {section.network.range}: the lab's network is {lab['network']}; use it"
        )
    spec = LabSpec(name=name, network=lab["network"], mirror=mirror, cloud=cloud, region=region)
    endpoint = settings.endpoint.host if settings.endpoint is not None else ""
    return spec.model_copy(update={"names": {str(endpoint): spec.gateway}})


def _require_aws_emulation(settings: AwsSettings) -> None:
    """Raise `UserError` for a region that the lab does not emulate, or without the library."""
    if settings.region not in aws_deployer.REGIONS:
        regions = " and ".join(aws_deployer.REGIONS)
        raise UserError(f"aws.region: {settings.region}: the lab emulates only {regions}; use one of them")
    if importlib.util.find_spec(_AWS_LIBRARY) is None:
        raise UserError(
            f"{LAB_KEY}.cloud: the Python package {_AWS_LIBRARY} is missing; run `setup/environment --dev`, "
            "then this command again"
        )


def cloud_variables(workspace: Workspace) -> dict[str, str]:
    """Return the environment variables of the deployer in the emulated cloud of a stack's lab."""
    if workspace.lab_cloud == Cloud.AZURE:
        return azure_deployer.environment_variables(workspace.short_name)
    return aws_deployer.environment_variables(workspace.short_name)


def deployer_variables(workspace: Workspace) -> dict[str, str]:
    """Return the environment variables with which the engine uses the emulated cloud of a stack's lab.

    Return an empty mapping for other stacks, and before the lab exists.
    """
    if not workspace.lab_cloud or not LabPaths.of(workspace.short_name).spec.exists():
        return {}
    return cloud_variables(workspace) | {CHARTS_VARIABLE: str(CHECKOUT / "lab" / "charts")}
