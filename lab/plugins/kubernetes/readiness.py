"""Checks whether an object is ready, by its status. A table has the check of each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .naming import mapping

Object = Mapping[str, Any]


@dataclass(frozen=True)
class RelatedFacts:
    """Facts about an object that its status does not contain.

    Attributes:
        ready_endpoints: the number of addresses behind a Service that accept traffic.
        waits_for_consumer: whether the storage class of a volume claim binds the claim only when a pod
            uses it.
    """

    ready_endpoints: int = 0
    waits_for_consumer: bool = False


@dataclass(frozen=True)
class Readiness:
    """The result of a readiness check. `missing` has a text for each missing condition.

    `failed` is the reason why the object can no longer become ready, or an empty text.
    """

    missing: tuple[str, ...] = ()
    failed: str = ""

    @property
    def ready(self) -> bool:
        """Check whether no condition is missing and nothing has failed."""
        return not self.missing and not self.failed


READY = Readiness()
ReadinessCheck = Callable[[Object, RelatedFacts], Readiness]


def condition(obj: Object, kind: str) -> Object:
    """Return the status condition of an object with the type `kind`, or an empty map."""
    for item in mapping(obj.get("status")).get("conditions") or []:
        if item.get("type") == kind:
            return mapping(item)
    return {}


def describe_condition(item: Object, kind: str) -> str:
    """Return a status condition as text: `Available is False: MinimumReplicasUnavailable (…)`."""
    if not item:
        return f"condition {kind} is not there yet"
    reason = f": {item['reason']}" if item.get("reason") else ""
    message = f" ({item['message']})" if item.get("message") else ""
    return f"{kind} is {item.get('status')}{reason}{message}"


def _check_observed_generation(obj: Object) -> list[str]:
    """Return a missing condition if the controller has not processed the current generation of an object."""
    generation = mapping(obj.get("metadata")).get("generation", 0)
    seen = mapping(obj.get("status")).get("observedGeneration", 0)
    return [] if seen >= generation else ["its controller has not seen the change yet"]


def _desired_replicas(obj: Object) -> int:
    return int(mapping(obj.get("spec")).get("replicas", 1))


def check_deployment(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether a Deployment is rolled out and available, as `kubectl rollout status` does."""
    if missing := _check_observed_generation(obj):
        return Readiness(tuple(missing))
    status, expected = mapping(obj.get("status")), _desired_replicas(obj)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    old = status.get("replicas", 0) - updated
    if updated < expected:
        missing.append(f"{updated} of {expected} replicas updated")
    if old > 0:
        missing.append(f"{old} old replicas still running")
    if available < max(updated, expected):
        missing.append(f"{available} of {expected} replicas available")
    if missing:
        progress = condition(obj, "Progressing")
        if progress.get("status") == "False":
            missing.append(describe_condition(progress, "Progressing"))
    return Readiness(tuple(missing))


