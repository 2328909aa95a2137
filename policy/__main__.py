"""Entry point of the policy pack. The engine starts this program for `--policy-pack policy`."""

from __future__ import annotations

import sys
from pathlib import Path

# The engine runs this directory as a program, so Python does not find the packages beside the directory.
sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from pulumi_policy import PolicyPack  # noqa: E402

from policy.pack import NAME, expose_secret_markers, policies  # noqa: E402

expose_secret_markers()
PolicyPack(name=NAME, policies=policies())
