"""Admission plugins of the API server: their names, versions and defaults, and the limits of events [D1].

Source of the tables: pkg/kubeapiserver/options/plugins.go of Kubernetes 1.35 and 1.36.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from settings.base import Section

# AlwaysAdmit and AlwaysDeny replace all other plugins. ImagePolicyWebhook needs a webhook, which has no
# settings.
AdmissionPlugin = Literal[
    "AlwaysPullImages",
    "CertificateApproval",
    "CertificateSigning",
    "CertificateSubjectRestriction",
    "ClusterTrustBundleAttest",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "DenyServiceExternalIPs",
    "EventRateLimit",
    "ExtendedResourceToleration",
    "JobValidation",
    "LimitPodHardAntiAffinityTopology",
    "LimitRanger",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "NamespaceAutoProvision",
    "NamespaceExists",
    "NamespaceLifecycle",
    "NodeDeclaredFeatureValidator",
    "NodeRestriction",
    "OwnerReferencesPermissionEnforcement",
    "PersistentVolumeClaimResize",
    "PodGroupProtection",
    "PodGroupWorkloadExists",
    "PodNodeSelector",
    "PodResizeValidator",
    "PodSecurity",
    "PodTolerationRestriction",
    "PodTopologyLabels",
    "Priority",
    "ResourceQuota",
    "RuntimeClass",
    "ServiceAccount",
    "StorageObjectInUseProtection",
    "TaintNodesByCondition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
]
FIRST_VERSIONS = {
    "JobValidation": "1.36",
    "PodGroupProtection": "1.36",
    "PodGroupWorkloadExists": "1.36",
    "PodResizeValidator": "1.36",
}
"""The first minor version of Kubernetes with a plugin. All supported versions have the other plugins."""
EVENT_RATE_LIMIT = "EventRateLimit"
REQUIRED_PLUGINS = {
    "NodeRestriction": "kubelets could then change other nodes and their pods",
    "PodSecurity": "label a namespace, or add it to api.pod_security_exempt_namespaces",
    "DenyServiceExternalIPs": "a Service could then receive the traffic of any address, such as the endpoint",
    "ServiceAccount": "pods would have no service account and no token",
    "NamespaceLifecycle": "objects could then be created in a namespace that is being deleted",
    "Priority": "the add-ons use priority classes",
    "TaintNodesByCondition": "pods could then be scheduled to nodes that are not ready",
    "CertificateApproval": "users could then approve certificates without permission for the signer",
    "CertificateSigning": "users could then sign certificates without permission for the signer",
    "CertificateSubjectRestriction": "users could then request certificates of the group system:masters",
    "ClusterTrustBundleAttest": "users could then publish certificates for signers without permission",
    "MutatingAdmissionPolicy": "policies in the cluster would have no effect",
    "MutatingAdmissionWebhook": "webhooks in the cluster would have no effect",
    "ValidatingAdmissionPolicy": "policies in the cluster would have no effect",
    "ValidatingAdmissionWebhook": "webhooks in the cluster would have no effect",
}
"""Plugins that cannot be disabled, with the reason or the alternative."""

Rate = Annotated[int, Field(ge=1, le=2**31 - 1)]


class EventRateLimitSettings(Section):
    """A limit for events, which the plugin EventRateLimit enforces."""

    type: Literal["Server", "Namespace", "User", "SourceAndObject"]
    """What has the limit: the API server, each namespace, each user, or each source and object of events."""
    qps: Rate
    """Number of events per second that the API server accepts after a burst."""
    burst: Rate
    """Number of events that the API server accepts at once."""
    cache_size: Rate | None = None
    """Number of namespaces, users or objects that the API server remembers, not for `Server`; default:
    4096.
    """
