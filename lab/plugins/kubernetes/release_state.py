"""The data of helm about a release, and the state of the release resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Value, conceal, secret_paths

from .bodies import INPUTS
from .helm import Helm, HelmError
from .naming import split_id
from .release_inputs import resource_names

Inputs = Mapping[str, Value]


def read_release(helm: Helm, identity: str, default_namespace: str) -> dict[str, Any] | None:
    """Return the data of `helm status` about a release; None if the release does not exist.

    `identity` is `namespace/name`. Raise PluginError if helm fails.
    """
    namespace, name = split_id(identity, default_namespace)
    with helm.workspace() as directory:
        try:
            status_json = helm.run(
                ["status", name, "--namespace", namespace, "--output", "json"], directory=directory
            )
            parsed: dict[str, Any] = json.loads(status_json)
            metadata_json = helm.run(
                ["get", "metadata", name, "--namespace", namespace, "--output", "json"],
                directory=directory,
            )
            chart_metadata = json.loads(metadata_json)
        except HelmError as problem:
            if "not found" in str(problem):
                return None
            raise PluginError(f"Helm release {identity}: {problem}") from None
    # `helm status` omits the chart; `helm get metadata` has it.
    parsed["chart"] = {
        "metadata": {
            "name": chart_metadata.get("chart"),
            "version": chart_metadata.get("version"),
            "appVersion": chart_metadata.get("appVersion"),
        }
    }
    return parsed


def helm_status(release: Mapping[str, Any]) -> str:
    """Return the status of a release as helm names it: `deployed`, `failed`, `pending-upgrade`, …"""
    return str((release.get("info") or {}).get("status") or "")


def outputs(inputs: Inputs, release: Mapping[str, Any]) -> dict[str, Value]:
    """Return the state of a release resource: its inputs, its status, and the names of its objects.

    The inputs are in the state twice, as in the official plugin: as outputs, and in the key `INPUTS`.
    """
    about = release["chart"]["metadata"]
    state: dict[str, Any] = {
        **inputs,
        "version": about.get("version"),
        "resourceNames": resource_names(str(release.get("manifest") or "")),
        "status": {
            "appVersion": about.get("appVersion") or "",
            "chart": about.get("name"),
            "name": release.get("name"),
            "namespace": release.get("namespace"),
            "revision": release.get("version"),
            "status": helm_status(release),
            "version": about.get("version"),
        },
    }
    for path in secret_paths(dict(inputs)):
        state = conceal(state, path)
    return {**state, INPUTS: dict(inputs)}
