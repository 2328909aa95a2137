"""Tests with the real engine: the kind of plugins cannot change, and a failed download is an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from automation.plugin_kind import VARIABLE, kind_in_state
from lab.plugins.install import install
from lab.plugins.kinds import InstallError, PluginKind
from testkit.cluster import CHECKOUT, tool
from testkit.offline.machine import Machine
from testkit.process import CommandResult
from testkit.program import create_stack

PROGRAM = """
import pulumi
import pulumi_command as command
import pulumi_tls as tls

tls.PrivateKey("key", algorithm="ED25519")
command.local.Command("here", create="true", opts=pulumi.ResourceOptions(provider=command.Provider("local")))
"""
OFFICIAL_STATE = '{"type": "pulumi:providers:kubernetes"}'
STAND_IN_STATE = '{"type": "pulumi:providers:tls", "inputs": {"__standIn": true}}'


@pytest.mark.release
def test_state_of_stand_ins_is_marked_and_a_missing_mark_is_no_change(tmp_path: Path) -> None:
    stack = create_stack(tmp_path, tmp_path / "home", ["command", "tls"])
    stack.program(PROGRAM)
    output = stack.run("preview", "--diff") + stack.up()
    assert "__standIn" not in output
    state = tmp_path / "state/.pulumi/stacks/plugins/test.json"
    assert kind_in_state(state) is PluginKind.STAND_IN
    stack.assert_unchanged()
    # Stand-ins of version 0.1 did not mark the state. The next `up` adds the mark.
    exported = json.loads(stack.run("stack", "export"))
    for resource in exported["deployment"]["resources"]:
        for properties in ("inputs", "outputs"):
            resource.get(properties, {}).pop("__standIn", None)
    older = tmp_path / "older.json"
    older.write_text(json.dumps(exported))
    stack.run("stack", "import", "--file", str(older))
    assert kind_in_state(state) is None
    stack.assert_unchanged()
    stack.up()
    assert kind_in_state(state) is PluginKind.STAND_IN


def run_with_state(machine: Machine, state: str, *words: str, **variables: str) -> CommandResult:
    """Run a command on the stack dev without its lab and with this state."""
    file = machine.write_stack_file("dev", machine.stack_config(CHECKOUT / "Pulumi.dev.yaml"))
    stored = machine.state / "backend/.pulumi/stacks/kubewright/dev.json"
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(state)
    try:
        arguments = (*words, "--stack", "dev", "--file", str(file))
        return machine.execute(arguments, check=False, variables=variables)
    finally:
        stored.unlink()


@pytest.mark.parametrize("command", ["preview", "up", "refresh"])
def test_state_of_stand_ins_is_refused_without_a_lab(machine: Machine, command: str) -> None:
    result = run_with_state(machine, STAND_IN_STATE, command)
    assert result.code == 1
    assert "stack dev: stand-in plugins created the state" in result.text
    assert "docs/plugins.md" in result.text
    assert "Traceback" not in result.text


def test_state_of_official_plugins_is_refused_offline(machine: Machine) -> None:
    result = run_with_state(machine, OFFICIAL_STATE, "preview", "--offline")
    assert result.code == 1
    assert "stack dev: official plugins created the state" in result.text
    assert "omit --offline" in result.text


def test_stand_ins_are_refused_without_a_lab(machine: Machine) -> None:
    result = run_with_state(machine, OFFICIAL_STATE, "up", **{VARIABLE: "stand-in"})
    assert result.code == 1
    assert "KUBEWRIGHT_PLUGINS: stack dev has no lab" in result.text


class _Refusal(BaseHTTPRequestHandler):
    """A handler that refuses every request."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def refusing_server() -> Iterator[str]:
    """Yield the URL of a server that refuses all downloads."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusal) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("refuses", "problem"),
    [(True, "the server refused the download: .*403"), (False, "the download failed: .*check the network")],
)
def test_error_of_a_failed_download_contains_the_required_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing_server: str, refuses: bool, problem: str
) -> None:
    url = refusing_server if refuses else "http://127.0.0.1:9"
    monkeypatch.setenv("PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES", f".*={url}")
    monkeypatch.setenv("PULUMI_IGNORE_AMBIENT_PLUGINS", "true")
    with pytest.raises(InstallError, match=problem) as caught:
        install(Path(tool("pulumi")), tmp_path / "home", ["tls"], PluginKind.OFFICIAL)
    assert "put pulumi-resource-tls on PATH" in str(caught.value)
    assert not (tmp_path / "home/plugins").exists() or not list((tmp_path / "home/plugins").glob("*/lab"))
