"""Tests of KEDA on a real API server: its programs with their own options, accounts and certificates.

There are no nodes and no pods of KEDA: its programs are processes on loopback. The pods of the Deployment
that they scale do not run. The controller manager has the controller of the HorizontalPodAutoscaler.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from artifacts import gobuild
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from automation.operations.api_client import ApiClient
from automation.stacks.preflight.removed_add_ons import Definition, blocked_objects
from components.addons.keda import DEFINITIONS
from testkit.certificates import CertificateAndKey, issue_certificate
from testkit.control_plane import ControlPlane, binary_path, free_ports, skip_without_binaries
from testkit.definitions import write_definitions
from testkit.keda_definitions import module_definitions
from testkit.keda_programs import Ports, on_loopback, start
from testkit.metric_source import MetricSource, scaled_object, serve_metric
from testkit.wait import eventually
from tests.engine.manifests import apply_object, manifests
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Graph, cluster_config, without_secret_marks
from topology.keda import METRICS_SERVER, NAMESPACE, OPERATOR, PROGRAMS, WEBHOOK

__all__ = ["deploy"]

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built

WORK = "work"
API = "/apis/external.metrics.k8s.io/v1beta1"
SECONDS = 300


@pytest.fixture(scope="module")
def metrics_authority() -> CertificateAndKey:
    return issue_certificate("metrics-ca")


@pytest.fixture(scope="module")
def source(
    metrics_authority: CertificateAndKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MetricSource]:
    """Serve the metric by HTTPS, with a certificate of an authority that the operator trusts."""
    server = issue_certificate("prometheus", issuer=metrics_authority, server=True)
    certificate = tmp_path_factory.mktemp("source") / "server.pem"
    certificate.write_bytes(server.certificate_pem + server.key_pem)
    with serve_metric("127.0.0.1", certificate=certificate) as running:
        yield running


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return the resources of a cluster with KEDA, whose certificates are real."""
    config: Any = cluster_config(tmp_path_factory.mktemp("keda"), workers=2, addons={"keda": {}})
    return deploy(config, CertificatePluginMocks())


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane with the aggregation layer."""
    skip_without_binaries()
    directory = tmp_path_factory.mktemp("front-proxy")
    authority = issue_certificate("front-proxy-ca")
    client = issue_certificate("front-proxy-client", issuer=authority)
    (directory / "ca.crt").write_bytes(authority.certificate_pem)
    (directory / "client.crt").write_bytes(client.certificate_pem)
    (directory / "client.key").write_bytes(client.key_pem)
    flags = (
        f"--requestheader-client-ca-file={directory}/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={directory}/client.crt",
        f"--proxy-client-key-file={directory}/client.key",
    )
    with ControlPlane(tmp_path_factory.mktemp("cluster"), flags) as running:
        yield running


def wait_until_established(control_plane: ControlPlane, definition: str) -> None:
    def established() -> bool:
        conditions = control_plane.get("crd", definition)["status"].get("conditions") or ()
        return ("Established", "True") in {(item["type"], item["status"]) for item in conditions}

    eventually(f"{definition} is established", established, timeout=SECONDS)


def content(graph: Graph, name: str, key: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(f"keda-{name}").inputs[key])


@pytest.fixture(scope="module")
def keda(
    graph: Graph,
    control_plane: ControlPlane,
    metrics_authority: CertificateAndKey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Path]]:
    """Run the programs of KEDA. Yield the paths of their logs."""
    numbers = iter(free_ports(2 * len(PROGRAMS)))
    ports = {program: Ports(next(numbers), next(numbers)) for program in PROGRAMS}
    for item in manifests(graph, "keda-"):
        apply_object(control_plane, on_loopback(item, ports))
        if item["kind"] == "CustomResourceDefinition":
            wait_until_established(control_plane, item["metadata"]["name"])
    control_plane.kubectl("create", "namespace", WORK)
    directories = {program: tmp_path_factory.mktemp(program) for program in PROGRAMS}
    with ExitStack() as stack:
        for program, directory in directories.items():
            pod = content(graph, program, "spec")["template"]["spec"]
            certificates = content(graph, f"certificate-{program}", "stringData")
            (directory / "authorities").mkdir()
            (directory / "authorities" / "metrics.crt").write_bytes(metrics_authority.certificate_pem)
            process = start(program, pod, certificates, control_plane, ports, directory)
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield {program: directory / "log" for program, directory in directories.items()}


def logs(keda: dict[str, Path]) -> str:
    return "\n".join(f"{program}: {log.read_text()[-3000:]}" for program, log in keda.items())


def create_workload(control_plane: ControlPlane, name: str) -> None:
    container = {"name": "main", "image": "registry.example/worker:1"}
    labels = {"app": name}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata = {"name": name, "namespace": WORK}
    item = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    control_plane.kubectl("create", "--filename=-", stdin=json.dumps(item))


def create_scaled_object(control_plane: ControlPlane, name: str, target: str, url: str, *more: str) -> None:
    item = json.dumps(scaled_object(WORK, name, target, url))
    control_plane.kubectl("create", *more, "--filename=-", stdin=item)


def test_workload_follows_an_external_metric_to_zero_and_back(
    control_plane: ControlPlane, keda: dict[str, Path], source: MetricSource
) -> None:
    def metric() -> str:
        selector = "labelSelector=scaledobject.keda.sh%2Fname%3Dworker"
        answer = control_plane.get_raw(f"{API}/namespaces/{WORK}/s0-prometheus?{selector}")
        assert answer.startswith("{"), f"{answer}\n{logs(keda)}"
        [item] = json.loads(answer)["items"]
        return str(item["value"])

    def replicas() -> int:
        return int(control_plane.get("deployment", "-n", WORK, "worker")["spec"]["replicas"])

    def reaches(number: int) -> None:
        eventually(f"{number} replicas", lambda: replicas() == number, timeout=SECONDS)

    create_workload(control_plane, "worker")
    source.set(6)
    create_scaled_object(control_plane, "worker", "worker", source.url)
    eventually("the API serves the metric", lambda: metric() == "6", timeout=SECONDS)
    reaches(3)
    source.set(0)
    reaches(0)
    source.set(4)
    reaches(2)
    conditions = control_plane.get("scaledobject", "-n", WORK, "worker")["status"]["conditions"]
    assert {"type": "Ready", "status": "True"}.items() <= next(
        item for item in conditions if item["type"] == "Ready"
    ).items()
    for program, log in keda.items():
        assert "forbidden" not in log.read_text(), f"{program}: {log.read_text()[-3000:]}"


def test_webhook_refuses_a_second_object_for_a_workload(
    control_plane: ControlPlane, keda: dict[str, Path], source: MetricSource
) -> None:
    create_workload(control_plane, "shared")
    create_scaled_object(control_plane, "one", "shared", source.url)

    def refusal() -> str:
        try:
            create_scaled_object(control_plane, "two", "shared", source.url, "--dry-run=server")
        except AssertionError as error:
            return str(error)
        return ""

    eventually("the webhook refuses it", lambda: "already managed by" in refusal(), timeout=SECONDS)
    assert "denied the request" in refusal(), logs(keda)


def test_objects_have_a_finalizer_that_refuses_the_removal_of_the_add_on(
    control_plane: ControlPlane, keda: dict[str, Path], source: MetricSource
) -> None:
    """Test that the check for removed add-ons knows the finalizers of the operator."""
    definitions = [
        Definition(f"{plural}.keda.sh", f"/apis/keda.sh/v1alpha1/{plural}")
        for plural in ("scaledobjects", "triggerauthentications")
    ]
    trigger = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "kept", "namespace": WORK},
        "spec": {"secretTargetRef": [{"parameter": "bearerToken", "name": "token", "key": "token"}]},
    }
    create_workload(control_plane, "kept")
    create_scaled_object(control_plane, "kept", "kept", source.url)
    control_plane.kubectl("create", "--filename=-", stdin=json.dumps(trigger))
    api = ApiClient(json.loads(control_plane.kubeconfig))

    def held() -> set[str]:
        return {name for name, found in blocked_objects(api, definitions).items() if f"{WORK}/kept" in found}

    names = {definition.name for definition in definitions}
    eventually("both objects have a finalizer", lambda: held() == names, timeout=SECONDS)
    for name in names:
        control_plane.kubectl("delete", name, "-n", WORK, "kept", "--timeout=120s")
    assert held() == set(), logs(keda)


@pytest.mark.parametrize(
    ("program", "words", "allowed"),
    [
        (OPERATOR, ("update", "deployments.apps", "--subresource=scale", "-n", WORK), "yes"),
        (OPERATOR, ("update", "deployments.apps", "-n", WORK), "no"),
        (OPERATOR, ("get", "secrets", "-n", WORK), "no"),
        (OPERATOR, ("get", "secrets", "-n", NAMESPACE), "yes"),
        (OPERATOR, ("create", "secrets", "-n", NAMESPACE), "no"),
        (OPERATOR, ("update", "validatingwebhookconfigurations"), "no"),
        (METRICS_SERVER, ("update", "scaledobjects.keda.sh", "-n", WORK), "no"),
        (WEBHOOK, ("update", "horizontalpodautoscalers", "-n", WORK), "no"),
    ],
)
def test_accounts_have_few_permissions(
    control_plane: ControlPlane, keda: dict[str, Path], program: str, words: tuple[str, ...], allowed: str
) -> None:
    assert program in keda
    account = f"system:serviceaccount:{NAMESPACE}:{program}"
    command = [binary_path("kubectl"), f"--kubeconfig={control_plane.directory}/kubeconfig", "auth", "can-i"]
    result = subprocess.run(
        [*command, *words, f"--as={account}"], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == allowed


def test_definitions_are_those_of_the_module_without_descriptions(tmp_path: Path) -> None:
    """With KUBEWRIGHT_UPDATE_TABLES=1, write the definitions of the version in the catalogue."""
    item = binary(OPERATOR)
    module = gobuild.module_source(
        item.component.go_module, item.module, tmp_path, Cache.default(), Progress(quiet=True)
    )
    documents = module_definitions(module)
    if os.environ.get("KUBEWRIGHT_UPDATE_TABLES"):
        write_definitions(DEFINITIONS, documents)
    assert json.loads(DEFINITIONS.read_text()) == documents
