"""Tests of charts and images in a mirror: a chart repository and registries on loopback, helm and crane.

The mirror is made while the sources answer. The release is installed from it when they are gone.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from artifacts import fetch, oci, push
from artifacts.cache import Cache
from artifacts.catalogue import architecture
from artifacts.progress import Progress
from automation.charts.mirror import add_charts
from automation.lab_stack import CLUSTER_KEY
from automation.stacks.result import Outcome
from settings import load
from settings.mirrored_charts import resolve_releases
from testkit.chart_registry import USER, ChartRegistry, serve_charts
from testkit.chart_repository import add_to_repository, serve_files, write_chart
from testkit.cluster import CHECKOUT
from testkit.control_plane import ControlPlane, binary_path, skip_without_binaries
from tests.engine.release_stack import Deployer

PASSWORD = "repository-Passw0rd-77"
TOKEN = "values-S3cret-token"
PROGRAM = """
import json, pathlib
import pulumi
import pulumi_kubernetes as k8s

here = pathlib.Path({directory!r})
cluster = k8s.Provider("kubernetes", kubeconfig=pulumi.Output.secret((here / "kubeconfig").read_text()),
    cluster_identifier="loopback")
for name, release in json.loads((here / "values.json").read_text()).items():
    k8s.helm.v3.Release(name, name=name, namespace="default", skip_await=True, chart=release["chart"],
        version=release["version"], values=release["values"], repository_opts=k8s.helm.v3.RepositoryOptsArgs(
            repo=release["repository"]["url"], ca_file=release["repository"]["ca_file"]),
        opts=pulumi.ResourceOptions(provider=cluster))
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}}
spec:
  automountServiceAccountToken: false
  containers:
  - name: server
    image: {{ required "image is missing" .Values.image }}
    env: [{name: TOKEN, value: {{ required "token is missing" .Values.token | quote }}}]
"""


def chart_files(name: str) -> dict[str, str]:
    return {"Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n", "templates/pod.yaml": POD}


def run_tool(name: str, *arguments: str, ca_file: Path | None = None) -> str:
    variables = {**os.environ, **({"SSL_CERT_FILE": str(ca_file)} if ca_file else {})}
    result = subprocess.run(
        [binary_path(name), *arguments], env=variables, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def push_image(registry: ChartRegistry, directory: Path, name: str) -> str:
    """Push an image with one file to a registry. Return its full name."""
    reference = f"{registry.host}/{name}"
    layout = directory / "layout"
    layout.mkdir()
    entry = oci.Entry("hello", name.encode(), 0o755)
    oci.write_layout(layout, reference, architecture()["arch"], [entry], oci.Config(entrypoint=("/hello",)))
    run_tool("crane", "push", str(layout), reference, ca_file=registry.ca_file)
    return reference


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory for a deployer without logins of its own."""
    skip_without_binaries()
    for name in ("cluster", "images", "charts", "inside", "repository", "mirror", "connected", "air-gapped"):
        (tmp_path / name).mkdir()
    for name in ("PULUMI_BACKEND_URL", "KUBEWRIGHT_OFFICIAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_CREDENTIALS_PATH", str(tmp_path))
    monkeypatch.setenv("HELM_REGISTRY_CONFIG", str(tmp_path / "none.json"))
    tools = Path(binary_path("helm")).parent
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    fetch.reachable.cache_clear()
    return tmp_path


def make_mirror(root: Path, cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the mirror from sources that end with this function. Return the name of the image."""
    login = {"username": USER, "password": PASSWORD}
    for name in ("web", "cache"):
        write_chart(root / name, chart_files(name))
    add_to_repository(root / "web", root / "repository")
    with (
        serve_files(root, root / "repository", PASSWORD) as (url, repository_ca),
        serve_charts(root / "charts", PASSWORD) as charts,
        serve_charts(root / "images") as images,
    ):
        digest = charts.push(root / "cache")
        image = push_image(images, root, "team/web:1")
        # The deployer trusts the authorities of both registries, and that of the repository by a setting.
        (root / "trusted.pem").write_text(charts.ca_file.read_text() + images.ca_file.read_text())
        monkeypatch.setenv("SSL_CERT_FILE", str(root / "trusted.pem"))
        values = {"image": image, "token": TOKEN}
        repository = {"url": url, "ca_file": str(repository_ca), **login}
        oci_chart = f"oci://{charts.host}/charts/cache@{digest}"
        cluster["helm_releases"] = {
            "web": {"chart": "web", "version": "1.0.0", "repository": repository, "values": values},
            "cache": {"chart": oci_chart, "version": "1.0.0", "repository": login, "values": values},
        }
        deployer = Deployer(root / "connected", "", PROGRAM, {CLUSTER_KEY: cluster})
        keys = add_charts(
            deployer.engine, root / "mirror", Progress(quiet=True), cache=Cache(root / "artifacts")
        )
        assert keys == [
            f"{url.removeprefix('https://')}/web/1.0.0",
            f"{charts.host}/charts/cache/1.0.0",
            image,
        ]
    return image


def test_release_is_installed_from_a_mirror_without_its_sources(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text())["config"][CLUSTER_KEY]
    image = make_mirror(root, cluster, monkeypatch)
    command = ["sha256sum", "--quiet", "-c", "SHA256SUMS"]
    subprocess.run(command, cwd=root / "mirror", check=True)
    files = [path for path in (root / "mirror").rglob("*") if path.is_file()]
    for secret in (PASSWORD, TOKEN):
        assert not [path for path in files if secret.encode() in path.read_bytes()]

    monkeypatch.delenv("SSL_CERT_FILE")
    with (
        serve_files(root, root / "mirror") as (url, ca_file),
        ControlPlane(root / "cluster") as control_plane,
    ):
        cluster["artifacts"] = {"mirror": url, "ca_file": str(ca_file), "charts": "mirror"}
        releases = {
            name: json.loads(release.model_dump_json())
            for name, release in resolve_releases(load(cluster)).items()
        }
        deployer = Deployer(root / "air-gapped", control_plane.kubeconfig, PROGRAM, {})
        result, text = deployer.up(releases)
        assert result.outcome is Outcome.CHANGES, text
        for name in ("web", "cache"):
            assert control_plane.get("pod", name)["spec"]["containers"][0]["image"] == image

    with serve_charts(root / "inside") as registry:
        pushed = push.push(root / "mirror", registry.host, registry.ca_file, Progress(quiet=True))
        assert pushed == [f"{registry.host}/team/web:1"]
        run_tool("crane", "manifest", pushed[0], ca_file=registry.ca_file)
