"""Waiting until objects are ready or deleted, by polling the API server up to a timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from lab.plugins.runtime.errors import PluginError

from . import diagnosis
from .client import Api, Client
from .errors import ApiError, Unreachable
from .naming import Kind, annotation, mapping, title
from .readiness import READINESS_CHECKS, Readiness, ReadinessCheck, RelatedFacts

POLL_SECONDS = 0.4
Report = Callable[[str], None]
"""A function that shows a line of progress to the user."""


class Cancelled(PluginError):
    """The error after the user canceled the deployment."""


def timeout_seconds(inputs: Mapping[str, Any], *, custom_timeout: float, default: float) -> float:
    """Return the timeout of an operation in seconds.

    The first of these that is set applies: the resource option custom_timeouts, the annotation
    pulumi.com/timeoutSeconds, `default`. Raise PluginError if the annotation is not a number.
    """
    if custom_timeout > 0:
        return custom_timeout
    text = annotation(inputs, "pulumi.com/timeoutSeconds")
    if text is None:
        return default
    try:
        return float(text)
    except ValueError:
        raise PluginError(
            f"annotation pulumi.com/timeoutSeconds must be a number of seconds, not {text!r}"
        ) from None


class Waiter:
    """Waiter for objects of one cluster. Setting `cancelled` ends every wait with `Cancelled`."""

    def __init__(self, client: Client, cancelled: threading.Event) -> None:
        self._client = client
        self._cancelled = cancelled

    def wait_until_ready(
        self, kind: Kind, api: Api, obj: dict[str, Any], *, custom_timeout: float, report: Report
    ) -> tuple[dict[str, Any], list[str]]:
        """Wait until an object is ready.

        Args:
            kind: the kind of the object.
            api: the API path of the kind.
            obj: the applied object.
            custom_timeout: the timeout of the resource option custom_timeouts in seconds, or 0.
            report: receives a line of progress whenever the missing conditions change.

        Returns:
            The latest object, and texts with the missing conditions; no texts if the object is ready.
        """
        check, default = READINESS_CHECKS.get((kind.group, kind.kind), (None, 0.0))
        if check is None or kind.patch:
            return obj, []
        deadline = time.monotonic() + timeout_seconds(obj, custom_timeout=custom_timeout, default=default)
        meta, last = mapping(obj.get("metadata")), ""
        while True:
            readiness = self._check_readiness(check, kind, obj)
            if readiness.ready:
                return obj, []
            line = readiness.failed or ", ".join(readiness.missing)
            if line != last:
                report(f"waiting for {title(kind, meta)}: {line}" if not readiness.failed else line)
                last = line
            if readiness.failed or time.monotonic() >= deadline:
                return obj, self._describe_missing(kind, obj, readiness)
            self._wait_interval()
            try:
                live = self._client.get(
                    api, str(meta.get("namespace") or ""), str(meta["name"]), what=title(kind, meta)
                )
            except Unreachable:
                continue
            if live is None:
                return obj, [f"{title(kind, meta)} was deleted while it was waited for"]
            obj = live

    def wait_until_deleted(
        self, api: Api, namespace: str, name: str, *, what: str, uid: str, timeout: float, report: Report
    ) -> None:
        """Wait until an object with this uid no longer exists.

        Raises:
            PluginError: the object still exists after the timeout. The text has its finalizers.
        """
        deadline, reported = time.monotonic() + timeout, False
        while True:
            live = self._client.get(api, namespace, name, what=what)
            meta = mapping(live.get("metadata")) if live else {}
            if live is None or (uid and meta.get("uid") != uid):
                return
            if not reported:
                report(f"waiting for {what} to be gone")
                reported = True
            if time.monotonic() >= deadline:
                holders = ", ".join(meta.get("finalizers") or []) or "nothing that can be seen"
                raise PluginError(f"{what} still exists after {timeout:.0f} s; it is held by: {holders}")
            self._wait_interval()

    def _wait_interval(self) -> None:
        if self._cancelled.wait(POLL_SECONDS):
            raise Cancelled("stopped while waiting; run the same command again to go on")

    def _describe_missing(self, kind: Kind, obj: dict[str, Any], readiness: Readiness) -> list[str]:
        """Return the texts of the error for an object that is not ready: missing conditions and reasons."""
        head = readiness.failed or "; ".join(readiness.missing)
        what = title(kind, mapping(obj.get("metadata")))
        verb = "failed" if readiness.failed else "is not ready in time"
        return [f"{what} {verb}: {head}", *diagnosis.reasons(self._client, obj)]

    def _check_readiness(self, check: ReadinessCheck, kind: Kind, obj: dict[str, Any]) -> Readiness:
        """Return the readiness of an object. If the API server does not respond, the object is not ready."""
        try:
            return check(obj, self._related_facts(kind, obj))
        except Unreachable as problem:
            return Readiness((str(problem),))

    def _related_facts(self, kind: Kind, obj: dict[str, Any]) -> RelatedFacts:
        """Return the facts outside the status of an object that its readiness check needs."""
        meta, spec = mapping(obj.get("metadata")), mapping(obj.get("spec"))
        if kind.kind == "Service" and spec.get("selector") and spec.get("type") != "ExternalName":
            path = f"/apis/discovery.k8s.io/v1/namespaces/{meta.get('namespace')}/endpointslices"
            slices = self._client.list(
                path, {"labelSelector": f"kubernetes.io/service-name={meta.get('name')}"}
            )
            return RelatedFacts(ready_endpoints=count_ready_endpoints(slices))
        if kind.kind == "PersistentVolumeClaim" and mapping(obj.get("status")).get("phase") != "Bound":
            return RelatedFacts(waits_for_consumer=self._binds_late(str(spec.get("storageClassName") or "")))
        return RelatedFacts()

    def _binds_late(self, storage_class: str) -> bool:
        """Check whether a storage class binds a volume claim only when a pod uses the claim."""
        if not storage_class:
            return False
        path = f"/apis/storage.k8s.io/v1/storageclasses/{storage_class}"
        try:
            storage = self._client.request("GET", path, what=f"StorageClass {storage_class}").body
        except ApiError:
            return False
        return bool(storage.get("volumeBindingMode") == "WaitForFirstConsumer")


def count_ready_endpoints(slices: list[dict[str, Any]]) -> int:
    """Return the number of addresses in EndpointSlices that accept traffic. A missing condition means
    ready.
    """
    return sum(
        len(endpoint.get("addresses") or [])
        for item in slices
        for endpoint in item.get("endpoints") or []
        if mapping(endpoint.get("conditions")).get("ready") is not False
    )
