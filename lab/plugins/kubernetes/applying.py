"""Requests that create or change objects on the API server, or only check them (dry run)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.values import Value, has_unknown

from . import bodies
from .client import APPLY, MERGE, Api, Client, Response
from .errors import ApiError, Unreachable
from .naming import Kind, annotation_is_true, metadata, title
from .settings import Settings

_NEW_KIND_SECONDS = 10.0
Inputs = Mapping[str, Value]
"""The decoded inputs of a resource."""


@dataclass(frozen=True)
class Target:
    """The object that a request creates or changes. `what` names the object in messages."""

    kind: Kind
    api: Api
    namespace: str
    name: str
    what: str


class Applier:
    """Client that applies objects on one cluster.

    Args:
        settings: the configuration of the provider.
        client: returns the client of the cluster; raises PluginError without a usable kubeconfig.
        log: receives the warnings of the API server.
    """

    def __init__(self, settings: Settings, client: Callable[[], Client], log: EngineLog) -> None:
        self._settings = settings
        self._client = client
        self._log = log

    def target(self, kind: Kind, inputs: Inputs, *, wait_for_kind: bool = False) -> Target:
        """Return the target of requests for an object.

        With `wait_for_kind`, wait up to ten seconds until the cluster has the kind, because its definition
        may have just been created. Raise ApiError if the cluster does not have the kind.
        """
        deadline = time.monotonic() + (_NEW_KIND_SECONDS if wait_for_kind else 0)
        while True:
            try:
                api = self._client().api(kind)
                break
            except ApiError as problem:
                if problem.reason != "NoKind" or time.monotonic() >= deadline:
                    raise
                time.sleep(0.5)
        meta = metadata(inputs)
        namespace = str(meta.get("namespace") or self._settings.namespace) if api.namespaced else ""
        return Target(kind, api, namespace, str(meta.get("name") or ""), title(kind, meta))

    def apply(
        self, urn: str, target: Target, inputs: Inputs, manager: str, olds: Inputs, *, dry_run: bool = False
    ) -> Response:
        """Create or change an object, and return the response of the API server.

        Without server-side apply, send a create request or a merge patch from the old inputs `olds`.
        `manager` is the field manager. Raise ApiError if the server refuses the object.
        """
        body = bodies.request_body(target.kind, inputs)
        if target.api.namespaced:
            body["metadata"] = {**body.get("metadata", {}), "namespace": target.namespace}
        query = {"fieldManager": manager, "fieldValidation": "Warn", **({"dryRun": "All"} if dry_run else {})}
        client, path = self._client(), target.api.path(target.namespace, target.name)
        if not target.name or not (self._settings.server_side_apply or target.kind.patch or olds):
            answer = client.request(
                "POST", target.api.path(target.namespace), what=target.what, query=query, body=body
            )
        elif not self._settings.server_side_apply and not target.kind.patch:
            patch = bodies.merge_patch(bodies.request_body(target.kind, olds), body)
            answer = client.request(
                "PATCH", path, what=target.what, query=query, body=patch, content_type=MERGE
            )
        else:
            forced = self._settings.patch_force or annotation_is_true(inputs, "pulumi.com/patchForce")
            query["force"] = str(forced).lower()
            answer = client.request(
                "PATCH", path, what=target.what, query=query, body=body, content_type=APPLY
            )
        if not self._settings.quiet and not dry_run:
            for text in answer.warnings:
                self._log.warning(urn, f"{target.what}: {text}")
        return answer

    def dry_run(
        self, urn: str, kind: Kind, inputs: Inputs, manager: str, olds: Inputs | None = None
    ) -> dict[str, Any] | None:
        """Return the object that an apply would produce; None if a dry run is not possible.

        A dry run is not possible with unknown inputs, without access to the cluster, or if the namespace or
        the kind of the object does not exist yet. Raise ApiError if the server would refuse the inputs.
        """
        if has_unknown(dict(inputs)) or self._settings.access is None or not self._client().is_reachable():
            return None
        try:
            target = self.target(kind, inputs)
            if olds is None and (not target.name or self._name_is_taken(target)):
                return None
            return self.apply(urn, target, inputs, manager, olds or {}, dry_run=True).body
        except Unreachable:
            return None
        except ApiError as problem:
            # The deployment may create the namespace or definition later. Webhooks may forbid dry runs.
            if problem.status in (404, 403, 500, 503) or "dry run" in str(problem):
                return None
            raise

    def _name_is_taken(self, target: Target) -> bool:
        """Check whether an object with the name of the target exists.

        If it exists, the dry run of a replacement would fail.
        """
        return self._client().get(target.api, target.namespace, target.name, what=target.what) is not None
