"""Judges of the checks of hosts that the table cannot express by values. The table names them as `judge`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from automation.operations.cis.facts import ETCD_CA, KUBERNETES_CA, CisFacts
from automation.operations.cis.judges import PASSED, Outcome, Verdict, fail, find_key
from automation.operations.cis.table import Check

HEALTH_PATHS = frozenset(("/livez", "/readyz", "/healthz"))
_STRONG_PROVIDERS = ("secretbox", "kms", "aescbc")
_CONTENT_IS_SECRET = (
    ("", "secrets"),
    ("", "configmaps"),
    ("authentication.k8s.io", "tokenreviews"),
)
_MUST_BE_RECORDED = (
    ("", "pods"),
    ("", "pods/exec"),
    ("", "pods/portforward"),
    ("", "pods/proxy"),
    ("", "services/proxy"),
    ("apps", "deployments"),
)

Hosts = Mapping[str, CisFacts]
"""The facts of all hosts, for checks that compare hosts."""


def anonymous_requests(check: Check, facts: CisFacts, _: Hosts) -> Verdict:
    """Judge whether anonymous requests are refused, or reach only health checks (a warning)."""
    flags = facts.flags.get("kube-apiserver")
    if flags is None:
        return fail(["kube-apiserver does not run"])
    if flags.get("anonymous-auth") == "false":
        return PASSED
    configuration = facts.configurations.get(flags.get("authentication-config", ""))
    anonymous = configuration.get("anonymous") if isinstance(configuration, Mapping) else None
    if not isinstance(anonymous, Mapping):
        return fail(["anonymous requests are permitted to every path"])
    if anonymous.get("enabled") is False:
        return PASSED
    paths = {condition.get("path") for condition in anonymous.get("conditions") or [{}]}
    if paths - HEALTH_PATHS:
        others = ", ".join(sorted(str(path or "every path") for path in paths - HEALTH_PATHS))
        return fail([f"anonymous requests are permitted to {others}"])
    return Verdict(Outcome.WARN, check.warn)


def authorization_has(check: Check, facts: CisFacts, _: Hosts) -> Verdict:
    """Judge whether the API server has an authorization mode."""
    modes = _authorization_modes(facts)
    if modes is None:
        return fail(["kube-apiserver does not run"])
    return fail([] if check.argument in modes else [f"the modes are {', '.join(modes) or 'not set'}"])


def authorization_lacks(check: Check, facts: CisFacts, _: Hosts) -> Verdict:
    """Judge whether the API server does not have an authorization mode."""
    modes = _authorization_modes(facts)
    if modes is None:
        return fail(["kube-apiserver does not run"])
    if not modes:
        return fail(["no mode is set, and the default is AlwaysAllow"])
    return fail([f"the modes are {', '.join(modes)}"] if check.argument in modes else [])


def encryption_providers(_: Check, facts: CisFacts, __: Hosts) -> Verdict:
    """Judge whether the provider that encrypts each group of resources is strong."""
    if not facts.providers:
        return fail(["the EncryptionConfiguration has no providers, or does not exist"])
    first = [group[0] if group else "none" for group in facts.providers]
    return fail(
        f"the first provider is {name}, not one of {', '.join(_STRONG_PROVIDERS)}"
        for name in first
        if name not in _STRONG_PROVIDERS
    )


def separate_etcd_ca(_: Check, facts: CisFacts, hosts: Hosts) -> Verdict:
    """Judge whether etcd trusts a CA that is not a CA of the Kubernetes API."""
    if not facts.flags.get("etcd", {}).get("trusted-ca-file"):
        return fail(["etcd has no --trusted-ca-file, or does not run"])
    kubernetes = {other.digests[KUBERNETES_CA] for other in hosts.values() if KUBERNETES_CA in other.digests}
    if ETCD_CA not in facts.digests:
        return fail([f"{ETCD_CA} does not exist"])
    return fail(["etcd trusts the CA of Kubernetes"] if facts.digests[ETCD_CA] in kubernetes else [])


def kubelet_certificate(_: Check, facts: CisFacts, __: Hosts) -> Verdict:
    """Judge whether the kubelet serves a certificate of the cluster: from files, or by a request."""
    flags = facts.flags.get("kubelet")
    if flags is None:
        return fail(["kubelet does not run"])
    configuration = _configuration_of(facts, flags, "config")
    by_request = find_key(configuration, "serverTLSBootstrap") == "true"
    files = all(
        flags.get(flag) or find_key(configuration, key)
        for flag, key in (("tls-cert-file", "tlsCertFile"), ("tls-private-key-file", "tlsPrivateKeyFile"))
    )
    return fail([] if by_request or files else ["the kubelet signs its own serving certificate"])


def audit_policy(_: Check, facts: CisFacts, __: Hosts) -> Verdict:
    """Judge whether the audit policy records accesses, and no content of Secrets and tokens."""
    flags = facts.flags.get("kube-apiserver")
    if flags is None:
        return fail(["kube-apiserver does not run"])
    rules = _configuration_of(facts, flags, "audit-policy-file").get("rules") or []
    problems = [
        f"the policy records the content of {name}"
        for group, name in _CONTENT_IS_SECRET
        if _audit_level(rules, group, name) not in ("None", "Metadata")
    ]
    problems += [
        f"the policy does not record changes of {name}"
        for group, name in (*_CONTENT_IS_SECRET, *_MUST_BE_RECORDED)
        if _audit_level(rules, group, name) == "None"
    ]
    return fail(problems)


JUDGES: Mapping[str, Callable[[Check, CisFacts, Hosts], Verdict]] = {
    function.__name__: function
    for function in (
        anonymous_requests,
        authorization_has,
        authorization_lacks,
        encryption_providers,
        separate_etcd_ca,
        kubelet_certificate,
        audit_policy,
    )
}
"""Judges by their names in the table."""


def _authorization_modes(facts: CisFacts) -> list[str] | None:
    """Return the authorization modes by flag or configuration file; None if the API server does not run."""
    flags = facts.flags.get("kube-apiserver")
    if flags is None:
        return None
    if modes := flags.get("authorization-mode"):
        return modes.split(",")
    authorizers = _configuration_of(facts, flags, "authorization-config").get("authorizers") or []
    return [str(authorizer.get("type")) for authorizer in authorizers]


def _configuration_of(facts: CisFacts, flags: Mapping[str, str], flag: str) -> Mapping[str, Any]:
    """Return the content of the configuration file that a flag names; empty without the file."""
    content = facts.configurations.get(flags.get(flag, ""))
    return content if isinstance(content, Mapping) else {}


def _audit_level(rules: list[Any], group: str, resource: str) -> str:
    """Return the level of the first rule for updates of a resource by any user; `None` without a rule."""
    return next((rule.get("level", "None") for rule in rules if _audits(rule, group, resource)), "None")


def _audits(rule: Mapping[str, Any], group: str, resource: str) -> bool:
    if rule.get("users") or rule.get("userGroups") or rule.get("namespaces") or rule.get("nonResourceURLs"):
        return False
    if rule.get("verbs") and "update" not in rule["verbs"]:
        return False
    return not rule.get("resources") or any(_selects(entry, group, resource) for entry in rule["resources"])


def _selects(entry: Mapping[str, Any], group: str, resource: str) -> bool:
    if entry.get("group", "") != group or entry.get("resourceNames"):
        return False
    names = entry.get("resources") or [resource]
    return any(name in _names(resource) for name in names)


def _names(resource: str) -> Iterator[str]:
    """Yield the names by which an audit rule can select a resource."""
    base, separator, subresource = resource.partition("/")
    yield resource
    yield "*"
    if separator:
        yield f"{base}/*"
        yield f"*/{subresource}"
