"""Tests of errors over SSH, in the texts of the official plugin and of the stand-in plugin."""

from __future__ import annotations

import pytest

from providers.ssh_errors import never_reached


@pytest.mark.parametrize(
    "error",
    [
        "after 2 failed attempts: dial tcp 10.0.0.1:22: connect: no route to host",
        "after 3 failed attempts: ssh to root@10.0.0.1:22: no answer within 10.0 s",
        "proxy: after 2 failed attempts: ssh: rejected: connect failed (Connection timed out)",
        "after 2 failed attempts: ssh: handshake failed: ssh: host key mismatch",
        "dial unix /run/agent.sock: connect: no such file or directory",
        "deleting urn:pulumi:s::kubewright::command:remote:Command::w-1-node: 1 error occurred:\n"
        "\t* after 2 failed attempts: dial tcp 10.0.0.1:22: i/o timeout\n",
    ],
)
def test_error_shows_that_no_connection_was_made(error: str) -> None:
    assert never_reached(error)


@pytest.mark.parametrize(
    "error",
    [
        'Process exited with status 1: running "begin node":\ndial tcp 10.0.0.1:6443: connection refused',
        'remote command exited without exit status or exit signal: running "begin node":\n',
        'the connection was lost: Connection lost: running "begin node":\nafter 3 failed attempts: curl',
        # The driver removes the command from an error that it shows.
        "Process exited with status 1:\netcd: cannot leave: dial tcp 10.0.0.2:2379: connection refused",
        "remote command exited without exit status or exit signal:\ndial tcp 10.0.0.2:2379: i/o timeout",
        "the connection was lost: Connection lost:\nafter 3 failed attempts: curl",
        "rpc error: code = Unavailable desc = error reading from server: EOF",
        "context canceled",
        "ssh: unexpected packet in response to channel open: <nil>",
        "",
    ],
)
def test_host_may_have_changed_after_other_errors(error: str) -> None:
    assert not never_reached(error)
