"""Values of the chart of Grafana, and the files that name its data sources and dashboards.

Compared with upstream's values.yaml and templates:
https://github.com/grafana-community/helm-charts/tree/main/charts/grafana
"""

from __future__ import annotations

from collections.abc import Iterator

from components.addons.chart_release import Values
from topology.certificates import KUBERNETES_CA
from topology.grafana import ANY_PERSON, Grafana, GrafanaLogin
from topology.logs import LOKI, LOKI_PORT
from topology.logs import NAMESPACE as LOGS_NAMESPACE
from topology.model import Topology
from topology.monitoring import ALERTMANAGER, GRAFANA, MONITORING_LABEL, PROMETHEUS, Monitoring, service_name

CREDENTIALS = "grafana-credentials"
"""The Secret with the user and the password of the administrator, and the secret of the client."""
USER_KEY, PASSWORD_KEY, CLIENT_KEY = "admin-user", "admin-password", "client-secret"
TLS, LOKI_TLS, ISSUER_CA = "grafana-tls", "grafana-loki-tls", "grafana-issuer-ca"
DATA_SOURCES, PROVIDERS, DASHBOARDS = "grafana-data-sources", "grafana-providers", "grafana-dashboards"
FILE = "kubewright.yaml"
"""The key of the ConfigMaps with the data sources and with the provider of dashboards."""
HOME = "cluster.json"
"""The dashboard that people see after their login."""
_PROVISIONING = "/etc/grafana/provisioning"
_DASHBOARDS = "/etc/grafana/dashboards/kubewright"
_PATHS = {CREDENTIALS: "credentials", TLS: "tls", LOKI_TLS: "loki-tls", ISSUER_CA: "issuer"}
_USER = 472
_PORTS = {PROMETHEUS: 9090, ALERTMANAGER: 9093}
_FILE_MODE = 0o440


def _directory(name: str) -> str:
    """Return the directory with the files of a Secret or of the authority of the issuer."""
    return f"/etc/grafana/{_PATHS[name]}"


def grafana_values(topology: Topology, monitoring: Monitoring, grafana: Grafana) -> Values:
    """Return the values of the chart.

    The pod has no account at the API. Kubewright mounts its own files, so that a preview shows them.
    """
    return {
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "default", "automountServiceAccountToken": False},
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "testFramework": {"enabled": False},
        # It would run as root to change the owner of files, which the kubelet does by `fsGroup`.
        "initChownData": {"enabled": False},
        # Two pods cannot use the volume, nor the same database.
        "deploymentStrategy": {"type": "Recreate"},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "ingress": {"enabled": False},
        **_placement(topology, monitoring),
        **_persistence(grafana),
        **_administrator(grafana),
        "extraConfigmapMounts": [*_config_mounts(grafana)],
        "extraSecretMounts": [*_secret_mounts(grafana)],
        "grafana.ini": grafana_configuration(grafana),
    }


def _placement(topology: Topology, monitoring: Monitoring) -> Values:
    """Return the values that select the nodes of the pool of `addons.monitoring`."""
    pool = next((pool for pool in topology.pools if pool.name == monitoring.pool), None)
    if pool is None:
        return {}
    key, value = MONITORING_LABEL
    tolerations = [
        {"key": taint.key, "value": taint.value, "effect": str(taint.effect), "operator": "Equal"}
        for taint in pool.taints
    ]
    return {"nodeSelector": {key: value}, "tolerations": tolerations}


def _persistence(grafana: Grafana) -> Values:
    if not grafana.storage:
        return {"persistence": {"enabled": False}}
    storage_class = {"storageClassName": grafana.storage_class} if grafana.storage_class else {}
    return {
        "persistence": {"enabled": True, "type": "pvc", "size": grafana.storage, **storage_class},
    }


def _administrator(grafana: Grafana) -> Values:
    if not grafana.has_admin:
        return {"env": {"GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true"}}
    return {"admin": {"existingSecret": CREDENTIALS, "userKey": USER_KEY, "passwordKey": PASSWORD_KEY}}


def _config_mounts(grafana: Grafana) -> Iterator[Values]:
    """Yield the ConfigMaps in the pod. Single files leave space for data sources and dashboards of the user's
    values.
    """
    files = {DATA_SOURCES: "datasources", PROVIDERS: "dashboards"}
    for name, directory in files.items():
        path = f"{_PROVISIONING}/{directory}/kubewright.yaml"
        yield {"name": name, "configMap": name, "mountPath": path, "subPath": FILE, "readOnly": True}
    paths = {DASHBOARDS: _DASHBOARDS}
    if grafana.login and grafana.login.ca:
        paths[ISSUER_CA] = _directory(ISSUER_CA)
    for name, path in paths.items():
        yield {"name": name, "configMap": name, "mountPath": path, "readOnly": True}


def _secret_mounts(grafana: Grafana) -> Iterator[Values]:
    """Yield the Secrets in the pod."""
    names = [TLS, *([LOKI_TLS] if grafana.logs else []), *([CREDENTIALS] if grafana.login else [])]
    for name in names:
        yield {
            "name": name,
            "secretName": name,
            "mountPath": _directory(name),
            "readOnly": True,
            "defaultMode": _FILE_MODE,
        }


