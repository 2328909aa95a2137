"""Request bodies for the API, and states built from its responses."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping
from typing import Any

from lab.plugins.runtime.values import UNKNOWN, Secret, Value, conceal, reveal, secret_paths

from .naming import Kind, mapping

MANAGER = "__fieldManager"
FIRST_VERSION = "__initialApiVersion"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_ABSENT = object()


def request_body(kind: Kind, inputs: Mapping[str, Value]) -> dict[str, Any]:
    """Return the object to apply: inputs without wrappers, nulls and the engine's own keys.

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
    """Return the JSON merge patch (RFC 7396) from one object to another."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old or old[key] != value:
            patch[key] = merge_patch(old.get(key), value)
    return patch


def outputs(
    kind: Kind, live: Mapping[str, Any], inputs: Mapping[str, Value], manager: str
) -> dict[str, Value]:
    """Return the state of an object: the server's response with all secrets marked."""
    state: dict[str, Any] = copy.deepcopy(dict(live))
    meta = mapping(state.get("metadata"))
    meta.pop("managedFields", None)
    state["metadata"] = meta
    if kind.kind == "Secret" and not kind.group:
        for key in ("data", "stringData"):
            state = conceal(state, (key,))
    state = conceal(state, ("metadata", "annotations", _LAST_APPLIED))
    for path in secret_paths(dict(inputs)):
        state = conceal(state, path)
    return {**state, MANAGER: manager, FIRST_VERSION: kind.api_version}


def previewed(
    kind: Kind, expected: Mapping[str, Any], inputs: Mapping[str, Value], manager: str
) -> dict[str, Value]:
    """Return the state of a new object for a preview. Fields that only the server sets are unknown."""
    state = outputs(kind, expected, inputs, manager)
    given = mapping(reveal(inputs.get("metadata")))
    if state.get("metadata") is not UNKNOWN:
        meta = state["metadata"].value if isinstance(state["metadata"], Secret) else state["metadata"]
        for key in ("uid", "resourceVersion", "creationTimestamp", "generation"):
            meta[key] = UNKNOWN
        if not given.get("name"):
            meta["name"] = UNKNOWN
    state["status"] = UNKNOWN
    if (
        kind.kind == "Service"
        and isinstance(state.get("spec"), dict)
        and state["spec"].get("clusterIP") != "None"
    ):
        wanted = mapping(reveal(inputs.get("spec")))
        for key in ("clusterIP", "clusterIPs"):
            state["spec"][key] = wanted.get(key) or UNKNOWN
        state["spec"]["ports"] = wanted.get("ports", [])
    return state


def merged(old: Value, new: Value) -> Value:
    """Merge new inputs into the old state, for a preview without access to the cluster."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
    return new


def imported(live: Mapping[str, Any]) -> dict[str, Value]:
    """Return inputs that would create an existing object, for an import."""
    found = copy.deepcopy({key: value for key, value in live.items() if key != "status"})
    meta = mapping(found.get("metadata"))
    for key in _SERVER_METADATA:
        meta.pop(key, None)
    annotations = {
        key: value for key, value in mapping(meta.get("annotations")).items() if key != _LAST_APPLIED
    }
    meta.pop("annotations", None)
    if annotations:
        meta["annotations"] = annotations
    found["metadata"] = meta
    if found.get("kind") == "Secret" and "data" in found:
        found["data"] = Secret(found["data"])
    return found


def refreshed(kind: Kind, inputs: Mapping[str, Value], live: Mapping[str, Any]) -> dict[str, Value]:
    """Return inputs with live values: only fields that the program sets, so that the diff is the drift."""
    known = {key: value for key, value in live.items() if key != "status"}
    if kind.kind == "Secret" and not kind.group:
        known["stringData"] = _decode_secret_data(mapping(live.get("data")))
    result = _project_live_value(dict(inputs), known)
    return result if isinstance(result, dict) else dict(inputs)


def _decode_secret_data(data: Mapping[str, Any]) -> dict[str, str]:
    readable: dict[str, str] = {}
    for key, text in data.items():
        try:
            readable[key] = base64.b64decode(str(text)).decode()
        except ValueError:
            continue
    return readable


def _project_live_value(asked: Value, live: Value) -> Value:
    """Return the live value in the structure of the inputs. If both values are equal, keep the notation of
    the input.
    """
    if isinstance(asked, Secret):
        inner = _project_live_value(asked.value, live)
        return _ABSENT if inner is _ABSENT else Secret(inner)
    if live is _ABSENT:
        # The server omits empty and default values; other absent values are missing from the cluster.
        return asked if not asked else _ABSENT
    if isinstance(asked, Mapping) and isinstance(live, Mapping):
        pairs = ((key, _project_live_value(value, live.get(key, _ABSENT))) for key, value in asked.items())
        return {key: value for key, value in pairs if value is not _ABSENT}
    if isinstance(asked, list) and isinstance(live, list):
        if len(asked) != len(live):
            return live
        pairs_of = [_project_live_value(before, after) for before, after in zip(asked, live, strict=True)]
        return live if any(item is _ABSENT for item in pairs_of) else pairs_of
    return asked if _values_equal(asked, live) else live


def _values_equal(asked: Value, live: Value) -> bool:
    """Check whether two values are equal, also as quantities (`0.5` and `500m`)."""
    if asked == live:
        return True
    left, right = quantity(asked), quantity(live)
    return left is not None and left == right


_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def quantity(value: Value) -> float | None:
    """Return the number of a Kubernetes quantity; None for other values."""
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
