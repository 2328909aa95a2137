"""Tests of the paths of secret settings, and of secret values inside settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from settings.helm_releases import HelmReleaseSettings
from settings.secret_paths import (
    ANY_NAME,
    SECRET_SETTINGS,
    WHOLE_CLUSTER,
    Pattern,
    exposed_settings,
    matches,
    matching_values,
    secret_helm_values,
    secret_paths,
)

_STACK_FILE = """
config:
  other:token: {secure: v1:a}
  kubewright:cluster:
    helm_releases:
      alerts:
        values:
          receivers:
          - {name: chat, url: {secure: v1:b}}
          1: {secure: v1:c}
    registries:
      docker.io: {password: {secure: v1:d}}
    api: {authorization_webhooks: {opa: {kubeconfig: {secure: v1:e}}}}
    addons:
      cert_manager:
        issuers:
          company: {ca: {private_key: {secure: v1:h}}}
          dns: {acme: {rfc2136: {secret: {secure: v1:i}}}}
      dashboard: {client_secret: {secure: v1:r}}
      external_dns: {rfc2136: {secret: {secure: v1:j}}}
      ingress: {default_certificate: {private_key: {secure: v1:f}}}
      load_balancer: {peers: {rack: {password: {secure: v1:g}}}}
      logs: {to: {central: {loki: {password: {secure: v1:m}}, kafka: {password: {secure: v1:n}}}}}
      events: {alertmanager: {password: {secure: v1:o}}}
      monitoring:
        receivers:
          hook: {webhook: {url: {secure: v1:m}, bearer_token: {secure: v1:n}}}
          chat: {slack: {api_url: {secure: v1:o}}}
          oncall: {pagerduty: {routing_key: {secure: v1:p}}}
          mail: {email: {password: {secure: v1:q}}}
        remote_write:
          central: {password: {secure: v1:r}}
          other: {bearer_token: {secure: v1:s}}
        grafana: {admin_password: {secure: v1:t}, oidc: {client_secret: {secure: v1:u}}}
      registry:
        storage: {s3: {secret_access_key: {secure: v1:m}}, azure_blob: {account_key: {secure: v1:n}}}
        users: {alice: {password: {secure: v1:o}}, robot: {password_hash: {secure: v1:p}}}
      velero:
        locations: {offsite: {s3: {secret_access_key: {secure: v1:k}}}}
        repository_password: {secure: v1:l}
    pull_secrets: {corp: {password: {secure: v1:q}}}
