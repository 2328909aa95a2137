"""Request bodies for the API, and states built from its responses."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from typing import Any

from lab.plugins.runtime.values import UNKNOWN, Secret, Value, conceal, reveal, secret_paths

from .naming import Kind, mapping

MANAGER = "__fieldManager"
"""Key of the state with the field manager of an object."""
FIRST_VERSION = "__initialApiVersion"
"""Key of the state with the API version of an object."""
INPUTS = "__inputs"
"""Key of the state with the inputs of an object or release.

The official plugin compares these inputs with the new inputs. Without this key, all fields would appear to be
new.
"""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_ABSENT = object()


def request_body(kind: Kind, inputs: Mapping[str, Value]) -> dict[str, Any]:
    """Return the object to send to the API server: the inputs without `Secret` wrappers, nulls, and keys that
    start with "__".

    `stringData` of a Secret is sent as `data`, so that a key that is removed later disappears.
    """
    body: dict[str, Any] = _without_nulls(
        {key: value for key, value in reveal(dict(inputs)).items() if not key.startswith("__")}
    )
    body |= {"apiVersion": kind.api_version, "kind": kind.kind}
    if kind.kind == "Secret" and kind.api_version == "v1" and body.get("stringData"):
        encoded = {
            key: base64.b64encode(str(text).encode()).decode() for key, text in body.pop("stringData").items()
        }
        body["data"] = {**(body.get("data") or {}), **encoded}
    return body


def _without_nulls(value: Value) -> Value:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def merge_patch(old: Value, new: Value) -> Value:
    """Return the JSON merge patch (RFC 7396) that changes the object `old` to `new`."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old or old[key] != value:
            patch[key] = merge_patch(old.get(key), value)
    return patch


def state_of(
    kind: Kind, live: Mapping[str, Any], inputs: Mapping[str, Value], manager: str
) -> dict[str, Value]:
    """Return the state of the resource for an object: the server's response `live` with all secrets marked,
    and the inputs.
    """
    state: dict[str, Any] = copy.deepcopy(dict(live))
    meta = mapping(state.get("metadata"))
    meta.pop("managedFields", None)
    state |= {"metadata": meta, INPUTS: dict(inputs)}
    if kind.kind == "Secret" and not kind.group:
        for key in ("data", "stringData"):
            state = conceal(conceal(state, (key,)), (INPUTS, key))
    state = conceal(state, ("metadata", "annotations", _LAST_APPLIED))
    for path in secret_paths(dict(inputs)):
        state = conceal(state, path)
    return {**state, MANAGER: manager, FIRST_VERSION: kind.api_version}


def preview_state(
    kind: Kind, expected: Mapping[str, Any], inputs: Mapping[str, Value], manager: str
) -> dict[str, Value]:
    """Return the previewed state of a new object, from the `expected` object of a dry run or from the inputs.

    Fields that only the server sets are unknown.
    """
    state = state_of(kind, expected, inputs, manager)
    metadata_inputs = mapping(reveal(inputs.get("metadata")))
    if state.get("metadata") is not UNKNOWN:
        meta = state["metadata"].value if isinstance(state["metadata"], Secret) else state["metadata"]
        for key in ("uid", "resourceVersion", "creationTimestamp", "generation"):
            meta[key] = UNKNOWN
        if not metadata_inputs.get("name"):
            meta["name"] = UNKNOWN
    state["status"] = UNKNOWN
    if (
        kind.kind == "Service"
        and isinstance(state.get("spec"), dict)
        and state["spec"].get("clusterIP") != "None"
    ):
        spec_inputs = mapping(reveal(inputs.get("spec")))
        for key in ("clusterIP", "clusterIPs"):
            state["spec"][key] = spec_inputs.get(key) or UNKNOWN
        state["spec"]["ports"] = spec_inputs.get("ports", [])
    return state


def merge_inputs(old: Value, new: Value) -> Value:
    """Merge new inputs into the old state. The result is the state in a preview without access to the
    cluster.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: merge_inputs(old.get(key), value) for key, value in new.items()}}
    return new


def import_inputs(live: Mapping[str, Any]) -> dict[str, Value]:
    """Return the inputs that would create the existing object `live`. An import uses these inputs."""
    inputs = copy.deepcopy({key: value for key, value in live.items() if key != "status"})
    meta = mapping(inputs.get("metadata"))
    for key in _SERVER_METADATA:
        meta.pop(key, None)
    annotations = {
        key: value for key, value in mapping(meta.get("annotations")).items() if key != _LAST_APPLIED
    }
    meta.pop("annotations", None)
    if annotations:
        meta["annotations"] = annotations
    inputs["metadata"] = meta
    if inputs.get("kind") == "Secret" and "data" in inputs:
        inputs["data"] = Secret(inputs["data"])
    return inputs


def refresh_inputs(kind: Kind, inputs: Mapping[str, Value], live: Mapping[str, Any]) -> dict[str, Value]:
    """Return the inputs with the values of the existing object `live`, only for fields that the program sets.

    The differences between the old inputs and the result are the drift.
    """
    live_fields = {key: value for key, value in live.items() if key != "status"}
    if kind.kind == "Secret" and not kind.group:
        live_fields["stringData"] = _decode_secret_data(mapping(live.get("data")))
    result = _project_live_value(dict(inputs), live_fields)
    return result if isinstance(result, dict) else dict(inputs)


def _decode_secret_data(data: Mapping[str, Any]) -> dict[str, str]:
    readable: dict[str, str] = {}
    for key, text in data.items():
        try:
            readable[key] = base64.b64decode(str(text)).decode()
        except ValueError:
            continue
    return readable


def _project_live_value(desired: Value, live: Value) -> Value:
    """Return the live value, reduced to the fields that the input `desired` sets.

    If both values are equal, return the input, so that its notation is kept. Return `_ABSENT` for a value
    that is missing in the cluster.
    """
    if isinstance(desired, Secret):
        inner = _project_live_value(desired.value, live)
        return _ABSENT if inner is _ABSENT else Secret(inner)
    if live is _ABSENT:
        # The server omits empty and default values; other absent values are missing from the cluster.
        return desired if not desired else _ABSENT
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        pairs = ((key, _project_live_value(value, live.get(key, _ABSENT))) for key, value in desired.items())
        return {key: value for key, value in pairs if value is not _ABSENT}
    if isinstance(desired, list) and isinstance(live, list):
        if len(desired) != len(live):
            return live
        items = [_project_live_value(before, after) for before, after in zip(desired, live, strict=True)]
        return live if any(item is _ABSENT for item in items) else items
    return desired if _values_equal(desired, live) else live


def _values_equal(desired: Value, live: Value) -> bool:
    """Check whether two values are equal, also as quantities (`0.5` and `500m`)."""
    if desired == live:
        return True
    left, right = quantity(desired), quantity(live)
    return left is not None and left == right


_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def quantity(value: Value) -> float | None:
    """Return a Kubernetes quantity, such as `500m` or `1Gi`, as a number; None for other values."""
    text = str(value)
    digits = text.rstrip("numkMGTPEKi")
    suffix = text[len(digits) :]
    try:
        number = float(digits)
    except ValueError:
        return None
    if suffix in _BINARY:
        return float(number * 1024 ** _BINARY[suffix])
    return round(number * 10.0 ** _SUFFIXES[suffix], 9) if suffix in _SUFFIXES else None
