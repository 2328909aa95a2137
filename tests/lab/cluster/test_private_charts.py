"""Lab tests of a Helm release from a private chart repository, with secret values [H2].

This machine serves the repository, with a login and a certificate authority of its own. Only the cluster may
see the secret values of the release.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from testkit import stackfile
from testkit.chart_registry import USER
from testkit.chart_repository import add_to_repository, serve_files, write_chart
from testkit.cluster import Cluster
from testkit.process import run
from testkit.processes import CommandLineWatch
from testkit.secretscan import Secret, visible_secrets

SETTING = "helm_releases.shop"
NAMESPACE = "private-charts"
SECRETS = {
    f"{SETTING}.repository.password": Secret("password of the repository", "repository-Passw0rd-4417"),
    f"{SETTING}.values.token": Secret("value token", "token-of-the-Shop-90213"),
    f"{SETTING}.values.payment.key": Secret("value payment.key", "key-of-the-Shop-55108"),
}
"""The secrets by their settings."""
FILES = "/etc /root /run /tmp /usr/local /var"
"""Directories of hosts with files that programs write."""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.4.2\n",
    "templates/secret.yaml": """\
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData:
  token: {{ required "token is missing" .Values.token | quote }}
  key: {{ required "payment.key is missing" .Values.payment.key | quote }}
  currency: {{ .Values.currency | quote }}
""",
}


@dataclass(frozen=True)
class Installed:
    """A cluster with the release, and the command lines of all processes during its installation."""

    cluster: Cluster
    command_lines: set[str]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """Yield the settings of the release without its secrets. The repository is served until the tests end."""
    root = tmp_path_factory.mktemp("charts")
    (root / "repository").mkdir()
    write_chart(root / "shop", CHART)
    add_to_repository(root / "shop", root / "repository")
    password = SECRETS[f"{SETTING}.repository.password"].value
    with serve_files(root, root / "repository", password) as (url, ca_file):
        yield {
            "chart": "shop",
            "version": "1.4.2",
            "repository": {"url": url, "ca_file": str(ca_file), "username": USER},
            "namespace": NAMESPACE,
            "create_namespace": True,
            "values": {"currency": "EUR", "payment": {}},
        }


def set_secrets(cluster: Cluster) -> None:
    """Encrypt the secrets in the stack file, as a user does."""
    stackfile.write(cluster.file, cluster.config)
    for setting, secret in SECRETS.items():
        words = ("config", "set", "--secret", "--stack", cluster.name, "--file", str(cluster.file), setting)
        result = run(
            [str(cluster.checkout / "kubewright"), *words],
            stdin=secret.value,
            env=cluster.environment,
            cwd=cluster.state,
            timeout=120,
        )
        cluster.outputs.append(result.text)
    cluster.config = yaml.safe_load(cluster.file.read_text())["config"]


@pytest.fixture(scope="module")
def installed(cluster: Cluster, release: Mapping[str, Any]) -> Iterator[Installed]:
    """Install the release, and remove it after the tests."""
    with cluster.temporary_settings({"helm_releases": {"shop": release}}), CommandLineWatch() as watch:
        set_secrets(cluster)
        cluster.preview()
        cluster.command("preview", "--json")
        cluster.up()
        watch.stop()  # its thread would change the set while a test reads it
        yield Installed(cluster, watch.command_lines)
    assert "shop" not in cluster.kubectl("get", "secrets", "-n", NAMESPACE, "-o", "name").text


def files_with(cluster: Cluster, host: str, secrets: Iterable[Secret]) -> list[str]:
    """Return the files of a host that contain secrets.

    The patterns are standard input of grep, because command lines are searched too.
    """
    terms = "\n".join(term for secret in secrets for term in secret.search_terms())
    script = f"grep -rslF -D skip -f - {FILES} <<'TERMS' || true\n{terms}\nTERMS\n"
    return cluster.ssh(host, script, timeout=300).stdout.split()


def test_release_with_secret_values_is_installed(installed: Installed) -> None:
    found = installed.cluster.get("secret", "-n", NAMESPACE, "shop")["data"]
    values = {name: base64.b64decode(value).decode() for name, value in found.items()}
    assert values == {
        "token": SECRETS[f"{SETTING}.values.token"].value,
        "key": SECRETS[f"{SETTING}.values.payment.key"].value,
        "currency": "EUR",
    }
    assert installed.cluster.previewed_operations() == {}


def test_secrets_of_the_release_are_visible_nowhere(installed: Installed) -> None:
    cluster, secrets = installed.cluster, list(SECRETS.values())
    assert any("private-charts" in text for text in cluster.outputs), "no preview names the release"
    files = [path for path in (cluster.state / "backend").rglob("*") if path.is_file()]
    assert files
    assert any("pulumi" in line for line in installed.command_lines), "the watch saw no process of the engine"
    texts = [
        *cluster.outputs,
        cluster.pulumi("stack", "export"),
        cluster.file.read_text(),
        *(path.read_text(errors="replace") for path in files),
        "\n".join(installed.command_lines),
    ]
    assert [visible_secrets(secrets, text) for text in texts] == [[]] * len(texts)
    for host in cluster.nodes:
        assert visible_secrets(secrets, cluster.ssh(host, "journalctl -o cat").stdout) == []
        assert files_with(cluster, host, secrets) == []


def test_search_of_hosts_finds_a_secret(installed: Installed) -> None:
    """Without this test, a search that reads no file would find no secret."""
    cluster, secret = installed.cluster, next(iter(SECRETS.values()))
    file = "/var/tmp/kubewright-found"
    cluster.ssh("w-1", f"cat >{file} <<'EOF'\na {secret.value} b\nEOF\n")
    try:
        assert files_with(cluster, "w-1", [secret]) == [file]
    finally:
        cluster.ssh("w-1", f"rm {file}")
