"""Tests of commands and copies over SSH."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest

from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import ARCHIVE, ASSET, SIGNATURE
from tests.unit.lab.plugins.command.plugin import CommandPlugin
from tests.unit.lab.plugins.command.sshd import SshHost


def file_archive(path: Path) -> dict[str, str]:
    """Return a property value for an archive at this path."""
    return {SIGNATURE: ARCHIVE, "path": str(path)}


def test_remote_command_reads_its_input_and_returns_its_output(remote: CommandPlugin, host: SshHost) -> None:
    _, state = remote.create(
        {"connection": host.connection(), "create": "wc -c; echo e >&2", "stdin": "x" * 300_000}
    )
    assert state["stdout"].strip() == "300000"
    assert state["stderr"] == "e"


def test_error_of_a_remote_command_has_status_command_and_output(
    remote: CommandPlugin, host: SshHost
) -> None:
    with pytest.raises(PluginError) as caught:
        remote.create({"connection": host.connection(), "create": "echo why; exit 3", "stdin": "swordfish"})
    assert str(caught.value) == 'Process exited with status 3: running "echo why; exit 3":\nwhy\n'


@pytest.mark.parametrize("command", ["hang up", "by signal"])
def test_lost_or_killed_command_fails_immediately(remote: CommandPlugin, host: SshHost, command: str) -> None:
    with pytest.raises(PluginError, match=command):
        remote.create({"connection": host.connection(), "create": command})


def test_wrong_host_key_is_refused(remote: CommandPlugin, host: SshHost) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(PluginError, match=r"after 2 failed attempts: .*127\.0\.0\.1.*hostKey"):
        remote.create({"connection": host.connection(hostKey=other), "create": "true"})
    assert host.connections == 0


def test_wrong_user_key_is_refused(remote: CommandPlugin, host: SshHost) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(PluginError, match="unable to authenticate"):
        remote.create({"connection": host.connection(privateKey=other), "create": "true"})


def test_error_of_an_invalid_key_hides_the_key(remote: CommandPlugin, host: SshHost) -> None:
    with pytest.raises(PluginError, match="privateKey cannot be read") as caught:
        remote.create({"connection": host.connection(privateKey="swordfish"), "create": "true"})
    assert "swordfish" not in str(caught.value)


def test_unreachable_host_fails_after_the_limit_of_attempts(remote: CommandPlugin) -> None:
    connection = {"host": "127.0.0.1", "port": 9, "dialErrorLimit": 2, "perDialTimeout": 2}
    with pytest.raises(PluginError, match=r"after 3 failed attempts: ssh to root@127\.0\.0\.1:9"):
        remote.create({"connection": connection, "create": "true"})
    assert remote.log.lines == ["Dial 1/3 failed: retrying", "Dial 2/3 failed: retrying"]


def test_connection_through_a_proxy(remote: CommandPlugin, host: SshHost) -> None:
    with SshHost() as bastion:
        connection = host.connection(proxy=bastion.connection())
        _, state = remote.create({"connection": connection, "create": "echo through"})
        assert bastion.forwarded == [host.port]
    assert state["stdout"] == "through"


def test_environment_that_the_host_refuses_is_an_error(remote: CommandPlugin, host: SshHost) -> None:
    inputs = {"connection": host.connection(), "create": 'echo "$A"', "environment": {"A": "b"}}
    assert remote.create(inputs)[1]["stdout"] == "b"
    with pytest.raises(PluginError, match="Unable to set 'REFUSED'"):
        remote.create(inputs | {"environment": {"REFUSED": "x"}})


def test_delete_runs_on_the_host_in_the_state(remote: CommandPlugin, host: SshHost, tmp_path: Path) -> None:
    inputs = {
        "connection": host.connection(),
        "create": "true",
        "delete": f"cat > {tmp_path}/d",
        "stdin": "bye",
    }
    remote.delete(remote.create(inputs)[1])
    assert (tmp_path / "d").read_text() == "bye"


def test_copy_of_directories_and_texts(host: SshHost, tmp_path: Path) -> None:
    copies = CommandPlugin("command:remote:CopyToRemote")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").write_text("one")
    inputs = {
        "connection": host.connection(),
        "source": file_archive(tree),
        "remotePath": f"{tmp_path}/there",
    }
    _, state = copies.create(inputs)
    assert (tmp_path / "there/tree/sub/file").read_text() == "one"
    assert not copies.diff(state, inputs).changes
    (tree / "sub/file").write_text("two")
    assert copies.diff(state, inputs).changes
    copies.update(state, inputs)
    assert (tmp_path / "there/tree/sub/file").read_text() == "two"
    text = inputs | {"source": {SIGNATURE: ASSET, "text": "text"}, "remotePath": f"{tmp_path}/text"}
    copies.create(text)
    assert (tmp_path / "text").read_text() == "text"
    with pytest.raises(PluginError, match="is a directory"):
        copies.create(text | {"remotePath": str(tmp_path)})


def test_missing_source_is_an_error(host: SshHost) -> None:
    copies = CommandPlugin("command:remote:CopyToRemote")
    missing = file_archive(Path("/does/not/exist"))
    with pytest.raises(PluginError, match="cannot read /does/not/exist"):
        copies.inputs({"connection": host.connection(), "source": missing, "remotePath": "/x"})