def check_daemon_set(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether every eligible node has a current, available pod of a DaemonSet."""
    if missing := _check_observed_generation(obj):
        return Readiness(tuple(missing))
    status = mapping(obj.get("status"))
    expected = status.get("desiredNumberScheduled", 0)
    strategy = mapping(mapping(obj.get("spec")).get("updateStrategy")).get("type", "RollingUpdate")
    if strategy != "OnDelete" and status.get("updatedNumberScheduled", 0) < expected:
        missing.append(f"{status.get('updatedNumberScheduled', 0)} of {expected} pods updated")
    if status.get("numberAvailable", 0) < expected:
        missing.append(f"{status.get('numberAvailable', 0)} of {expected} pods available")
    return Readiness(tuple(missing))


def check_stateful_set(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether all replicas of a StatefulSet are ready and, with rolling updates, of the current
    revision.
    """
    if missing := _check_observed_generation(obj):
        return Readiness(tuple(missing))
    status, expected = mapping(obj.get("status")), _desired_replicas(obj)
    strategy = mapping(mapping(obj.get("spec")).get("updateStrategy"))
    partition = mapping(strategy.get("rollingUpdate")).get("partition", 0)
    if status.get("readyReplicas", 0) < expected:
        missing.append(f"{status.get('readyReplicas', 0)} of {expected} replicas ready")
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        expected_updates = max(expected - partition, 0)
        current = status.get("currentRevision") == status.get("updateRevision") and not partition
        if not current and status.get("updatedReplicas", 0) < expected_updates:
            missing.append(f"{status.get('updatedReplicas', 0)} of {expected_updates} replicas updated")
    return Readiness(tuple(missing))


def check_replica_set(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether all replicas of a ReplicaSet are available."""
    if missing := _check_observed_generation(obj):
        return Readiness(tuple(missing))
    available, expected = mapping(obj.get("status")).get("availableReplicas", 0), _desired_replicas(obj)
    return READY if available >= expected else Readiness((f"{available} of {expected} replicas available",))


def check_job(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether a Job is complete, or suspended by its spec."""
    failed = condition(obj, "Failed")
    if failed.get("status") == "True":
        return Readiness(failed=describe_condition(failed, "Failed"))
    if condition(obj, "Complete").get("status") == "True" or mapping(obj.get("spec")).get("suspend"):
        return READY
    status = mapping(obj.get("status"))
    counts = ", ".join(f"{status.get(word, 0)} {word}" for word in ("active", "succeeded", "failed"))
    return Readiness((f"not complete (pods: {counts})",))


def check_service(obj: Object, facts: RelatedFacts) -> Readiness:
    """Check whether a Service has endpoints and, for type LoadBalancer, an address."""
    spec, missing = mapping(obj.get("spec")), []
    if spec.get("type") == "ExternalName":
        return READY
    if spec.get("selector") and facts.ready_endpoints == 0:
        missing.append("no ready pod matches its selector")
    if spec.get("type") == "LoadBalancer" and not _assigned_addresses(obj):
        missing.append("no address from the load balancer")
    return Readiness(tuple(missing))


def _assigned_addresses(obj: Object) -> list[Any]:
    return mapping(mapping(obj.get("status")).get("loadBalancer")).get("ingress") or []


def check_ingress(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether the ingress controller has assigned an address to an Ingress."""
    return READY if _assigned_addresses(obj) else Readiness(("no address from the ingress controller",))


def check_pod(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether a Pod is ready, or finished successfully."""
    phase = mapping(obj.get("status")).get("phase")
    if phase == "Failed":
        status = mapping(obj.get("status"))
        return Readiness(
            failed=f"it failed: {status.get('reason') or status.get('message') or 'see its containers'}"
        )
    ready = condition(obj, "Ready")
    if phase == "Succeeded" or ready.get("status") == "True":
        return READY
    return Readiness((describe_condition(ready, "Ready"),))


def check_volume_claim(obj: Object, facts: RelatedFacts) -> Readiness:
    """Check whether a PersistentVolumeClaim is bound, or waits only for a pod that uses it."""
    phase = mapping(obj.get("status")).get("phase")
    if phase == "Lost":
        return Readiness(failed="its volume is lost")
    if phase == "Bound" or facts.waits_for_consumer:
        return READY
    return Readiness(("it is not bound to a volume",))


def check_namespace(obj: Object, _facts: RelatedFacts) -> Readiness:
    """Check whether a Namespace is active."""
    phase = mapping(obj.get("status")).get("phase")
    return READY if phase == "Active" else Readiness((f"its phase is {phase or 'unknown'}, not Active",))


def _condition_check(kind: str) -> ReadinessCheck:
    """Return a check for kinds that are ready when one condition is true."""

    def check(obj: Object, _facts: RelatedFacts) -> Readiness:
        ready = condition(obj, kind)
        return READY if ready.get("status") == "True" else Readiness((describe_condition(ready, kind),))

    return check


def check_resource_definition(obj: Object, facts: RelatedFacts) -> Readiness:
    """Check whether a CustomResourceDefinition is established. A conflict of its names is a failure."""
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False":
        return Readiness(failed=describe_condition(names, "NamesAccepted"))
    return _condition_check("Established")(obj, facts)


READINESS_CHECKS: dict[tuple[str, str], tuple[ReadinessCheck, float]] = {
    ("apps", "Deployment"): (check_deployment, 600),
    ("apps", "DaemonSet"): (check_daemon_set, 600),
    ("apps", "StatefulSet"): (check_stateful_set, 600),
    ("apps", "ReplicaSet"): (check_replica_set, 600),
    ("", "ReplicationController"): (check_replica_set, 600),
    ("batch", "Job"): (check_job, 600),
    ("", "Service"): (check_service, 600),
    ("networking.k8s.io", "Ingress"): (check_ingress, 600),
    ("", "Pod"): (check_pod, 300),
    ("", "PersistentVolumeClaim"): (check_volume_claim, 300),
    ("", "Namespace"): (check_namespace, 60),
    ("apiregistration.k8s.io", "APIService"): (_condition_check("Available"), 600),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (check_resource_definition, 60),
}
"""By API group and kind: the readiness check and the default timeout in seconds.

Objects of other kinds are ready as soon as they exist.
"""
