"""The permissions of KEDA, and those of users on its objects [H2].

Upstream's operator reads all objects of all kinds, changes the scale of all of them, and reads all Secrets
(config/rbac/role.yaml). Here the operator reads and scales only workloads of Kubernetes and the kinds in
`scaled_kinds`, creates Jobs only with `jobs`, and each program has its own account. No program has
permission to change webhooks and APIServices, because the PKI of the cluster has the certificates.
"""

from __future__ import annotations

from components.rbac import ALL_CHANGES, READ, Rule
from topology.keda import Keda

GROUP, EVENTING_GROUP = "keda.sh", "eventing.keda.sh"
_SCALED = ("deployments", "replicasets", "statefulsets")
_CHANGE = ("update", "patch")
_KINDS = ("clustertriggerauthentications", "scaledjobs", "scaledobjects", "triggerauthentications")
_EVENTING_KINDS = ("cloudeventsources", "clustercloudeventsources")
_NAMESPACED = ("scaledjobs", "scaledobjects", "triggerauthentications")
LEASE = "operator.keda.sh"


def _with_status(kinds: tuple[str, ...]) -> tuple[str, ...]:
    return (*kinds, *(f"{kind}/status" for kind in kinds))


def operator_rules(keda: Keda) -> tuple[Rule, ...]:
    """Return the rules of the operator in the whole cluster."""
    custom = [
        rule
        for resource, group in keda.scaled_kinds
        for rule in (
            Rule(group, (resource,), READ),
            Rule(group, (f"{resource}/scale",), (*READ, *_CHANGE)),
        )
    ]
    return (
        # Environment variables of workloads can have the addresses of sources of metrics.
        Rule("", ("configmaps", *(("secrets",) if keda.all_secrets else ())), READ),
        Rule("", ("pods", "services", "limitranges", "serviceaccounts"), READ),
        Rule("discovery.k8s.io", ("endpointslices",), READ),
        Rule("", ("events",), ("create", "patch")),
        Rule("events.k8s.io", ("events",), ("create", "patch")),
        Rule("apps", _SCALED, READ),
        Rule("apps", tuple(f"{kind}/scale" for kind in _SCALED), (*READ, *_CHANGE)),
        *custom,
        Rule("autoscaling", ("horizontalpodautoscalers",), (*READ, "create", "delete", *_CHANGE)),
        Rule("batch", ("jobs",), (*READ, *(("create", "delete", *_CHANGE) if keda.jobs else ()))),
        Rule(GROUP, _with_status(_KINDS), (*READ, *_CHANGE)),
        Rule(GROUP, ("scaledjobs/finalizers", "scaledobjects/finalizers"), _CHANGE),
        Rule(EVENTING_GROUP, _with_status(_EVENTING_KINDS), (*READ, *_CHANGE)),
    )


OPERATOR_NAMESPACE_RULES = (
    Rule("", ("secrets",), READ),
    Rule("coordination.k8s.io", ("leases",), ("get", "update", "patch"), names=(LEASE,)),
    Rule("coordination.k8s.io", ("leases",), ("create",)),
)
"""The rules of the operator in the namespace of KEDA."""
METRICS_SERVER_RULES = (Rule(GROUP, ("scaledobjects",), READ),)
WEBHOOK_RULES = (
    Rule(GROUP, ("scaledobjects",), READ),
    Rule("autoscaling", ("horizontalpodautoscalers",), READ),
    Rule("apps", ("deployments", "statefulsets"), READ),
    Rule("", ("limitranges",), READ),
    Rule("events.k8s.io", ("events",), ("create", "patch")),
)

VIEW_RULES = (
    Rule(GROUP, _NAMESPACED, READ),
    Rule(EVENTING_GROUP, ("cloudeventsources",), READ),
    Rule("external.metrics.k8s.io", ("*",), READ),
)
"""The rules that the roles view, edit and admin of Kubernetes get."""
EDIT_RULES = (
    Rule(GROUP, _NAMESPACED, ALL_CHANGES),
    Rule(EVENTING_GROUP, ("cloudeventsources",), ALL_CHANGES),
)
"""The rules that the roles edit and admin of Kubernetes get."""
