"""Tests of the settings of the provider, of kubeconfigs and of credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.plugins.kubernetes.kubeconfig import Credentials, read, resolve, tls_context
from lab.plugins.kubernetes.settings import inputs_selecting_another_cluster, parse_settings
from lab.plugins.runtime.errors import InvalidInput, PluginError
from lab.plugins.runtime.values import UNKNOWN, Secret


def kubeconfig(server: str = "https://one:6443", **user: object) -> str:
    """Return a kubeconfig as text, with two clusters and one user with these fields."""
    return json.dumps(
        {
            "clusters": [
                {"name": "one", "cluster": {"server": server}},
                {"name": "two", "cluster": {"server": "https://two:6443"}},
            ],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "ctx", "context": {"cluster": "one", "user": "me", "namespace": "team"}}],
            "current-context": "ctx",
        }
    )


def test_kubeconfig_is_read_from_text_path_or_selected_context(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(kubeconfig())
    by_text, by_path = (
        parse_settings({"kubeconfig": item}) for item in (kubeconfig(), str(tmp_path / "config"))
    )
    assert by_text.access is not None
    assert by_text.access == by_path.access
    assert by_text.namespace == "team"
    other = parse_settings({"kubeconfig": Secret(kubeconfig()), "cluster": "two", "namespace": "mine"})
    assert other.access is not None
    assert other.access.server == "https://two:6443"
    assert other.namespace == "mine"


def test_error_of_an_invalid_kubeconfig_is_stored_as_the_problem() -> None:
    settings = parse_settings({"kubeconfig": kubeconfig(), "context": "nowhere"})
    assert settings.access is None
    assert settings.problem == "kubeconfig has no context named 'nowhere'; it has: ctx"


@pytest.mark.parametrize("text", ["{]\n", "a: b\n", "clusters: 3\n"])
def test_error_of_a_broken_kubeconfig_is_one_line_without_content(text: str) -> None:
    with pytest.raises(PluginError) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_boolean_settings_are_parsed_from_text_or_boolean() -> None:
    settings = parse_settings(
        {"kubeconfig": kubeconfig(), "enableConfigMapMutable": "true", "deleteUnreachable": True}
    )
    assert settings.config_maps_mutable
    assert settings.delete_unreachable
    assert settings.server_side_apply
    assert not parse_settings(
        {"kubeconfig": kubeconfig(), "enableServerSideApply": "false"}
    ).server_side_apply
    with pytest.raises(InvalidInput, match="enableSecretMutable must be true or false"):
        parse_settings({"kubeconfig": kubeconfig(), "enableSecretMutable": "perhaps"})


def test_boolean_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    assert parse_settings({"kubeconfig": kubeconfig()}).delete_unreachable


def test_rendering_to_a_directory_is_refused() -> None:
    with pytest.raises(InvalidInput, match="renderYamlToDirectory is not supported"):
        parse_settings({"kubeconfig": kubeconfig(), "renderYamlToDirectory": "out"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, []),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(token="t")}, []),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig("https://new:6443")}, ["kubeconfig"]),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": UNKNOWN}, []),
        (
            {"kubeconfig": kubeconfig(), "clusterIdentifier": "a"},
            {"kubeconfig": kubeconfig("https://new:6443"), "clusterIdentifier": "a"},
            [],
        ),
        ({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}, ["clusterIdentifier"]),
    ],
)
def test_inputs_that_select_another_cluster(
    old: dict[str, Any], new: dict[str, Any], expected: list[str]
) -> None:
    assert inputs_selecting_another_cluster(old, new) == expected


def test_tokens_are_read_from_text_or_file(tmp_path: Path) -> None:
    def headers(**user: object) -> dict[str, str]:
        return Credentials(resolve(json.loads(kubeconfig(**user)))).headers()  # type: ignore[arg-type]

    (tmp_path / "token").write_text("from-file\n")
    assert headers(token="plain") == {"Authorization": "Bearer plain"}
    assert headers(tokenFile=str(tmp_path / "token")) == {"Authorization": "Bearer from-file"}
    assert headers() == {}


def test_credential_command_returns_the_token_or_an_error_of_one_line(tmp_path: Path) -> None:
    script = tmp_path / "login"
    script.write_text('#!/bin/sh\necho \'{"status": {"token": "made"}}\'\n')
    script.chmod(0o755)
    spec = {"command": str(script), "apiVersion": "client.authentication.k8s.io/v1"}
    access = resolve(json.loads(kubeconfig(exec=spec)))
    assert Credentials(access).headers() == {"Authorization": "Bearer made"}
    script.write_text("#!/bin/sh\necho oh-no >&2; exit 3\n")
    with pytest.raises(PluginError, match=r"the credential command .* failed"):
        Credentials(access).headers()


def test_unverified_tls_is_refused() -> None:
    config = json.loads(kubeconfig())
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    with pytest.raises(PluginError, match="asks not to verify TLS"):
        tls_context(resolve(config), {})
