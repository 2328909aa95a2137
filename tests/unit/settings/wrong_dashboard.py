"""Invalid settings of the add-on with a web interface for the cluster, and of its web pages."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings
from tests.unit.settings.wrong_authentication import ISSUER
from tests.unit.settings.wrong_ingress import VALID as INGRESS

SECTION = "addons.dashboard"
SECRET = "not-a-real-client-secret"
CORP: dict[str, Any] = {**ISSUER, "audiences": ["headlamp"]}
ISSUERS: dict[str, Any] = {"corp": {"generated_ca": {}}}
ACME = {"server": "https://acme.example/directory", "email": "ops@corp.example"}
ZONE = {
    "nameserver": "10.0.0.53",
    "zones": ["corp.example"],
    "key_name": "cert-manager",
    "secret": "bm90IGEgcmVhbCBzZWNyZXQgYXQgYWxsLCByZWFsbHk=",
}


def settings(**edits: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return settings of the add-on with changed keys."""
    section = {"client_secret": SECRET} | edits
    return {key: value for key, value in section.items() if value is not REMOVE}


def complete(**edits: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return edits of a cluster with an issuer of logins, an ingress, cert-manager and the add-on."""
    web = {"host": "headlamp.example.com", "issuer": "corp"}
    return {
        "api.oidc.corp": CORP,
        "addons": {
            "ingress": INGRESS,
            "cert_manager": {"issuers": ISSUERS},
            "dashboard": settings(ingress=web) | edits,
        },
    }


def invalid(path: str, phrase: str, /, **edits: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose add-on has a problem at `path` below its section."""
    return InvalidSettings(f"{SECTION}.{path}", phrase, {"api.oidc.corp": CORP, SECTION: settings(**edits)})


def login(path: str, phrase: str, issuers: dict[str, Any], /, **edits: Any) -> InvalidSettings:  # noqa: ANN401
    """Return settings whose add-on has a problem with the issuers in `api.oidc`."""
    full_path = f"{SECTION}.{path}" if path else SECTION
    return InvalidSettings(full_path, phrase, {"api.oidc": issuers, SECTION: settings(**edits)})


def web(path: str, phrase: str, addons: dict[str, Any], /, **keys: Any) -> InvalidSettings:  # noqa: ANN401
    """Return settings whose pages have a problem at `path` with these other add-ons."""
    page = {"host": "headlamp.corp.example", **keys}
    full_path = f"{SECTION}.ingress.{path}" if path else f"{SECTION}.ingress"
    edits = {"api.oidc.corp": CORP, "addons": {**addons, "dashboard": settings(ingress=page)}}
    return InvalidSettings(full_path, phrase, edits)


_UNTRUSTED = {key: value for key, value in INGRESS.items() if key != "default_certificate"}
_OTHER = {**CORP, "url": "https://login.other.example"}
_TWO = {**CORP, "audiences": ["headlamp", "kubectl"], "audience_match_policy": "MatchAny"}
DASHBOARD = (
    # Login
    login("", "has no login; add an issuer of your identities to api.oidc", {}),
    login("oidc", "missing; with several issuers in api.oidc", {"corp": CORP, "other": _OTHER}),
    login("oidc", '"crop": no such issuer of logins; did you mean corp?', {"corp": CORP}, oidc="crop"),
    login("client_id", "missing; with several audiences of api.oidc.corp", {"corp": _TWO}),
    login("client_id", '"dex": API servers would refuse its tokens; add it', {"corp": CORP}, client_id="dex"),
    login(
        "values.volumeMounts",
        "would replace the volume with api.oidc.corp.ca_file",
        {"corp": {**CORP, "ca_file": "ca.pem"}},
        values={"volumeMounts": []},
    ),
    invalid("client_secret", "missing; add it", client_secret=REMOVE),
    invalid("client_secret", "is empty or has spaces; give the credential", client_secret=""),
    invalid("scopes[0]", '"openid": is always requested; remove it', scopes=["openid", "groups"]),
    invalid("scopes[0]", '"groups email": not a scope', scopes=["groups email"]),
    invalid("scopes[1]", '"groups": named twice; remove one', scopes=["groups", "groups"]),
    # Web pages
    web("", "nothing serves this name; add addons.ingress", {}),
    web(
        "issuer",
        "missing; without it and without addons.ingress.default_certificate",
        {"ingress": _UNTRUSTED},
    ),
    web("host", '"Headlamp": not a DNS name', {"ingress": INGRESS}, host="Headlamp"),
    web(
        "issuer",
        '"crop": no such issuer for this name; did you mean corp?',
        {"ingress": INGRESS, "cert_manager": {"issuers": ISSUERS}},
        issuer="crop",
    ),
    web(
        "host",
        '"headlamp.other.example": is in no zone of rfc2136 of the issuer',
        {"ingress": INGRESS, "cert_manager": {"issuers": {"dns": {"acme": {**ACME, "rfc2136": ZONE}}}}},
        host="headlamp.other.example",
        issuer="dns",
    ),
    # The chart
    invalid("version", '"1.2.0": not supported; use a version 0.x, such as 0.44.0', version="1.2.0"),
    invalid(
        "repository",
        "allowed only with a chart's name",
        chart="oci://registry.example/headlamp",
        repository="https://charts.example",
    ),
    invalid("values.env", "is determined by oidc, client_id, client_secret and scopes", values={"env": []}),
    invalid(
        "values.config.oidc",
        "is determined by oidc, client_id, client_secret and scopes",
        values={"config": {"oidc": {"clientID": "other"}, "sessionTTL": 3600}},
    ),
    invalid("values.ingress", "is determined by ingress", values={"ingress": {"enabled": True}}),
    invalid("values.replicaCount", "only the pod that began a login", values={"replicaCount": 2}),
    invalid(
        "values.clusterRoleBinding",
        "gives the pod permissions that each visitor could use",
        values={"clusterRoleBinding": {"create": True}},
    ),
    invalid(
        "values.config.unsafeUseServiceAccountToken",
        "gives each visitor the permissions of the pod",
        values={"config": {"unsafeUseServiceAccountToken": True}},
    ),
    InvalidSettings(
        "access.namespaces.headlamp",
        "belongs to addons.dashboard; use another namespace",
        {"api.oidc.corp": CORP, SECTION: settings(), "access.namespaces": {"headlamp": {}}},
    ),
)
