"""What all tests begin with."""

from __future__ import annotations

import signal

# Who starts them in a shell's background has SIGINT ignored, and every program of theirs would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
