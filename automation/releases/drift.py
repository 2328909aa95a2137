"""How a Helm release differs from what `up` installed: functions of the state, the record and objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automation.engine.state import resources_of
from automation.releases.pods import Json
from automation.releases.record import ObjectKey, ReleaseRecord
from automation.signatures import has_signature, is_secret
from formats.lists import shorten_list

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"
_RECORD = "release"
"""The subject of differences that are not about one object."""
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
_SHOWN_TEXTS = ("image", "type", "storageClassName", "ingressClassName")
"""Keys whose texts are shown. Other texts can contain secrets."""
_MAX_PATHS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledRelease:
    """A release that the state has. `version` is that of its chart; `values` can contain secrets."""

    namespace: str
    name: str
    version: str
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ReleaseDifference:
    """A difference of a release: the object, or `release`, and what differs."""

    subject: str
    description: str


def releases_in_state(state: Mapping[str, Any]) -> list[InstalledRelease]:
    """Return the releases of an exported state, whose secrets are in plain text."""
    found = []
    for resource in resources_of(state):
        if resource.get("type") == RELEASE_TYPE and resource.get("custom") and not resource.get("delete"):
            inputs, outputs = (plain_value(resource.get(key) or {}) for key in ("inputs", "outputs"))
            found.append(
                InstalledRelease(
                    namespace=str(inputs.get("namespace") or "default"),
                    name=str(inputs.get("name", "")),
                    version=str(outputs.get("version") or inputs.get("version") or ""),
                    values=inputs.get("values") or {},
                )
            )
    return found


def plain_value(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a value of a state with the plain content of all secrets inside."""
    if is_secret(value):
        return plain_value(json.loads(value["plaintext"]))
    if isinstance(value, Mapping) and not has_signature(value):
        return {key: plain_value(item) for key, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, list) else value


def compare_record(release: InstalledRelease, record: ReleaseRecord | None) -> list[ReleaseDifference]:
    """Return how the newest record of Helm differs from the state."""
    if record is None:
        return [ReleaseDifference(_RECORD, "is not installed; run `refresh` and `up`")]
    texts = []
    if record.status != "deployed":
        texts.append(f"status {record.status}")
    version = record.chart.rpartition(" ")[2]
    if release.version and version != release.version:
        texts.append(f"chart version {version} instead of {release.version}")
    if record.values != release.values:
        texts.append("values are not those of the last `up`")
    return [ReleaseDifference(_RECORD, text) for text in texts]


def compare_objects(wanted: Sequence[Json], found: Sequence[Json]) -> list[ReleaseDifference]:
    """Return how the objects of a release differ from its manifest.

    `wanted` are the objects that the API would have after the manifest was applied, and `found` those that
    it has. Fields that the manifest does not name are the same in both.
    """
    existing = {_key(item): item for item in found}
    differences = []
    for item in wanted:
        key = _key(item)
        if key not in existing:
            differences.append(ReleaseDifference(str(key), "was deleted"))
            continue
        hides = key.kind == "Secret"
        paths = list(
            _changed_paths(_without_server_fields(item), _without_server_fields(existing[key]), "", hides)
        )
        if paths:
            differences.append(ReleaseDifference(str(key), shorten_list(paths, _MAX_PATHS)))
    return differences


def _key(item: Json) -> ObjectKey:
    metadata = item.get("metadata") or {}
    return ObjectKey(
        str(item.get("kind", "")), str(metadata.get("namespace") or ""), str(metadata.get("name"))
    )


def _without_server_fields(item: Json) -> dict[str, Any]:
    metadata = {key: value for key, value in item["metadata"].items() if key not in _SERVER_FIELDS}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


def _changed_paths(wanted: object, found: object, path: str, hides: bool) -> Iterator[str]:
    """Yield the path of each field that differs, with the values if they cannot be secrets."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in dict.fromkeys((*wanted, *found)):
            inside = f"{path}.{key}" if path else str(key)
            if key not in found:
                yield f"{inside}: removed"
            elif key in wanted:
                yield from _changed_paths(wanted[key], found[key], inside, hides)
            else:
                yield f"{inside}: added"
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (left, right) in enumerate(zip(wanted, found, strict=True)):
            yield from _changed_paths(left, right, f"{path}[{number}]", hides)
    elif wanted != found:
        values = [] if hides else [_shown(value, path) for value in (found, wanted)]
        yield f"{path}: {values[0]} instead of {values[1]}" if values and all(values) else f"{path}: changed"


def _shown(value: object, path: str) -> str:
    """Return a value for a message; empty for a value that can be a secret, or that is too long."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    is_shown = isinstance(value, str) and path.rpartition(".")[2] in _SHOWN_TEXTS
    return str(value) if is_shown and len(str(value)) < 100 else ""
