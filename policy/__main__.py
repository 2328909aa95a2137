"""Entry point of the policy pack. The engine starts this program for `--policy-pack policy`.

`kubewright policy-pack` copies this file to the root of a directory that contains all packages of the pack.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The engine runs the directory of this file as a program. In the checkout Python does not find the packages
# beside the directory.
_DIRECTORY = Path(__file__).resolve().parent
_ROOT = _DIRECTORY if (_DIRECTORY / "policy" / "pack.py").is_file() else _DIRECTORY.parent
sys.path[:0] = [str(_ROOT)]

from pulumi_policy import PolicyPack  # noqa: E402

from policy.pack import NAME, expose_secret_markers, policies  # noqa: E402

expose_secret_markers()
PolicyPack(name=NAME, policies=policies())
