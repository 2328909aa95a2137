"""Lab stacks on an emulated cloud (`kubewright:lab` with `cloud`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.workspace import LAB_KEY, Workspace
from lab.cloud.aws.deployer import REGION, environment_variables
from lab.paths import LabPaths
from lab.spec import Cloud, LabSpec
from settings import Settings

CHARTS_VARIABLE = "KUBEWRIGHT_LAB_CHARTS"
"""Environment variable of the stand-in for Kubernetes: a directory with charts that replace those of
repositories.
"""
_LIBRARY = "moto"


def lab_spec(name: str, lab: Mapping[str, Any], settings: Settings, mirror: Path) -> LabSpec:
    """Return the lab of a stack on an emulated cloud. Its hosts are the machines that the program creates.

    Every host and this machine resolve the name of the endpoint to the load balancer of the lab. Raise
    `UserError` for settings that the emulation does not support, and ValidationError for an invalid lab.
    """
    if lab["cloud"] != Cloud.AWS:
        raise UserError(f"{LAB_KEY}.cloud: {lab['cloud']!r}: only {Cloud.AWS} is emulated for whole stacks")
    if settings.aws is None:
        raise UserError(f"{LAB_KEY}.cloud: the stack has no section aws; add it, or remove `cloud`")
    if settings.aws.region != REGION:
        raise UserError(f"aws.region: {settings.aws.region}: the lab emulates only {REGION}; use it")
    if str(settings.aws.network.range) != str(lab["network"]):
        raise UserError(
            f"aws.network.range: {settings.aws.network.range}: the lab's network is {lab['network']}; use it"
        )
    if importlib.util.find_spec(_LIBRARY) is None:
        raise UserError(
            f"{LAB_KEY}.cloud: the Python package {_LIBRARY} is missing; run `setup/environment --dev`, then "
            "this command again"
        )
    spec = LabSpec(name=name, network=lab["network"], mirror=mirror, cloud=Cloud.AWS)
    endpoint = settings.endpoint.host if settings.endpoint is not None else ""
    return spec.model_copy(update={"names": {str(endpoint): spec.gateway}})


def deployer_variables(workspace: Workspace) -> dict[str, str]:
    """Return the environment variables with which the engine uses the emulated cloud of a stack's lab.

    Return an empty mapping for other stacks, and before the lab exists.
    """
    if not workspace.lab_cloud or not LabPaths.of(workspace.short_name).spec.exists():
        return {}
    variables = environment_variables(workspace.short_name)
    return variables | {CHARTS_VARIABLE: str(CHECKOUT / "lab" / "charts")}
