"""Commands and copies by SSH."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest
from pulumi.asset import FileArchive, StringAsset
from pulumi.provider.experimental.property_value import PropertyValue as Value

from lab.plugins.common.errors import ProviderError
from lab.plugins.common.values import plain
from tests.unit.plugins.driving import Plugin
from tests.unit.plugins.sshd import Host


def test_a_remote_command_gets_its_input_and_gives_its_output(remote: Plugin, host: Host) -> None:
    made = remote.create(
        {"connection": host.connection(), "create": "wc -c; echo e >&2", "stdin": "x" * 300_000}
    )
    assert plain(made.properties["stdout"]).strip() == "300000"
    assert plain(made.properties["stderr"]) == "e"


def test_a_failing_remote_command_reports_status_text_and_output(remote: Plugin, host: Host) -> None:
    with pytest.raises(ProviderError) as caught:
        remote.create({"connection": host.connection(), "create": "echo why; exit 3", "stdin": "swordfish"})
    assert str(caught.value) == 'Process exited with status 3: running "echo why; exit 3":\nwhy\n'


@pytest.mark.parametrize("command", ["hang up", "by signal"])
def test_a_lost_or_killed_command_is_an_error_and_no_wait(remote: Plugin, host: Host, command: str) -> None:
    with pytest.raises(ProviderError, match=command):
        remote.create({"connection": host.connection(), "create": command})


def test_a_wrong_host_key_is_refused(remote: Plugin, host: Host) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(ProviderError, match=r"after 2 failed attempts: .*127\.0\.0\.1.*hostKey"):
        remote.create({"connection": host.connection(hostKey=other), "create": "true"})
    assert host.connections == 0


def test_a_wrong_user_key_is_refused(remote: Plugin, host: Host) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(ProviderError, match="unable to authenticate"):
        remote.create({"connection": host.connection(privateKey=other), "create": "true"})


def test_what_is_no_key_is_named_but_not_shown(remote: Plugin, host: Host) -> None:
    with pytest.raises(ProviderError, match="privateKey cannot be read") as caught:
        remote.create({"connection": host.connection(privateKey="swordfish"), "create": "true"})
    assert "swordfish" not in str(caught.value)


def test_a_host_that_is_away_is_named_after_the_dials(remote: Plugin) -> None:
    connection = {"host": "127.0.0.1", "port": 9, "dialErrorLimit": 2, "perDialTimeout": 2}
    with pytest.raises(ProviderError, match=r"after 3 failed attempts: ssh to root@127\.0\.0\.1:9"):
        remote.create({"connection": connection, "create": "true"})
    assert remote.log.lines == ["Dial 1/3 failed: retrying", "Dial 2/3 failed: retrying"]


def test_a_proxy_leads_to_the_host(remote: Plugin, host: Host) -> None:
    with Host() as bastion:
        connection = host.connection(proxy=bastion.connection())
        made = remote.create({"connection": connection, "create": "echo through"})
        assert bastion.forwarded == [host.port]
    assert plain(made.properties["stdout"]) == "through"


def test_an_environment_the_host_does_not_accept_is_an_error(remote: Plugin, host: Host) -> None:
    inputs = {"connection": host.connection(), "create": 'echo "$A"', "environment": {"A": "b"}}
    assert plain(remote.create(inputs).properties["stdout"]) == "b"
    with pytest.raises(ProviderError, match="Unable to set 'REFUSED'"):
        remote.create(inputs | {"environment": {"REFUSED": "x"}})


def test_delete_runs_on_the_host_of_the_state(remote: Plugin, host: Host, tmp_path: Path) -> None:
    inputs = {
        "connection": host.connection(),
        "create": "true",
        "delete": f"cat > {tmp_path}/d",
        "stdin": "bye",
    }
    remote.delete(remote.create(inputs).properties)
    assert (tmp_path / "d").read_text() == "bye"


def test_copies(host: Host, tmp_path: Path) -> None:
    copies = Plugin("command:remote:CopyToRemote")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").write_text("one")
    inputs = {
        "connection": host.connection(),
        "source": Value(FileArchive(str(tree))),
        "remotePath": f"{tmp_path}/there",
    }
    state = copies.create(inputs).properties
    assert (tmp_path / "there/tree/sub/file").read_text() == "one"
    assert copies.diff(state, inputs).changes is False
    (tree / "sub/file").write_text("two")
    assert copies.diff(state, inputs).changes is True
    copies.update(state, inputs)
    assert (tmp_path / "there/tree/sub/file").read_text() == "two"
    text = inputs | {"source": Value(StringAsset("text")), "remotePath": f"{tmp_path}/text"}
    copies.create(text)
    assert (tmp_path / "text").read_text() == "text"
    with pytest.raises(ProviderError, match="is a directory"):
        copies.create(text | {"remotePath": str(tmp_path)})


def test_a_missing_source_is_an_error(host: Host) -> None:
    copies = Plugin("command:remote:CopyToRemote")
    missing = Value(FileArchive("/does/not/exist"))
    with pytest.raises(ProviderError, match="cannot read /does/not/exist"):
        copies.check({"connection": host.connection(), "source": missing, "remotePath": "/x"})
