"""Deletes the resources of a lab stack on an emulated cloud before its lab is removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from automation.emulated_cloud import cloud_variables
from automation.stacks.result import Outcome, Result
from automation.workspace import Workspace
from formats.lists import shorten_list
from lab.cloud.azure import remaining as azure_remaining
from lab.paths import LabPaths
from lab.spec import Cloud

if TYPE_CHECKING:
    from automation.stacks.actions import StackRequest

_SHOWN = 20


def destroy_resources(request: StackRequest, destroy: Callable[[StackRequest], Result]) -> bool:
    """Destroy all resources, and show the resources that remain in the emulated cloud.

    Return whether the engine deleted everything and nothing remains. The caller removes the lab in any case.
    """
    lab = request.workspace().short_name
    if not LabPaths.of(lab).spec.exists():
        return True
    engine = request.prepare_engine()
    # As an operator who deletes the cluster with its data (docs/aws.md).
    engine.capture("state unprotect", "--all", "--yes")
    succeeded = destroy(request).outcome is not Outcome.FAILED
    remaining = _remaining_resources(request.workspace())
    if remaining:
        request.show(f"{lab}: remaining in the emulated cloud: {shorten_list(remaining, _SHOWN)}")
    else:
        request.show(f"{lab}: nothing remains in the emulated cloud")
    return succeeded and not remaining


def _remaining_resources(workspace: Workspace) -> list[str]:
    if workspace.lab_cloud == Cloud.AZURE:
        return azure_remaining.remaining_resources(workspace.short_name)
    # Importing boto3 takes a second, and other commands do not need it.
    from lab.cloud.aws.remaining import remaining_resources

    return remaining_resources(cloud_variables(workspace))
