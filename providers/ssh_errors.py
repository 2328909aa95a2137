"""Errors of commands over SSH: tells a host that was never reached from a host where a command began."""

from __future__ import annotations

import re

# pulumi-command puts this text between the reason and the command when the command was started: it failed,
# or its connection was lost (`provider/pkg/provider/remote/commandOutputs.go`, `run`). Output of the command
# follows, so the text must be looked for first.
_STARTED = ': running "'
# The texts of failed dials: `dialWithRetry` in `provider/pkg/provider/remote/connection.go`, and Go's net
# package.
_NOT_CONNECTED = re.compile(r"after \d+ failed attempts: |\bdial (?:tcp|unix) ")


def never_reached(error: str) -> bool:
    """Report whether the error of a remote command shows that no connection to the host was made.

    Return False for an unknown error, such as the end of the plugin: the host may have changed.
    """
    return _STARTED not in error and _NOT_CONNECTED.search(error) is not None
