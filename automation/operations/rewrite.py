"""Writes objects to etcd again, so that API servers encrypt them with the provider that writes today [D4].

An empty patch changes no object. But the API server writes the object to etcd if its stored form is not the
one that the server would write today, as after a rotation of the key. Objects that are up to date are not
written. So a second run continues where an earlier run ended, and conflicts with other clients cannot occur.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from automation.operations.api_client import ApiClient, ApiError

_METADATA = "application/json;as=PartialObjectMetadata{list};g=meta.k8s.io;v=v1"
_PAGE = 500
_PARALLEL = 8
_SECONDS_BETWEEN_LINES = 5
_SHOWN_FAILURES = 10
_CORE = "/api/v1"


@dataclass(frozen=True, slots=True)
class ApiResource:
    """A resource of the API: name and group, such as `cars.example.com`, and the path of all its objects."""

    name: str
    path: str


@dataclass(slots=True)
class RewriteResult:
    """The number of objects that were written and that were up to date, and the failures of others."""

    written: int = 0
    current: int = 0
    failures: list[str] = field(default_factory=list)


def rewrite(api: ApiClient, resources: Sequence[str], show: Callable[[str], None]) -> RewriteResult:
    """Write all objects of resources again. Resources can be wildcards. `show` prints a line of progress."""
    result = RewriteResult()
    for resource in find_resources(api, resources):
        _rewrite_resource(api, resource, result, show)
    for failure in result.failures[:_SHOWN_FAILURES]:
        show(f"failed: {failure}")
    if len(result.failures) > _SHOWN_FAILURES:
        show(f"failed: {len(result.failures) - _SHOWN_FAILURES} more objects")
    return result


def find_resources(api: ApiClient, names: Sequence[str]) -> list[ApiResource]:
    """Return the resources that the names of an EncryptionConfiguration mean, each once.

    A resource that the API does not serve has no objects and is left out.
    """
    found: dict[str, ApiResource] = {}
    for name in names:
        resource, _, group = name.partition(".")
        versions = _all_versions(api) if group == "*" else _version_of(api, group)
        for path in versions:
            for item in _served_resources(api, path):
                if resource in ("*", item.name.partition(".")[0]):
                    found.setdefault(item.path, item)
    return list(found.values())


def _version_of(api: ApiClient, group: str) -> list[str]:
    """Return the path of the preferred version of a group; none if the API does not serve the group."""
    if not group:
        return [_CORE]
    try:
        return [f"/apis/{api.get(f'/apis/{group}')['preferredVersion']['groupVersion']}"]
    except ApiError as error:
        if error.status == 404:
            return []
        raise


def _all_versions(api: ApiClient) -> list[str]:
    groups = api.get("/apis")["groups"]
    return [_CORE, *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]


def _served_resources(api: ApiClient, path: str) -> Iterator[ApiResource]:
    group = path.removeprefix("/apis/").partition("/")[0] if path != _CORE else ""
    for item in api.get(path)["resources"]:
        if {"list", "patch"} <= set(item["verbs"]) and "/" not in item["name"]:
            name = f"{item['name']}.{group}" if group else item["name"]
            yield ApiResource(name, f"{path}/{item['name']}")


def _rewrite_resource(
    api: ApiClient, resource: ApiResource, result: RewriteResult, show: Callable[[str], None]
) -> None:
    done, next_line = 0, time.monotonic() + _SECONDS_BETWEEN_LINES
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        for items, remaining in pages(api, resource):
            outcomes = pool.map(lambda item: _touch(api, resource, item["metadata"]), items)
            for outcome in outcomes:
                done += 1
                _add(outcome, result)
                if time.monotonic() >= next_line:
                    next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
                    show(f"{resource.name}: {done} of {max(done, remaining)} objects")
    show(f"{resource.name}: {done} objects")


def _add(outcome: bool | str, result: RewriteResult) -> None:
    if isinstance(outcome, str):
        result.failures.append(outcome)
    elif outcome:
        result.written += 1
    else:
        result.current += 1


def pages(api: ApiClient, resource: ApiResource) -> Iterator[tuple[list[Any], int]]:
    """Yield the metadata of objects page by page, with the number of objects including this and later pages.

    When a page takes so long that the API forgot the list, the list begins again.
    """
    token, seen = "", 0
    while True:
        query = f"?limit={_PAGE}" + (f"&continue={quote(token)}" if token else "")
        try:
            page = api.get(resource.path + query, _METADATA.format(list="List"))
        except ApiError as error:
            if error.status != 410 or not token:
                raise
            token, seen = "", 0
            continue
        # An empty list of custom resources is null.
        items = page["items"] or []
        seen += len(items)
        yield items, seen + int(page["metadata"].get("remainingItemCount", 0))
        token = page["metadata"].get("continue", "")
        if not token:
            return


def _touch(api: ApiClient, resource: ApiResource, metadata: dict[str, Any]) -> bool | str:
    """Send an empty patch of an object. Return whether the object was written, or the reason of a failure."""
    version, _, name = resource.path.rpartition("/")
    namespace = metadata.get("namespace", "")
    place = f"{version}/namespaces/{quote(namespace)}/{name}" if namespace else resource.path
    try:
        after = api.patch(f"{place}/{quote(metadata['name'], safe='')}", {}, _METADATA.format(list=""))
    except ApiError as error:
        if error.status == 404:
            return False  # The object was deleted after it was listed.
        where = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        return f"{resource.name} {where}: {error}"
    written: bool = after["metadata"]["resourceVersion"] != metadata["resourceVersion"]
    return written
