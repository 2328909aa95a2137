"""The permissions of cert-manager, and those of users on its objects [H4].

They are the rules of upstream's chart (deploy/charts/cert-manager/templates/rbac.yaml and webhook-rbac.yaml)
without those for features that are off: the Gateway API, OpenShift, certificates by the
CertificateSigningRequest API, and a webhook that creates its own certificate.
"""

from __future__ import annotations

from components.rbac import ALL_CHANGES, READ, Rule

GROUP = "cert-manager.io"
ACME_GROUP = "acme.cert-manager.io"
_CHANGE = ("update", "patch")
_WITH_STATUS = ("certificates", "certificaterequests", "issuers", "clusterissuers")


def _parts(part: str, *resources: str) -> tuple[str, ...]:
    return tuple(f"{resource}/{part}" for resource in resources)


CONTROLLER_RULES = (
    Rule(GROUP, _WITH_STATUS, READ),
    Rule(GROUP, (*_WITH_STATUS, *_parts("status", *_WITH_STATUS)), _CHANGE),
    Rule(GROUP, ("certificates", "certificaterequests"), ("create", "delete")),
    # The admission plugin OwnerReferencesPermissionEnforcement requires permissions on finalizers.
    Rule(GROUP, _parts("finalizers", *_WITH_STATUS), ("update",)),
    Rule(ACME_GROUP, ("orders", "challenges"), (*READ, "create", "delete")),
    Rule(ACME_GROUP, ("orders", "challenges", *_parts("status", "orders", "challenges")), _CHANGE),
    Rule(ACME_GROUP, _parts("finalizers", "orders", "challenges"), ("update",)),
    Rule(
        GROUP,
        ("signers",),
        ("approve",),
        names=("issuers.cert-manager.io/*", "clusterissuers.cert-manager.io/*"),
    ),
    # Certificates are in Secrets of any namespace.
    Rule("", ("secrets",), (*READ, "create", "update", "delete", "patch")),
    Rule("", ("events",), ("create", "patch")),
    # Challenges by HTTP have a pod, a service and an Ingress in the namespace of the certificate.
    Rule("", ("pods", "services"), (*READ, "create", "delete")),
    Rule("networking.k8s.io", ("ingresses",), (*READ, "create", "delete", "update")),
    Rule("networking.k8s.io", ("ingresses/finalizers",), ("update",)),
)
LEASE = "cert-manager-controller"
LEASE_RULES = (
    Rule("coordination.k8s.io", ("leases",), ("get", "update", "patch"), names=(LEASE,)),
    Rule("coordination.k8s.io", ("leases",), ("create",)),
)
"""The rules of the controller in its namespace."""
WEBHOOK_RULES = (Rule("authorization.k8s.io", ("subjectaccessreviews",), ("create",)),)

_NAMESPACED = ("certificates", "certificaterequests", "issuers")
VIEW_RULES = (
    Rule(GROUP, _NAMESPACED, READ),
    Rule(ACME_GROUP, ("challenges", "orders"), READ),
)
"""The rules that the roles view, edit and admin of Kubernetes get."""
EDIT_RULES = (
    Rule(GROUP, _NAMESPACED, ALL_CHANGES),
    Rule(GROUP, ("certificates/status",), ("update",)),
    # Users who create challenges or change orders could read the credentials of ClusterIssuers
    # (GHSA-8rvj-mm4h-c258).
    Rule(ACME_GROUP, ("challenges",), ("delete", "deletecollection", "patch", "update")),
    Rule(ACME_GROUP, ("orders",), ("delete", "deletecollection")),
)
"""The rules that the roles edit and admin of Kubernetes get."""
