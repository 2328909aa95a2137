"""Tests of the kubeconfig without secrets, on a stack that the real engine deployed."""

from __future__ import annotations

import base64
import http.server
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testkit.artifact_server import create_self_signed_certificate
from testkit.cluster import tool
from testkit.offline.machine import Machine
from tests.engine.stack import OfflineStack, keep_one_machine


@pytest.fixture(scope="module")
def stack(machine: Machine) -> OfflineStack:
    """Return a deployed stack with a single machine."""
    deployed = OfflineStack.from_checkout(machine, "dev", keep_one_machine)
    deployed.up()
    return deployed


def admin_kubeconfig(stack: OfflineStack) -> dict[str, Any]:
    """Return the administrator's kubeconfig, which `up` wrote."""
    parsed: dict[str, Any] = json.loads((stack.machine.state / "stacks/dev/kubeconfig").read_text())
    return parsed


@contextmanager
def serve_clients_of(authority: bytes, directory: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve HTTPS for clients with a certificate of the authority (PEM), until the block ends.

    Yield the address, and the list to which the server adds the common name of each client.
    """
    names: list[str] = []
    certificate, key = create_self_signed_certificate(directory)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            peer: Any = self.connection.getpeercert()
            names.extend(value for ((field, value),) in peer["subject"] if field == "commonName")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(cadata=authority.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}", names
        server.shutdown()


def test_kubeconfig_contains_no_secret(stack: OfflineStack) -> None:
    text = stack.machine.command("kubeconfig", "--file", str(stack.machine.root / "Pulumi.dev.yaml")).stdout
    admin = admin_kubeconfig(stack)
    user = admin["users"][0]["user"]
    for field in ("client-key-data", "client-certificate-data"):
        plain = base64.b64decode(user[field]).decode()
        assert user[field] not in text
        assert not [line for line in plain.splitlines()[1:-1] if line in text]
    assert "PRIVATE KEY" not in text
    kubeconfig = json.loads(text)
    assert kubeconfig["clusters"] == admin["clusters"]
    assert list(kubeconfig["users"][0]["user"]) == ["exec"]


def test_kubectl_authenticates_as_the_administrator(stack: OfflineStack, tmp_path: Path) -> None:
    """kubectl runs the credential command. A server that trusts only the cluster's CA accepts its
    certificate.
    """
    file = tmp_path / "exec.kubeconfig"
    words = ("--file", str(stack.machine.root / "Pulumi.dev.yaml"), "--to", str(file))
    assert stack.machine.command("kubeconfig", *words).stdout == f"export KUBECONFIG={file}\n"
    kubeconfig = json.loads(file.read_text())
    cluster = kubeconfig["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"])
    with serve_clients_of(authority, tmp_path) as (address, names):
        kubeconfig["clusters"][0]["cluster"] = {"server": address, "insecure-skip-tls-verify": True}
        file.write_text(json.dumps(kubeconfig))
        # Only the kubeconfig contains the directory of the state. kubectl runs without the variables of
        # Kubewright.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("KUBEWRIGHT_")}
        command = [tool("kubectl"), f"--kubeconfig={file}", "get", "--raw", "/healthz"]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("ok", 0), done.stderr
    assert names == ["kubewright:admin"]


def test_credential_is_the_certificate_of_the_administrator(stack: OfflineStack) -> None:
    credential = json.loads(stack.machine.command("credential").stdout)
    user = admin_kubeconfig(stack)["users"][0]["user"]
    status = credential["status"]
    assert credential["kind"] == "ExecCredential"
    assert status["clientKeyData"] == base64.b64decode(user["client-key-data"]).decode()
    assert status["clientCertificateData"] == base64.b64decode(user["client-certificate-data"]).decode()


def test_deployer_without_the_passphrase_gets_no_credential(stack: OfflineStack) -> None:
    """Access to the state is not sufficient, because the output is encrypted with the key of the stack."""
    result = stack.machine.execute(
        ["credential"], check=False, variables={"PULUMI_CONFIG_PASSPHRASE": "a wrong passphrase"}
    )
    assert result.code == 1
    assert "passphrase" in result.stderr
    assert "PRIVATE KEY" not in result.text


def test_credential_of_a_stack_that_was_not_deployed_is_an_error(stack: OfflineStack) -> None:
    result = stack.machine.command("credential", "--stack", "absent", check=False)
    assert result.code == 1
    assert "absent" in result.stderr
    assert result.stdout == ""
