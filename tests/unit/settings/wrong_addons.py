"""Invalid settings of leases, sources of binaries, registries and access."""

from __future__ import annotations

from tests.unit.settings.support import REMOVE, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS, AZURE

ROLE = {"rules": [{"resources": ["pods"], "verbs": ["get"]}]}

ADDONS = (
    # Leases, sources of binaries, registries, access
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
