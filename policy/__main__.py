"""What the engine runs for `--policy-pack policy`: serves the policies until the engine ends it."""

from __future__ import annotations

import sys
from pathlib import Path

# The engine runs this directory as a program: the packages beside it are then not on the path.
sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from pulumi_policy import PolicyPack  # noqa: E402

from policy.pack import NAME, keep_secrets, policies  # noqa: E402

keep_secrets()
PolicyPack(name=NAME, policies=policies())
