"""Values of the chart of Headlamp.

Compared with upstream's values.yaml, templates and options:
https://github.com/kubernetes-sigs/headlamp/tree/main/charts/headlamp
"""

from __future__ import annotations

from components.addons.chart_release import Values
from topology.dashboard import Dashboard

CREDENTIALS, SECRET_KEY = "oidc-client", "client-secret"
"""The Secret with the secret of the client, and its key."""
ISSUER_CA, CA_FILE = "issuer-ca", "ca.crt"
"""The ConfigMap with the certificate authority of the issuer, and its key."""
_CA_DIRECTORY = "/etc/headlamp/issuer"
_VARIABLE = "HEADLAMP_CONFIG_OIDC_"


def headlamp_values(dashboard: Dashboard) -> Values:
    """Return the values of the chart.

    The chart would pass the secret of the client as an option of the program, which its command line shows.
    It would also bind the service account to `cluster-admin`. Headlamp needs this account only for the
    address and the certificate authority of the API server; requests have the token of the person.
    """
    return {
        "clusterRoleBinding": {"create": False},
        "automountServiceAccountToken": True,
        "config": {
            "inCluster": True,
            "oidc": {"secret": {"create": False}, "externalSecret": {"enabled": False}},
            "unsafeUseServiceAccountToken": False,
        },
        "env": _environment(dashboard),
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "securityContext": {
            "runAsNonRoot": True,
            "privileged": False,
            "allowPrivilegeEscalation": False,
            # The chart then mounts a volume at /tmp.
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "ingress": {"enabled": False},
        "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        **(_authority() if dashboard.issuer_ca else {}),
    }


def _environment(dashboard: Dashboard) -> list[Values]:
    """Return the variables of the program. Headlamp always requests the scope `openid`."""
    texts = {
        "CLIENT_ID": dashboard.client_id,
        "IDP_ISSUER_URL": dashboard.issuer,
        "SCOPES": ",".join(dashboard.scopes),
        "CALLBACK_URL": dashboard.callback,
        "USE_PKCE": "true",
        **({"CA_FILE": f"{_CA_DIRECTORY}/{CA_FILE}"} if dashboard.issuer_ca else {}),
    }
    reference = {"secretKeyRef": {"name": CREDENTIALS, "key": SECRET_KEY}}
    return [
        *({"name": f"{_VARIABLE}{name}", "value": text} for name, text in texts.items()),
        {"name": f"{_VARIABLE}CLIENT_SECRET", "valueFrom": reference},
    ]


def _authority() -> Values:
    return {
        "volumes": [{"name": ISSUER_CA, "configMap": {"name": ISSUER_CA}}],
        "volumeMounts": [{"name": ISSUER_CA, "mountPath": _CA_DIRECTORY, "readOnly": True}],
    }
