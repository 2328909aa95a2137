"""Facts that helm reports about a release, and the state of the resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Value, conceal, secret_paths

from .helm import Helm, HelmError
from .naming import split_id
from .release_inputs import resource_names

Inputs = Mapping[str, Value]


def found(helm: Helm, identity: str, default_namespace: str) -> dict[str, Any] | None:
    """Return the data of helm about a release `namespace/name`, or None.

    Raises: PluginError: helm fails.
    """
    namespace, name = split_id(identity, default_namespace)
    with helm.workspace() as directory:
        try:
            text = helm.run(
                ["status", name, "--namespace", namespace, "--output", "json"], directory=directory
            )
            parsed: dict[str, Any] = json.loads(text)
            about = helm.run(
                ["get", "metadata", name, "--namespace", namespace, "--output", "json"],
                directory=directory,
            )
            described = json.loads(about)
        except HelmError as problem:
            if "not found" in str(problem):
                return None
            raise PluginError(f"Helm release {identity}: {problem}") from None
    # `helm status` omits the chart; `helm get metadata` has it.
    parsed["chart"] = {
        "metadata": {
            "name": described.get("chart"),
            "version": described.get("version"),
            "appVersion": described.get("appVersion"),
        }
    }
    return parsed


def word(found: Mapping[str, Any]) -> str:
    """Return the status of a release in the terms of helm: `deployed`, `failed`, `pending-upgrade`, …"""
    return str((found.get("info") or {}).get("status") or "")


def outputs(inputs: Inputs, found: Mapping[str, Any]) -> dict[str, Value]:
    """Return the state of a release: inputs, helm's status, and its objects."""
    about = found["chart"]["metadata"]
    state: dict[str, Any] = {
        **inputs,
        "version": about.get("version"),
        "resourceNames": resource_names(str(found.get("manifest") or "")),
        "status": {
            "appVersion": about.get("appVersion") or "",
            "chart": about.get("name"),
            "name": found.get("name"),
            "namespace": found.get("namespace"),
            "revision": found.get("version"),
            "status": word(found),
            "version": about.get("version"),
        },
    }
    for path in secret_paths(dict(inputs)):
        state = conceal(state, path)
    return state
