"""Tests of the stand-in plugins for `command` and `tls` with the real engine and an sshd on loopback."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from testkit.program import Program, create_stack, tool

SECRET = "swordfish-of-the-test"
PROGRAM_HEAD = """
import os
import signal

import pulumi
import pulumi_command as command
import pulumi_tls as tls

# As the real program: the engine interrupts it when a resource failed, which is no error of its own.
signal.signal(signal.SIGINT, signal.SIG_DFL)

connection = command.remote.ConnectionArgs(
    host="127.0.0.1",
    port=int(os.environ["SSH_PORT"]),
    private_key=pulumi.Output.secret(open(os.environ["SSH_KEY"]).read()),
    host_key=open(os.environ["SSH_HOST_KEY"]).read(),
    dial_error_limit=2,
)
options = {"add_previous_output_in_env": False, "logging": command.remote.Logging.NONE}
"""
DELIVERY_PROGRAM = """
command.remote.Command(
    "host",
    connection=connection,
    create="set -e\\nfile one\\n".replace("file", "echo") + "{line}\\ncat > {out}\\n",
    stdin=pulumi.Output.secret("{secret}"),
    delete="rm {out}",
    **options,
)
"""
CERTIFICATES_PROGRAM = """
ca = tls.PrivateKey("ca", algorithm="ECDSA", ecdsa_curve="P256")
root = tls.SelfSignedCert(
    "ca",
    private_key_pem=ca.private_key_pem,
    subject={{"common_name": "{name}"}},
    is_ca_certificate=True,
    allowed_uses=["cert_signing"],
    validity_period_hours=24,
)
key = tls.PrivateKey("leaf", algorithm="ECDSA", ecdsa_curve="P256")
request = tls.CertRequest("leaf", private_key_pem=key.private_key_pem, dns_names=["localhost"])
leaf = tls.LocallySignedCert(
    "leaf",
    cert_request_pem=request.cert_request_pem,
    ca_private_key_pem=ca.private_key_pem,
    ca_cert_pem=root.cert_pem,
    allowed_uses=["server_auth"],
    validity_period_hours=12,
)
pulumi.export("root", root.cert_pem)
pulumi.export("leaf", leaf.cert_pem)
"""


@dataclass(frozen=True)
class Sshd:
    """A running SSH server on loopback. Its host key and user key are in `directory`."""

    port: int
    directory: Path


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Yield a running SSH server on loopback."""
    directory = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True, timeout=30
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (directory / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nPidFile none\nUsePAM no\n"
        f"StrictModes no\nPasswordAuthentication no\nAuthorizedKeysFile {directory}/user.pub\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([tool("sshd"), "-D", "-f", directory / "config", "-E", directory / "log"])
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield Sshd(port, directory)
    server.terminate()
    server.wait()


@pytest.fixture
def stack(tmp_path: Path, sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return an empty Pulumi stack whose programs can connect to the SSH server."""
    variables = {
        "SSH_PORT": str(sshd.port),
        "SSH_KEY": f"{sshd.directory}/user",
        "SSH_HOST_KEY": f"{sshd.directory}/host.pub",
    }
    home = tmp_path_factory.getbasetemp() / "pulumi-home"
    return create_stack(tmp_path, home, ["command", "tls"], head=PROGRAM_HEAD, variables=variables)


def test_delivery_from_create_to_delete(stack: Program) -> None:
    out = stack.directory / "out"
    stack.program(DELIVERY_PROGRAM.format(line="echo two", out=out, secret=SECRET))
    all_output = stack.run("preview", "--diff") + stack.up()
    assert out.read_text() == SECRET
    stack.assert_unchanged()

    out.unlink()
    stack.program(DELIVERY_PROGRAM.format(line="echo three", out=out, secret=SECRET))
    preview = stack.run("preview", "--diff")
    assert [line.split() for line in preview.splitlines() if line.strip().startswith(("- e", "+ e"))] == [
        ["-", "echo", "two"],
        ["+", "echo", "three"],
    ]
    all_output += preview + stack.up()
    assert out.read_text() == SECRET

    stack.program(DELIVERY_PROGRAM.format(line="echo three", out=out, secret=SECRET + "-new"))
    preview = stack.run("preview", "--diff")
    assert "stdin: [secret] => [secret]" in preview
    all_output += preview + stack.up()
    assert out.read_text() == SECRET + "-new"

    all_output += (
        stack.run("stack", "export")
        + (stack.directory / "state/.pulumi/stacks/plugins/test.json").read_text()
    )
    key = Path(stack.environment["SSH_KEY"]).read_text().splitlines()[1]
    assert SECRET not in all_output
    assert key not in all_output
    stack.run("destroy", "--yes", "--skip-preview")
    assert not out.exists()


def test_failure_shows_the_reason_and_the_next_run_succeeds(stack: Program) -> None:
    out = stack.directory / "out"
    stack.program(DELIVERY_PROGRAM.format(line="echo the reason >&2; exit 7", out=out, secret=SECRET))
    output = stack.up(fails=True)
    assert "Process exited with status 7" in output
    assert "the reason" in output
    assert SECRET not in output
    assert "Traceback" not in output
    stack.program(DELIVERY_PROGRAM.format(line="true", out=out, secret=SECRET))
    stack.up()
    assert out.read_text() == SECRET


def test_triggers_replace_and_secret_outputs_stay_secret(stack: Program) -> None:
    program = """
made = command.local.Command("here", create="echo {secret}", triggers=["{trigger}"],
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]), logging="none")
pulumi.export("made", made.stdout)
"""
    stack.program(program.format(secret="plain", trigger="a"))
    stack.up()
    assert json.loads(stack.run("stack", "output", "--json"))["made"] == "[secret]"
    stack.program(program.format(secret="plain", trigger="b"))
    assert "1 to replace" in stack.run("preview")


def test_changed_root_certificate_replaces_dependent_certificates(stack: Program, tmp_path: Path) -> None:
    stack.program(CERTIFICATES_PROGRAM.format(name="one"))
    stack.run("preview")
    output = stack.up()
    stack.assert_unchanged()
    stack.run("refresh", "--yes", "--skip-preview")
    stack.assert_unchanged()
    outputs = json.loads(stack.run("stack", "output", "--json"))
    for name in ("root", "leaf"):
        (tmp_path / name).write_text(outputs[name])
    subprocess.run(["openssl", "verify", "-CAfile", tmp_path / "root", tmp_path / "leaf"], check=True)
    assert "PRIVATE KEY" not in output + stack.run("stack", "export")
    stack.program(CERTIFICATES_PROGRAM.format(name="two"))
    assert "2 to replace" in stack.run("preview")
    stack.up()
    stack.assert_unchanged()
