"""Classification of errors of commands over SSH: whether a connection to the host was made."""

from __future__ import annotations

import re

# The first match in an error decides. Later text can be output of the command, which can also contain
# messages about failed connections. pulumi-command writes the reason, `: running "`, the command and its
# output (`run` in `provider/pkg/provider/remote/commandOutputs.go`). The driver removes the command from
# errors that it shows. The messages about failed connections come from `dialWithRetry` in
# `provider/pkg/provider/remote/connection.go` and from Go's package net.
_FIRST_MATCH = re.compile(
    r': running "|exited with(?:out exit)? status|connection was lost'
    r"|(?P<not_connected>after \d+ failed attempts: |\bdial (?:tcp|unix) )"
)


def never_reached(error: str) -> bool:
    """Check whether the error of a remote command shows that no connection to the host was made.

    Return False for an unknown error, such as a plugin that ended, because the host may have changed.
    """
    first = _FIRST_MATCH.search(error)
    return first is not None and first["not_connected"] is not None