def grafana_configuration(grafana: Grafana) -> Values:
    """Return the configuration of Grafana by its sections. Grafana downloads and reports nothing."""
    login = {"auth.generic_oauth": _login(grafana.login, alone=not grafana.has_admin)}
    return {
        "analytics": {
            "reporting_enabled": False,
            "check_for_updates": False,
            "check_for_plugin_updates": False,
            "feedback_links_enabled": False,
        },
        "news": {"news_feed_enabled": False},
        "plugins": {"plugin_admin_enabled": False, "preinstall_disabled": True},
        "snapshots": {"external_enabled": False},
        "server": {"root_url": grafana.url, "domain": grafana.web.host if grafana.web else "localhost"},
        "security": {"cookie_secure": grafana.web is not None, "disable_gravatar": True},
        "users": {"allow_sign_up": False, "allow_org_create": False},
        "auth": {"disable_login_form": not grafana.has_admin},
        "dashboards": {"default_home_dashboard_path": f"{_DASHBOARDS}/{HOME}"},
        **(login if grafana.login else {}),
    }


def _login(login: GrafanaLogin | None, *, alone: bool) -> Values:
    """Return the section about the login at an issuer. A login that is `alone` needs no choice."""
    if login is None:
        return {}
    return {
        "enabled": True,
        "name": "OpenID Connect",
        "auto_login": alone,
        # The issuer and the groups decide who has an account.
        "allow_sign_up": True,
        "client_id": login.client_id,
        "client_secret": f"$__file{{{_directory(CREDENTIALS)}/{CLIENT_KEY}}}",
        "scopes": " ".join(("openid", *login.scopes)),
        "auth_url": login.auth_url,
        "token_url": login.token_url,
        "use_pkce": True,
        "role_attribute_path": role_expression(login),
        # Without a role, the login is refused.
        "role_attribute_strict": True,
        "allow_assign_grafana_admin": False,
        **({"api_url": login.userinfo_url} if login.userinfo_url else {}),
        **({"tls_client_ca": f"{_directory(ISSUER_CA)}/ca.crt"} if login.ca else {}),
    }


def role_expression(login: GrafanaLogin) -> str:
    """Return the JMESPath expression that gives a person a role by the claims of the token.

    The claim can be missing, which is an error of the function `contains` without `not_null`.
    """
    roles = {"Admin": login.admins, "Editor": login.editors, "Viewer": login.viewers}
    return " || ".join(
        "not_null('Viewer')"
        if group == ANY_PERSON
        else f"contains(not_null({login.groups_claim}, `[]`), '{group}') && '{role}'"
        for role, groups in roles.items()
        for group in sorted(groups, key=lambda group: group == ANY_PERSON)
    )


def data_sources(monitoring: Monitoring, grafana: Grafana) -> Values:
    """Return the file with the data sources. All connections have TLS with a certificate of Grafana."""
    interval = {"timeInterval": f"{monitoring.interval_seconds}s", "httpMethod": "POST"}
    sources = [
        _source(PROMETHEUS, service_name(PROMETHEUS), _PORTS[PROMETHEUS], interval, is_default=True),
        _source(
            ALERTMANAGER, service_name(ALERTMANAGER), _PORTS[ALERTMANAGER], {"implementation": "prometheus"}
        ),
    ]
    if grafana.logs:
        sources.append(_source(LOKI, f"{LOKI}.{LOGS_NAMESPACE}.svc", LOKI_PORT, {}))
    return {"apiVersion": 1, "prune": True, "datasources": sources}


def _source(name: str, host: str, port: int, options: Values, *, is_default: bool = False) -> Values:
    """Return a data source. Its name is also its type and its uid, which dashboards name."""
    directory = _directory(LOKI_TLS if name == LOKI else TLS)
    authority = "ca.crt" if name == LOKI else f"{KUBERNETES_CA}.crt"
    files = {"tlsCACert": authority, "tlsClientCert": "tls.crt", "tlsClientKey": "tls.key"}
    return {
        "name": name.capitalize(),
        "uid": name,
        "type": name,
        "access": "proxy",
        "url": f"https://{host}:{port}",
        "isDefault": is_default,
        "editable": False,
        "jsonData": {"tlsAuth": True, "tlsAuthWithCACert": True, "serverName": host, **options},
        "secureJsonData": {key: f"$__file{{{directory}/{file}}}" for key, file in files.items()},
    }


def dashboard_providers() -> Values:
    """Return the file with the directory of dashboards, which Grafana reads again every minute."""
    provider = {
        "name": "kubewright",
        "folder": "Kubewright",
        "folderUid": "kubewright",
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 60,
        "options": {"path": _DASHBOARDS},
    }
    return {"apiVersion": 1, "providers": [provider]}


def grafana_labels() -> dict[str, str]:
    """Return the label by which network policies select the pods of the chart."""
    return {"app.kubernetes.io/name": GRAFANA}
