"""Program of the policy pack: the engine runs it for `--policy-pack policy` and stops it at the end."""

from __future__ import annotations

import sys
from pathlib import Path

# The engine runs this directory as a program, so the packages beside it are not on the path.
sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from pulumi_policy import PolicyPack  # noqa: E402

from policy.pack import NAME, expose_secret_markers, policies  # noqa: E402

expose_secret_markers()
PolicyPack(name=NAME, policies=policies())
