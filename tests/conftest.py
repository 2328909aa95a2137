"""Preparation of all tests: signals."""

from __future__ import annotations

import signal

# A shell ignores SIGINT in background jobs, and all child processes would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# `nohup make test` ignores SIGHUP. With a handler the tests survive a closed terminal too, but their child
# processes start with the default action.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
