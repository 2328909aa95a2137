"""Conversion of a release's inputs to flags and values of helm, and the names of a release's objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import rpc

from lab.plugins.runtime.errors import InvalidInput
from lab.plugins.runtime.values import SIGNATURE, Value

_FLAGS = {
    "atomic": "--atomic",
    "createNamespace": "--create-namespace",
    "dependencyUpdate": "--dependency-update",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "disableWebhooks": "--no-hooks",
    "forceUpdate": "--force",
    "renderSubchartNotes": "--render-subchart-notes",
    "skipCrds": "--skip-crds",
    "takeOwnership": "--take-ownership",
}
_INSTALL_FLAGS = {"replace": "--replace"}
_UPGRADE_FLAGS = {
    "cleanupOnFail": "--cleanup-on-fail",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
}


def helm_flags(verb: str, plain: Mapping[str, Any]) -> list[str]:
    """Return the flags of `helm install` or `helm upgrade` (`verb`) for the inputs of a release."""
    flags = {**_FLAGS, **(_UPGRADE_FLAGS if verb == "upgrade" else _INSTALL_FLAGS)}
    arguments = [flag for key, flag in flags.items() if plain.get(key)]
    if verb == "upgrade" and plain.get("createNamespace"):
        arguments += ["--install"]
    if not plain.get("skipAwait"):
        arguments.append("--wait")
        arguments += ["--wait-for-jobs"] if plain.get("waitForJobs") else []
    if plain.get("description"):
        arguments += ["--description", str(plain["description"])]
    if verb == "upgrade" and plain.get("maxHistory") is not None:
        arguments += ["--history-max", str(plain["maxHistory"])]
    if plain.get("postrender"):
        arguments += ["--post-renderer", str(plain["postrender"])]
    return arguments


def chart_values(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for the chart: the value files merged in order, then the input `values`.

    Raises:
        InvalidInput: a value file is unreadable or does not contain a map.
    """
    result: dict[str, Any] = {}
    for index, asset in enumerate(plain.get("valueYamlFiles") or []):
        result = dict(_merge_values(result, _read_values_file(asset, index)))
    return dict(_merge_values(result, plain.get("values") or {}))


def _read_values_file(asset: Value, index: int) -> dict[str, Any]:
    field = f"valueYamlFiles[{index}]"
    if not isinstance(asset, Mapping) or asset.get(SIGNATURE) != rpc._special_asset_sig:
        raise InvalidInput(field, f"{field} must be a file or string asset")
    try:
        text = asset["text"] if asset.get("text") else Path(str(asset["path"])).read_text(encoding="utf-8")
        parsed = yaml.safe_load(text) or {}
    except (OSError, KeyError, yaml.YAMLError):
        raise InvalidInput(field, f"{field} is not a readable YAML file") from None
    if not isinstance(parsed, dict):
        raise InvalidInput(field, f"{field} must hold a map of values")
    return parsed


def _merge_values(base: Value, top: Value) -> Value:
    if isinstance(base, Mapping) and isinstance(top, Mapping):
        return {**base, **{key: _merge_values(base.get(key), value) for key, value in top.items()}}
    return top


def resource_names(manifest: str) -> dict[str, list[str]]:
    """Return the names of a release's objects by kind (`Deployment/apps/v1`), from its rendered manifest."""
    names: dict[str, list[str]] = {}
    for item in yaml.load_all(manifest, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(item, Mapping) and isinstance(item.get("metadata"), Mapping):
            key = f"{item.get('kind')}/{item.get('apiVersion')}"
            meta = item["metadata"]
            place = f"{meta['namespace']}/" if meta.get("namespace") else ""
            names.setdefault(key, []).append(f"{place}{meta.get('name')}")
    return names
