"""The emulated Azure Resource Manager: creates, reads and deletes resources, and enforces their references.

No library emulates this API, so this module implements it. As in the API, the id identifies a resource. A
resource needs its resource group, its parent and everything to which it refers, and cannot be deleted while
another resource refers to it.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from lab.cloud.azure import generated, scale_set_api
from lab.cloud.azure.credentials import find_problem
from lab.cloud.azure.immutable import changed_properties
from lab.cloud.azure.machine_api import MachineApi
from lab.cloud.azure.resources import (
    RESOURCE_GROUP,
    SCALE_SET,
    VIRTUAL_MACHINE,
    Body,
    Resource,
    Resources,
    is_inside,
    parse_id,
)
from lab.cloud.azure.results import Refused, Response
from lab.cloud.running import MachineStates

_BLOB_SERVICE = "/blobservices/default"
"""The blob service of a storage account, which exists with the account."""
_ROLE_DEFINITIONS = "/providers/microsoft.authorization/roledefinitions/"
_EXTENSIONS = ("Microsoft.Authorization/",)
"""Types of resources that can be below any resource, and that are deleted with it."""
_WITH_MACHINES = (VIRTUAL_MACHINE, SCALE_SET)


class ResourceManager:
    """The management API on the resources and machines of a lab. `url` is the URL of the API."""

    def __init__(self, lab: str, url: str) -> None:
        self._resources, self._states = Resources.of(lab), MachineStates.of(lab)
        self._machines = MachineApi(lab, url)

    def respond(self, method: str, path: str, body: Body) -> Response:
        """Respond to a request. Raise Refused for a request that Azure refuses too."""
        if (response := self._machines.respond(method, path)) is not None:
            return response
        if (special := scale_set_api.respond(self._resources, self._states, method, path, body)) is not None:
            return Response(HTTPStatus.OK, special)
        parsed = parse_id(path)
        if parsed is None:
            raise Refused(HTTPStatus.NOT_FOUND, "InvalidResourceType", f"{path}: no such resource type")
        if method == "PUT":
            return self._put(path, parsed.type, parsed.parent, body)
        if method == "DELETE":
            return self._delete(path)
        if method == "GET":
            return Response(HTTPStatus.OK, _find(self._resources.all(), path).body)
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", f"{method} is not emulated")

    def _put(self, path: str, kind: str, parent: str, body: Body) -> Response:
        with self._resources.locked() as resources:
            previous = resources.get(path.lower())
            if previous is not None and previous.deleting:
                raise Refused(HTTPStatus.CONFLICT, "ResourceBeingDeleted", f"{path} is being deleted")
            if kind != RESOURCE_GROUP:
                _require_parent(resources, path, parent)
            new = Resource(id=path, type=kind, body={**body, "id": path, "name": path.rpartition("/")[2]})
            if missing := next(_missing_references(resources, new), ""):
                raise Refused(
                    HTTPStatus.BAD_REQUEST, "InvalidResourceReference", f"{path} refers to {missing}"
                )
            if previous is not None and (refused := next(changed_properties(new, previous), "")):
                raise Refused(
                    HTTPStatus.CONFLICT, "PropertyChangeNotAllowed", f"{path}: cannot change {refused}"
                )
            if problem := find_problem(resources, new):
                raise Refused(HTTPStatus.BAD_REQUEST, "BadRequest", f"{path}: {problem}")
            if previous is not None:
                new = replace(new, next_instance=previous.next_instance, upgrade=previous.upgrade)
            new = generated.complete(new, previous)
            resources[path.lower()] = scale_set_api.start_upgrade(new, previous)
        return Response(HTTPStatus.OK if previous else HTTPStatus.CREATED, new.body)

    def _delete(self, path: str) -> Response:
        with self._resources.locked() as resources:
            resource = resources.get(path.lower())
            if resource is None:
                return Response(HTTPStatus.NO_CONTENT, {})
            if user := _user_of(resources, path.lower()):
                raise Refused(HTTPStatus.CONFLICT, "InUseResourceCannotBeDeleted", f"{user} uses {path}")
            inside = {key for key in resources if is_inside(key, path.lower())}
            if any(resources[key].type in _WITH_MACHINES for key in inside):
                # The program group_machines ends the machines, and then removes the resource.
                for key in inside:
                    if resources[key].type in _WITH_MACHINES or key == path.lower():
                        resources[key] = replace(resources[key], deleting=True).with_properties(
                            provisioningState="Deleting"
                        )
                return Response(HTTPStatus.ACCEPTED, {})
            for key in inside:
                del resources[key]
        return Response(HTTPStatus.OK, {})


def _find(resources: Mapping[str, Resource], path: str) -> Resource:
    resource = resources.get(path.lower())
    if resource is None:
        raise Refused(HTTPStatus.NOT_FOUND, "ResourceNotFound", f"{path} was not found")
    return resource


def _require_parent(resources: Mapping[str, Resource], path: str, parent: str) -> None:
    """Raise Refused if the resource group or the resource that contains a new resource does not exist."""
    key = parent.lower().removesuffix(_BLOB_SERVICE)
    if key.count("/") == 2 or key in resources:  # a subscription exists
        return
    code = "ResourceGroupNotFound" if key.count("/") == 4 else "ParentResourceNotFound"
    raise Refused(HTTPStatus.NOT_FOUND, code, f"{path}: {parent} does not exist")


def _missing_references(resources: Mapping[str, Resource], resource: Resource) -> Iterator[str]:
    """Yield each id in the body that belongs to no resource, and to no part of a resource."""
    for id in _references(resource.body):
        if not _exists(resources, resource, id):
            yield id


def _exists(resources: Mapping[str, Resource], resource: Resource, id: str) -> bool:
    key = id.lower()
    built_in = _ROLE_DEFINITIONS in key and "/resourcegroups/" not in key
    if key in resources or key == resource.id.lower() or built_in or key.endswith(_BLOB_SERVICE):
        return True
    owner_id, collection, name = id.rsplit("/", 2)
    owner = resource if owner_id.lower() == resource.id.lower() else resources.get(owner_id.lower())
    parts = owner.properties.get(collection) if owner is not None else None
    return isinstance(parts, list) and any(item.get("name") == name for item in parts)


def _references(value: Any) -> Iterator[str]:  # noqa: ANN401 — JSON
    """Yield the ids of resources in a body, except its own id and its images."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in ("imageReference", "assignableScopes", "datasourceId"):
                continue
            if key.startswith("/subscriptions/"):
                yield key
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, str) and value.startswith("/subscriptions/") and "/providers/" in value:
        yield value


def _user_of(resources: Mapping[str, Resource], key: str) -> str:
    """Return the id of a resource outside `key` that refers to `key` or to something below it."""
    for other, resource in resources.items():
        if is_inside(other, key) or resource.type.startswith(_EXTENSIONS):
            continue
        if any(is_inside(id.lower(), key) for id in _references(resource.body)):
            return resource.id
    return ""
