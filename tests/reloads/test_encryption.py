"""Tests of the encryption of objects with an API server and etcd on loopback, and the reference KMS plugin.

The API server reads its encryption configuration once a minute, so a stage takes up to a minute.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from artifacts.cache import Cache
from automation.environment import Environment
from automation.operations import encrypted_objects, encryption
from automation.operations.api_client import ApiClient, ApiError
from automation.operations.remote import ScriptResult
from automation.operations.target import Target
from components.encryption_configuration import encryption_configuration
from nodeconfig.host_paths import BIN, ETCD_PKI, LOCAL_ETCD
from testkit import reference_kms
from testkit.bundles import cluster
from testkit.control_plane import ControlPlane, binary_path
from testkit.figures import RecordFigures
from testkit.wait import eventually
from topology.encryption import resource_encryptions
from topology.model import Topology
from topology.options import Encryption, KmsPlugin
from topology.rotations import Certificates, Rotation

WORD = "kubewright-plain-word"
RELOAD_SECONDS = 90
TRUST, SIGN, DONE = Rotation(1, (1, 2)), Rotation(2, (1, 2)), Rotation(2, (2,))
KEYS = {"key1": reference_kms.new_key().strip(), "key2": reference_kms.new_key().strip()}


@dataclass
class Client:
    """A client that writes and reads a Secret all the time. `failures` has the failed requests."""

    api: ApiClient
    failures: list[str] = field(default_factory=list)
    requests: int = 0

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        path = "/api/v1/namespaces/default/secrets/written"
        while not self._stopped.wait(0.1):
            value = str(self.requests)
            try:
                # One attempt for each request: the client of the product would repeat a failed request.
                self.api._send(
                    "PATCH",
                    path,
                    {"Content-Type": "application/merge-patch+json"},
                    json.dumps({"metadata": {"labels": {"number": value}}}),
                )
                found = self.api._send("GET", path, {}, None)
                assert found["metadata"]["labels"]["number"] == value
            except Exception as error:
                self.failures.append(f"request {value}: {error}")
            self.requests += 1

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


@dataclass
class Server:
    """An API server with an encryption configuration in stages, and a target for operations on it."""

    plane: ControlPlane
    file: Path
    environment: Environment
    topology: Topology

    def stage(self, certificates: Certificates, kms: KmsPlugin | None = None) -> None:
        """Write the configuration of a stage. Wait until the API server has loaded it, as a delivery does."""
        self.topology = replace(self.topology, certificates=certificates, encryption=Encryption(kms=kms))
        text = encryption_configuration(
            resource_encryptions(self.topology.encryption, certificates), KEYS, kms
        )
        self.file.write_text(text)
        digest = f'"sha256:{sha256(text.encode()).hexdigest()}"'
        eventually(
            "the API server has loaded the file",
            lambda: digest in self.plane.kubectl("get", "--raw", "/metrics"),
            timeout=RELOAD_SECONDS,
        )

    def run(self, host: str, script: str, *, timeout: float = 60) -> ScriptResult:
        """Run the script of an etcd member on this machine, in place of `Remote.run`."""
        for file in ("etcd-ca.crt", "operator.crt", "operator.key"):
            script = script.replace(f"{ETCD_PKI}/{file}", "")
        script = script.replace(LOCAL_ETCD, self.plane.etcd).replace(f"{BIN}/etcdctl", binary_path("etcdctl"))
        result = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, timeout=timeout, check=False
        )
        return ScriptResult(host, result.returncode, result.stdout, result.stderr)

    @property
    def target(self) -> Target:
        target = SimpleNamespace(
            stack="t",
            environment=self.environment,
            topology=self.topology,
            remote=self,
            settings=SimpleNamespace(metal=object()),
        )
        return cast(Target, target)

    def secrets_by_prefix(self) -> dict[str, int]:
        counts = encrypted_objects.count_objects(self.target.remote, self.topology)
        return {count.prefix: count.objects for count in counts if count.resource == "secrets"}

    def stored(self, name: str) -> bytes:
        """Return a Secret as etcd has it."""
        command = [binary_path("etcdctl"), f"--endpoints={self.plane.etcd}", "get", "--print-value-only"]
        key = f"/registry/secrets/default/{name}"
        return subprocess.run([*command, key], capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("plane")
    environment = Environment(state=directory / "state", cache=directory / "cache")
    file = directory / "encryption.yaml"
    topology = cluster(workers=0)
    encryptions = resource_encryptions(topology.encryption, topology.certificates)
    file.write_text(encryption_configuration(encryptions, KEYS))
    flags = (f"--encryption-provider-config={file}", "--encryption-provider-config-automatic-reload=true")
    with ControlPlane(directory, api_flags=flags) as plane:
        environment.stack_directory("t").mkdir(parents=True)
        environment.kubeconfig("t").write_text(plane.kubeconfig)
        for name in ("written", *(f"other-{number}" for number in range(20))):
            plane.kubectl("create", "secret", "generic", name, f"--from-literal=word={WORD}")
        yield Server(plane, file, environment, topology)


@pytest.fixture
def client(server: Server, record_figures: RecordFigures) -> Iterator[Client]:
    """Yield a client that runs during the test. After the test, no request has failed."""
    client = Client(ApiClient(json.loads(server.plane.kubeconfig)))
    try:
        yield client
    finally:
        client.stop()
    record_figures(requests=client.requests, failed=len(client.failures))
    assert client.requests > 100
    assert client.failures == []


def key_rotation(rotation: Rotation) -> Certificates:
    return Certificates(rotations=(("encryption", rotation),))


@pytest.mark.timeout(600)
def test_rotation_of_the_key_without_a_failed_request(
    server: Server, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    key_1, key_2 = "k8s:enc:secretbox:v1:key1:", "k8s:enc:secretbox:v1:key2:"
    assert server.secrets_by_prefix().keys() == {key_1}
    server.stage(key_rotation(TRUST))
    server.stage(key_rotation(SIGN))
    assert encryption.show(server.target) == 1
    assert "secrets with key1; run `up`" in capsys.readouterr().out.replace("\n", " ")
    assert encryption.rewrite_objects(server.target) == 0
    output = capsys.readouterr().out
    assert "all objects are encrypted as the stack file describes" in output
    assert server.secrets_by_prefix().keys() == {key_2}
    raw = server.stored("other-3")
    assert raw.startswith(key_2.encode())
    assert WORD.encode() not in raw
    server.stage(key_rotation(DONE))
    assert encryption.rewrite_objects(server.target) == 0
    # The client may have changed its own Secret in between.
    assert re.search("[01] objects written, 2[01] objects were up to date", capsys.readouterr().out)
    data = server.plane.kubectl("get", "secret", "other-3", "-o", "jsonpath={.data.word}")
    assert base64.b64decode(data).decode() == WORD


@pytest.mark.timeout(900)
def test_kms_plugin_and_back_without_a_failed_request(server: Server, client: Client, tmp_path: Path) -> None:
    plugin, keys = reference_kms.build_plugin(Cache.default()), tmp_path / "keys"
    socket = tmp_path / "kms.sock"
    keys.write_text(reference_kms.new_key())
    kms = KmsPlugin("reference", f"unix://{socket}", "3s")
    before_plugin = server.topology.certificates

    def stages(rotation: Rotation) -> Certificates:
        return Certificates(rotations=(*before_plugin.rotations, ("encryption-kms-reference", rotation)))

    process = subprocess.Popen([str(plugin), f"--socket={socket}", f"--keys={keys}"])
    try:
        for rotation in (TRUST, SIGN):
            server.stage(stages(rotation), kms)
        assert encryption.rewrite_objects(server.target) == 0
        server.stage(stages(DONE), kms)
        assert server.secrets_by_prefix().keys() == {"k8s:enc:kms:v2:reference:"}
        assert WORD.encode() not in server.stored("other-3")
        # A new key of the plugin is a rotation, which the plugin does without a change of the stack file.
        keys.write_text(reference_kms.new_key() + keys.read_text())
        before = server.stored("other-3")
        eventually(
            "the API server uses the new key of the plugin",
            lambda: encryption.rewrite_objects(server.target) == 0 and server.stored("other-3") != before,
            timeout=RELOAD_SECONDS,
        )
        for rotation in (SIGN, TRUST):
            server.stage(stages(rotation), kms)
        assert encryption.rewrite_objects(server.target) == 0
        server.stage(before_plugin)
        (encryption_of_secrets,) = resource_encryptions(Encryption(), before_plugin)
        assert server.secrets_by_prefix().keys() == {encryption_of_secrets.write_prefix}
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(300)
def test_secrets_are_unreadable_without_the_plugin(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """An API server that starts without the plugin is not ready, names the plugin, and reads no Secret."""
    plugin, keys = reference_kms.build_plugin(Cache.default()), tmp_path / "keys"
    keys.write_text(reference_kms.new_key())
    kms = KmsPlugin("reference", f"unix://{tmp_path}/kms.sock", "1s")
    certificates = Certificates(rotations=(("encryption-kms-reference", DONE),))
    file = tmp_path / "encryption.yaml"
    file.write_text(
        encryption_configuration(resource_encryptions(Encryption(kms=kms), certificates), KEYS, kms)
    )
    flags = (
        f"--encryption-provider-config={file}",
        "--encryption-provider-config-automatic-reload=true",
        # Reads come from etcd and not from the cache of the server.
        "--watch-cache=false",
    )
    arguments = [str(plugin), f"--socket={tmp_path}/kms.sock", f"--keys={keys}"]
    process = subprocess.Popen(arguments)
    try:
        with ControlPlane(tmp_path_factory.mktemp("plane"), api_flags=flags) as plane:
            plane.kubectl("create", "secret", "generic", "hidden", f"--from-literal=word={WORD}")
            process.kill()
            process.wait()
            api = ApiClient(json.loads(plane.kubeconfig))
            plane.restart_api_server()
            eventually("the API answers", lambda: api.get("/version"), timeout=60)
            with pytest.raises(ApiError, match=r"kms|plugin|rpc error|connect|nil transformer"):
                api.get("/api/v1/namespaces/default/secrets/hidden")
            readiness = plane.get_raw("/readyz?verbose")
            assert "[-]kms-providers failed" in readiness, readiness
            process = subprocess.Popen(arguments)
            eventually(
                "the Secret is readable with the plugin",
                lambda: WORD in base64.b64decode(_word(api)).decode(),
                timeout=60,
            )
    finally:
        process.kill()
        process.wait()


def _word(api: ApiClient) -> str:
    try:
        return str(api.get("/api/v1/namespaces/default/secrets/hidden")["data"]["word"])
    except ApiError:
        return ""