"""
_SECRET_PATHS = {
    ("helm_releases", "alerts", "values", "receivers", 0, "url"),
    ("helm_releases", "alerts", "values", "1"),
    ("registries", "docker.io", "password"),
    ("api", "authorization_webhooks", "opa", "kubeconfig"),
    ("addons", "cert_manager", "issuers", "company", "ca", "private_key"),
    ("addons", "cert_manager", "issuers", "dns", "acme", "rfc2136", "secret"),
    ("addons", "dashboard", "client_secret"),
    ("addons", "external_dns", "rfc2136", "secret"),
    ("addons", "ingress", "default_certificate", "private_key"),
    ("addons", "load_balancer", "peers", "rack", "password"),
    ("addons", "monitoring", "receivers", "hook", "webhook", "url"),
    ("addons", "monitoring", "receivers", "hook", "webhook", "bearer_token"),
    ("addons", "monitoring", "receivers", "chat", "slack", "api_url"),
    ("addons", "monitoring", "receivers", "oncall", "pagerduty", "routing_key"),
    ("addons", "monitoring", "receivers", "mail", "email", "password"),
    ("addons", "monitoring", "grafana", "admin_password"),
    ("addons", "monitoring", "grafana", "oidc", "client_secret"),
    ("addons", "monitoring", "remote_write", "central", "password"),
    ("addons", "monitoring", "remote_write", "other", "bearer_token"),
    ("addons", "registry", "storage", "s3", "secret_access_key"),
    ("addons", "registry", "storage", "azure_blob", "account_key"),
    ("addons", "registry", "users", "alice", "password"),
    ("addons", "registry", "users", "robot", "password_hash"),
    ("pull_secrets", "corp", "password"),
    ("addons", "velero", "locations", "offsite", "s3", "secret_access_key"),
    ("addons", "velero", "repository_password"),
    ("addons", "logs", "to", "central", "loki", "password"),
    ("addons", "logs", "to", "central", "kafka", "password"),
    ("addons", "events", "alertmanager", "password"),
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.x.yaml").write_text(_STACK_FILE)
    return tmp_path


def test_encrypted_values_of_the_stack_file_are_secret(directory: Path) -> None:
    assert secret_paths(directory, "x", has_secrets=True) == _SECRET_PATHS


def test_nothing_is_secret_when_the_engine_marks_no_secret(directory: Path) -> None:
    assert secret_paths(directory, "x", has_secrets=False) == frozenset()


@pytest.mark.parametrize("text", [None, "config: {}", "config: [", "[]", "\x00"])
def test_all_settings_are_secret_when_the_stack_file_has_no_encrypted_value(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "Pulumi.x.yaml").write_text(text)
    assert secret_paths(tmp_path, "x", has_secrets=True) == {WHOLE_CLUSTER}


def test_all_settings_are_secret_with_an_environment(directory: Path) -> None:
    """An ESC environment can add secret values that the stack file does not contain."""
    (directory / "Pulumi.x.yaml").write_text(f"environment: [prod]\n{_STACK_FILE}")
    assert secret_paths(directory, "x", has_secrets=True) == {WHOLE_CLUSTER}


def _release(values: dict[str, Any]) -> HelmReleaseSettings:
    return HelmReleaseSettings(chart="./alerts", values=values)


def test_only_secret_values_are_found() -> None:
    values = {"receivers": [{"name": "chat", "url": "https://x"}], "1": "one", "page": "text"}
    assert secret_helm_values({"alerts": _release(values)}, _SECRET_PATHS) == {
        ("helm_releases", "alerts", "values", "receivers", 0, "url"): "https://x",
        ("helm_releases", "alerts", "values", "1"): "one",
    }


def test_values_of_other_releases_are_not_secret() -> None:
    assert secret_helm_values({"web": _release({"1": "one"})}, _SECRET_PATHS) == {}


def test_a_secret_mapping_is_one_value() -> None:
    path = ("helm_releases", "web", "values", "auth")
    assert secret_helm_values({"web": _release({"auth": {"a": 1}, "b": 2})}, {path}) == {path: {"a": 1}}


def test_all_values_are_secret_when_the_whole_cluster_is_secret() -> None:
    values = {"a": 1}
    secrets = secret_helm_values({"web": _release(values)}, {WHOLE_CLUSTER})
    assert secrets == {("helm_releases", "web", "values"): values}


def test_encrypted_settings_that_hosts_contain_are_listed() -> None:
    email = ("addons", "cert_manager", "issuers", "dns", "acme", "email")
    exposed = {("api", "names", 0), ("addons", "load_balancer", "peers", "rack", "address"), email}
    secrets = {*_SECRET_PATHS, WHOLE_CLUSTER, ("registries", "docker.io", "username"), *exposed}
    assert exposed_settings(secrets) == [
        "addons.cert_manager.issuers.dns.acme.email",
        "addons.load_balancer.peers.rack.address",
        "api.names[0]",
    ]


def _secret_fields(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[Pattern]:
    """Yield the patterns of the secret settings in a JSON schema."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if schema.get("format") == "password":
        yield ()
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _secret_fields(choice, definitions)
    fields = [*schema.get("properties", {}).items()]
    entries = (schema.get("additionalProperties"), *schema.get("patternProperties", {}).values())
    fields += [(ANY_NAME, entry) for entry in entries if isinstance(entry, dict)]
    fields += [(ANY_NAME, schema["items"])] if "items" in schema else []
    for name, field in fields:
        for pattern in _secret_fields(field, definitions):
            yield (name, *pattern)


def test_table_has_all_secret_settings_of_the_schema() -> None:
    schema = Settings.model_json_schema()
    assert {*_secret_fields(schema, schema["$defs"])} == {*SECRET_SETTINGS}


def test_pattern_matches_only_paths_of_its_length() -> None:
    pattern = ("registries", ANY_NAME, "password")
    assert matches(("registries", "docker.io", "password"), pattern)
    assert not matches(("registries", "docker.io", "username"), pattern)
    assert not matches(("registries", "docker.io"), pattern)
    assert not matches(("registries", "docker.io", "password", "x"), pattern)


def test_values_are_found_by_patterns() -> None:
    settings = {"registries": {"a": {"password": "1"}, "b": {"username": "u"}, "c": None}}
    assert dict(matching_values(settings, ("registries", ANY_NAME, "password"))) == {
        ("registries", "a", "password"): "1"
    }
    assert not dict(matching_values(settings, ("addons", "external_dns")))
