"""Invalid settings of leases, sources of binaries, registries, Helm releases and access."""

from __future__ import annotations

from tests.unit.settings.support import REMOVE, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS, AZURE

ROLE = {"rules": [{"resources": ["pods"], "verbs": ["get"]}]}

ADDONS = (
    # Leases, sources of binaries, registries, Helm, access
    InvalidSettings(
        "leader_election.lease", "must be longer than renew (10 s)", {"leader_election.lease": 10}
    ),
    InvalidSettings(
        "leader_election.renew",
        "must be longer than 1.2 times retry",
        {"leader_election": {"renew": 6, "retry": 5}},
    ),
    InvalidSettings(
        "artifacts.mirror", "or, in a cloud, set artifacts.store: own", {"artifacts.mirror": REMOVE}, AWS
    ),
    InvalidSettings("artifacts.store", "allowed: own", {"artifacts": {"store": "s3"}}, AWS),
    InvalidSettings("artifacts.store", "existing hosts have no store", {"artifacts": {"store": "own"}}),
    InvalidSettings("artifacts.store", "artifacts.mirror is also set", {"artifacts.store": "own"}, AZURE),
    InvalidSettings(
        "artifacts.ca_file",
        "the authority of a mirror, but artifacts.store is set",
        {"artifacts": {"store": "own", "ca_file": "ca.crt"}},
        AZURE,
    ),
    InvalidSettings(
        "registries._default.password",
        "username and password go together",
        {"registries._default.username": "me"},
    ),
    InvalidSettings(
        "registries._default.username",
        "username and password go together",
        {"registries._default.password": "hunter22"},
    ),
    InvalidSettings(
        "registries._default.endpoint",
        "contains a user or password",
        {"registries._default.endpoint": "https://me:hunter2@10.89.0.1"},
    ),
    InvalidSettings("helm_releases.web.chart", "missing; add it", {"helm_releases.web": {}}),
    InvalidSettings(
        "helm_releases.web.repository",
        "missing; the chart is given by its name",
        {"helm_releases.web": {"chart": "nginx", "version": "1.0.0"}},
    ),
    InvalidSettings(
        "helm_releases.web.version",
        "two runs could install different charts",
        {"helm_releases.web": {"chart": "nginx", "repository": "https://charts.example"}},
    ),
    InvalidSettings(
        "helm_releases.web.repository",
        "allowed only with a chart's name",
        {"helm_releases.web": {"chart": "./charts/web", "repository": "https://charts.example"}},
    ),
    InvalidSettings(
        "helm_releases.web.chart",
        "no digest after @; write sha256: and 64 of 0-9 and a-f",
        {"helm_releases.web": {"chart": "oci://registry.example/web@sha256:1f2d"}},
    ),
    InvalidSettings(
        "helm_releases.web.chart",
        "only oci:// references have digests",
        {"helm_releases.web": {"chart": "web@sha256:1f2d", "repository": "https://charts.example"}},
    ),
    InvalidSettings("helm_releases", "not a DNS label", {"helm_releases": {"Web": {"chart": "./web"}}}),
    InvalidSettings(
        "helm_releases." + "x" * 60,
        "too long a name; Helm allows at most 53",
        {"helm_releases": {"x" * 60: {"chart": "./web"}}},
    ),
    InvalidSettings(
        "helm_releases.web.namespace",
        "no such namespace; did you mean team-a?",
        {"helm_releases.web": {"chart": "./web", "namespace": "teama"}, "access.namespaces": {"team-a": {}}},
    ),
    InvalidSettings(
        "access.roles.reader.rules[0].verbs[0]",
        '"read": unknown; allowed: get',
        {"access.roles.reader": {"rules": [{"resources": ["pods"], "verbs": ["read"]}]}},
    ),
    InvalidSettings(
        "access.bindings.all", "needs exactly one of role", {"access.bindings.all": {"groups": ["dev"]}}
    ),
    InvalidSettings(
        "access.bindings.all", "names no subject", {"access.bindings.all": {"cluster_role": "view"}}
    ),
    InvalidSettings(
        "access.bindings.all.role",
        '"readr": not in access.roles; did you mean reader?',
        {"access.roles.reader": ROLE, "access.bindings.all": {"role": "readr", "users": ["ada"]}},
    ),
    InvalidSettings(
        "access.bindings.all.namespace",
        "must be kube-public, the namespace of its role",
        {
            "access.roles.reader": {"namespace": "kube-public", **ROLE},
            "access.bindings.all": {"role": "reader", "users": ["ada"]},
        },
    ),
    InvalidSettings(
        "access.bindings.all.service_accounts[0]",
        '"ci": not a service account; allowed: NAMESPACE/NAME',
        {"access.bindings.all": {"cluster_role": "view", "service_accounts": ["ci"]}},
    ),
    InvalidSettings(
        "access.namespaces.team-a.quota.cpu",
        '"lots": not a quantity',
        {"access.namespaces.team-a": {"quota": {"cpu": "lots"}}},
    ),
    InvalidSettings(
        "access.roles.reader.namespace",
        '"zzzzzzzz": no such namespace; add it to access.namespaces',
        {
            "access.roles.reader": {
                "namespace": "zzzzzzzz",
                "rules": [{"api_groups": [""], "resources": ["pods"], "verbs": ["get"]}],
            }
        },
    ),
)
