"""Assigns the fields of restored objects to the field managers of this stack [C2].

The kubernetes plugin gives each resource a field manager of its own, `pulumi-kubernetes-` and eight digits.
The state has its name. Objects in a snapshot of another stack have the managers of that stack. The API server
refuses changes of fields that another manager owns
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote

from tenacity import retry, retry_if_exception, stop_after_attempt

from automation.engine.state import resources_of
from automation.operations.api_client import ApiClient, ApiError
from automation.releases.record import ObjectKey
from automation.signatures import reveal

_MANAGER_KEY = "__fieldManager"
_PREFIX = "pulumi-kubernetes-"
_ATTEMPTS = 6
"""How many times an object is read that others change at the same time."""

Managers = Mapping[ObjectKey, Sequence[str]]
"""Maps an object to the field managers of the resources that describe it."""


def managers_in_state(state: Mapping[str, Any]) -> Managers:
    """Return the field managers of all objects in an exported state, whose secrets are in plain text."""
    found: dict[ObjectKey, list[str]] = {}
    for resource in resources_of(state):
        outputs = resource.get("outputs") or {}
        manager, metadata = outputs.get(_MANAGER_KEY), reveal(outputs.get("metadata"))
        if manager and not resource.get("delete") and isinstance(metadata, Mapping):
            key = ObjectKey(
                # Resources that change an object of others have types such as ServiceAccountPatch.
                str(outputs.get("kind")).removesuffix("Patch"),
                str(metadata.get("namespace") or ""),
                str(metadata.get("name")),
                str(outputs.get("apiVersion")),
            )
            found.setdefault(key, []).append(manager)
    return found


def assign_fields(api: ApiClient, managers: Managers, show: Callable[[str], None]) -> int:
    """Assign the fields of all objects to the managers of this stack. Return the number of failures.

    `show` prints a line. An object that the cluster does not have is left out.
    """

    @cache
    def served(base: str) -> Any:  # noqa: ANN401 - JSON
        return api.get(base)["resources"]

    changed, failed = 0, 0
    for key, own in sorted(managers.items()):
        try:
            changed += _assign_object(api, _path_of(key, served), own)
        except ApiError as error:
            if error.status != 404:
                failed += 1
                show(f"{key}: its fields cannot be assigned to this stack: {error}")
    if changed:
        show(f"assigned the fields of {changed} objects to this stack")
    return failed


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.is_conflict


@retry(retry=retry_if_exception(_is_conflict), stop=stop_after_attempt(_ATTEMPTS), reraise=True)
def _assign_object(api: ApiClient, path: str, own: Sequence[str]) -> bool:
    """Assign the fields of an object. Return whether another stack had managed fields.

    Controllers of the restored cluster change objects meanwhile: such an object is read again.
    """
    metadata = api.get(path)["metadata"]
    entries = metadata.get("managedFields") or []
    assigned = reassign(entries, own)
    if assigned == entries:
        return False
    version = metadata["resourceVersion"]
    api.patch(path, {"metadata": {"managedFields": assigned, "resourceVersion": version}})
    return True


def reassign(entries: Sequence[Mapping[str, Any]], own: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return entries of `managedFields` with managers of this stack in place of those of other stacks.

    Managers are renamed, so that the next `up` removes fields that this stack does not set. Without any
    entry, the API server would invent an owner, `before-first-apply`. Entries of other stacks are removed
    if all managers of this stack have an entry.
    """
    present = {entry.get("manager") for entry in entries}
    names = iter([name for name in own if name not in present])
    assigned: list[Mapping[str, Any]] = []
    for entry in entries:
        if not _is_of_other_stack(entry, own):
            assigned.append(entry)
        elif name := next(names, ""):
            assigned.append({**entry, "manager": name})
    return assigned


def _is_of_other_stack(entry: Mapping[str, Any], own: Sequence[str]) -> bool:
    manager = str(entry.get("manager", ""))
    return manager.startswith(_PREFIX) and manager not in own and not entry.get("subresource")


def _path_of(key: ObjectKey, served: Callable[[str], Any]) -> str:
    """Return the path of an object. `served` returns the resources of a version of an API group.

    Raise ApiError with status 404 if the API does not serve the kind of the object.
    """
    version = key.api_version
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    for item in served(base):
        if item["kind"] == key.kind and "/" not in item["name"]:
            scope = f"/namespaces/{quote(key.namespace)}" if item["namespaced"] else ""
            return f"{base}{scope}/{item['name']}/{quote(key.name, safe='')}"
    raise ApiError(f"the API does not serve {key.kind} of {version}", 404)
