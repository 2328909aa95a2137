"""Operations on Kubernetes objects as resources: check, diff, create, update, read, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from lab.plugins.runtime.diff import Diff, compare
from lab.plugins.runtime.errors import NotReady, PluginError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.urns import resource_name, resource_type
from lab.plugins.runtime.values import UNKNOWN, Value, reveal

from . import bodies
from .applying import Applier, Inputs, Target
from .client import APPLY, Client
from .errors import ApiError, Unreachable
from .naming import (
    AUTONAMED,
    annotation,
    annotation_is_true,
    kind_of,
    metadata,
    resource_id,
    split_id,
    title,
    with_name,
)
from .replacement import needs_replacement
from .settings import Settings
from .waiting import Waiter, timeout_seconds

_DELETE_SECONDS = 600.0


class ObjectManager:
    """Manager that creates, changes and deletes objects of one cluster.

    Args:
        settings: the configuration of the provider.
        client: returns the client of the cluster; raises PluginError without a usable kubeconfig.
        waiter: returns the waiter of the cluster.
        log: receives progress and warnings.
    """

    def __init__(
        self,
        settings: Settings,
        client: Callable[[], Client],
        waiter: Callable[[], Waiter],
        log: EngineLog,
    ) -> None:
        self._settings = settings
        self._client = client
        self._waiter = waiter
        self._log = log
        self._applier = Applier(settings, client, log)

    def check(self, urn: str, olds: Inputs, news: Inputs, seed: bytes) -> dict[str, Value]:
        """Return the inputs of an object with API version, kind, name and namespace.

        Raise InvalidInput if an input is invalid.
        """
        kind = kind_of(resource_type(urn), news)
        named = {"apiVersion": kind.api_version, "kind": kind.kind, **news}
        return with_name(
            named,
            kind=kind,
            name=resource_name(urn),
            olds=olds,
            seed=seed,
            namespace=self._settings.namespace,
        )

    def diff(self, urn: str, olds: Inputs, news: Inputs) -> Diff:
        """Compare the old and new inputs of an object without a request to the cluster."""
        kind = kind_of(resource_type(urn), news)
        settings = self._settings
        immutable = reveal(olds.get("immutable")) is True

        def replaces(path: str) -> bool:
            return needs_replacement(
                kind,
                path,
                config_maps_mutable=settings.config_maps_mutable,
                secrets_mutable=settings.secrets_mutable,
                immutable=immutable,
            )

        changes = compare(dict(olds), dict(news), replaces)
        old, new = metadata(olds), metadata(news)
        same_place = all(old.get(key) == new.get(key) for key in ("name", "namespace"))
        # Two objects cannot share a name, so a replacement with a fixed name must delete first.
        return Diff(
            changes,
            delete_first=same_place and bool(new.get("name")) and not annotation_is_true(news, AUTONAMED),
        )

    def create(
        self, urn: str, inputs: Inputs, *, timeout: float, preview: bool
    ) -> tuple[str, dict[str, Value]]:
        """Create an object and wait until it is ready. Return its id and state.

        Raises:
            NotReady: the object exists but is not ready after the timeout.
            PluginError: the object could not be created.
        """
        kind = kind_of(resource_type(urn), inputs)
        manager = annotation(inputs, "pulumi.com/patchFieldManager") or _field_manager(urn)
        if preview:
            expected = self._applier.dry_run(urn, kind, inputs, manager)
            return "", bodies.preview_state(kind, expected or inputs, inputs, manager)
        target = self._applier.target(kind, inputs, wait_for_kind=True)
        self._require_free_name(urn, target, manager)
        answer = self._applier.apply(urn, target, inputs, manager, {})
        return self._await_ready(urn, target, inputs, answer.body, manager, timeout)

    def update(
        self, urn: str, state: Inputs, olds: Inputs, news: Inputs, *, timeout: float, preview: bool
    ) -> dict[str, Value]:
        """Change an object and wait until it is ready. Return its state. Raise the same errors as
        `create`.
        """
        kind = kind_of(resource_type(urn), news)
        manager = annotation(news, "pulumi.com/patchFieldManager") or str(
            state.get(bodies.MANAGER) or _field_manager(urn)
        )
        named = _with_live_name(news, state)
        if preview:
            expected = self._applier.dry_run(urn, kind, named, manager, olds)
            if expected is None:
                merged = bodies.merge_inputs(dict(state), dict(news))
                return {**merged, bodies.INPUTS: dict(news), bodies.MANAGER: manager}
            return bodies.state_of(kind, expected, news, manager)
        try:
            target = self._applier.target(kind, named)
            answer = self._applier.apply(urn, target, named, manager, olds)
        except Unreachable as problem:
            if not self._settings.skip_update_unreachable:
                raise
            self._log.warning(urn, f"not updated, as skipUpdateUnreachable is set: {problem}")
            return dict(state)
        return self._await_ready(urn, target, named, answer.body, manager, timeout)[1]

    def read(
        self, urn: str, identity: str, state: Inputs, inputs: Inputs
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return the state and the inputs of an object from the cluster; both empty if it no longer
        exists.
        """
        kind = kind_of(resource_type(urn), inputs or state)
        namespace, name = split_id(identity, self._settings.namespace)
        what = title(kind, {"name": name, "namespace": namespace if kind.namespaced else ""})
        try:
            api = self._client().api(kind)
            live = self._client().get(api, namespace, name, what=what)
        except Unreachable as problem:
            return self._settings.result_if_unreachable(problem, state, inputs)
        except ApiError as problem:
            if problem.status == 404:
                return {}, {}
            raise
        if live is None:
            return {}, {}
        manager = str(state.get(bodies.MANAGER) or _field_manager(urn))
        live_inputs = bodies.refresh_inputs(kind, inputs, live) if inputs else bodies.import_inputs(live)
        return bodies.state_of(kind, live, live_inputs, manager), live_inputs

    def delete(self, urn: str, identity: str, state: Inputs, *, timeout: float) -> None:
        """Delete an object and wait until it no longer exists. A missing object is no error.

        Raises:
            PluginError: the object cannot be deleted. For an unreachable cluster, the text has the remedy.
        """
        kind = kind_of(resource_type(urn), state)
        namespace, name = split_id(identity, self._settings.namespace)
        what = title(kind, {"name": name, "namespace": namespace if "/" in identity else ""})
        try:
            target = Target(kind, self._client().api(kind), namespace, name, what)
            if kind.patch:
                self._release_fields(target, state)
            else:
                self._delete_object(urn, target, state, timeout)
        except ApiError as problem:
            if problem.status != 404:
                raise
        except Unreachable as problem:
            if not self._settings.delete_unreachable:
                raise PluginError(
                    f"{what} was not deleted: {problem}. If the cluster is gone for good, set "
                    "deleteUnreachable on the provider (or PULUMI_K8S_DELETE_UNREACHABLE=true) to drop its "
                    "objects from the state"
                ) from None
            self._log.warning(urn, f"{what} dropped from the state, as deleteUnreachable is set")

    def _delete_object(self, urn: str, target: Target, state: Inputs, timeout: float) -> None:
        """Request the deletion of an object, and wait for its end unless the annotation `skipAwait` is
        set.
        """
        policy = (annotation(state, "pulumi.com/deletionPropagationPolicy") or "foreground").capitalize()
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        path = target.api.path(target.namespace, target.name)
        self._client().request("DELETE", path, what=target.what, body=options)
        if annotation_is_true(state, "pulumi.com/skipAwait"):
            return
        limit = timeout_seconds(state, custom_timeout=timeout, default=_DELETE_SECONDS)
        self._await_deletion(urn, target, str(metadata(state).get("uid") or ""), limit)

    def _await_deletion(self, urn: str, target: Target, uid: str, limit: float) -> None:
        self._waiter().wait_until_deleted(
            target.api,
            target.namespace,
            target.name,
            what=target.what,
            uid=uid,
            timeout=limit,
            report=lambda line: self._log.status(urn, line),
        )

    def _release_fields(self, target: Target, state: Inputs) -> None:
        """Release the fields of an object that a patch resource owns. The object remains."""
        meta = {"name": target.name, **({"namespace": target.namespace} if target.api.namespaced else {})}
        stub = {"apiVersion": target.kind.api_version, "kind": target.kind.kind, "metadata": meta}
        path = target.api.path(target.namespace, target.name)
        if self._client().get(target.api, target.namespace, target.name, what=target.what) is None:
            return
        query = {"fieldManager": str(state.get(bodies.MANAGER)), "force": "true"}
        self._client().request("PATCH", path, what=target.what, query=query, body=stub, content_type=APPLY)

    def _require_free_name(self, urn: str, target: Target, manager: str) -> None:
        """Raise ApiError if an object of another owner has the name of a new object.

        Wait for an object that is being deleted. Take over an object with the field manager of this
        resource: an interrupted `up` created the object but could not record it.

        For a patch, raise ApiError if the object does not exist.
        """
        if not target.name:
            return
        live = self._client().get(target.api, target.namespace, target.name, what=target.what)
        if target.kind.patch:
            if live is None:
                raise ApiError(
                    f"{target.what} does not exist, so it cannot be patched", status=404, reason="NotFound"
                )
            return
        meta = (live or {}).get("metadata", {})
        if live is not None and meta.get("deletionTimestamp"):
            self._await_deletion(urn, target, str(meta.get("uid")), _DELETE_SECONDS)
            return
        created_by_this_resource = any(
            entry.get("manager") == manager for entry in meta.get("managedFields") or []
        )
        if live is not None and not created_by_this_resource and not self._settings.upsert:
            raise ApiError(
                f"{target.what} already exists in the cluster; import it (pulumi import), delete it, or set "
                "upsertExistingObjects on the provider to take it over",
                status=409,
                reason="AlreadyExists",
            )

    def _await_ready(
        self, urn: str, target: Target, inputs: Inputs, live: dict[str, Any], manager: str, timeout: float
    ) -> tuple[str, dict[str, Value]]:
        """Wait until an applied object is ready. Return its id and state. Raise NotReady after the
        timeout.
        """
        missing: list[str] = []
        if not annotation_is_true(inputs, "pulumi.com/skipAwait"):
            live, missing = self._waiter().wait_until_ready(
                target.kind,
                target.api,
                live,
                custom_timeout=timeout,
                report=lambda line: self._log.status(urn, line),
            )
        identity, state = resource_id(live), bodies.state_of(target.kind, live, inputs, manager)
        if missing:
            raise NotReady(missing, resource_id=identity, outputs=state)
        return identity, state


def _field_manager(urn: str) -> str:
    """Return the name of the field manager of a resource.

    The name is the same in every run, so that objects of interrupted runs are recognized.
    """
    return f"pulumi-kubernetes-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"


def _with_live_name(inputs: Inputs, state: Inputs) -> dict[str, Value]:
    """Return the inputs with the name in the state, if the server generated the name (generateName)."""
    meta, known = metadata(inputs), metadata(state)
    if meta.get("name") or not known.get("name") or known["name"] is UNKNOWN:
        return dict(inputs)
    return {**inputs, "metadata": {**meta, "name": known["name"]}}
