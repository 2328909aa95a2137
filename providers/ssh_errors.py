"""Errors of commands over SSH: tells a host that was never reached from a host where a command began."""

from __future__ import annotations

import re

# What comes first in an error decides, because the output of a command follows in the error, and may have
# texts of failed connections, too. pulumi-command writes the reason, `: running "`, the command and its
# output (`run` in `provider/pkg/provider/remote/commandOutputs.go`). The driver removes the command from
# errors that it shows. Failed dials have the texts of `dialWithRetry` in
# `provider/pkg/provider/remote/connection.go`, and of Go's package net.
_FIRST = re.compile(
    r': running "|exited with(?:out exit)? status|connection was lost'
    r"|(?P<not_connected>after \d+ failed attempts: |\bdial (?:tcp|unix) )"
)


def never_reached(error: str) -> bool:
    """Report whether the error of a remote command shows that no connection to the host was made.

    Return False for an unknown error, such as the end of the plugin: the host may have changed.
    """
    first = _FIRST.search(error)
    return first is not None and first["not_connected"] is not None
