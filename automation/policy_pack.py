"""Writes the policy pack to a separate directory, for `pulumi policy publish`.

The engine archives only the directory of a policy pack, and installs the requirements.txt of the pack where
the pack runs. The directory `policy` of the checkout imports other packages of the checkout, so an archive of
this directory is incomplete.
Source: `Publish` in pkg/backend/httpstate/policypack.go of pulumi/pulumi.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from automation.environment import CHECKOUT
from automation.errors import UserError

PACKAGES = ("policy", "providers", "settings", "artifacts", "redaction", "topology", "formats")
"""The packages of this repository that the pack imports. The pack needs only their Python files."""
REQUIREMENTS = ("pulumi", "pulumi-policy", "pydantic", "PyYAML", "packaging", "ahocorasick-rs")
"""The Python distributions that the pack imports, in the versions of requirements.txt of the checkout."""
_PACK = CHECKOUT / "policy"


def write_policy_pack(directory: Path) -> None:
    """Write the pack to a new or empty directory. Raise `UserError` if the directory contains files."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UserError(f"{directory}: not an empty directory; name a new directory")
    for package in PACKAGES:
        for source in sorted((CHECKOUT / package).rglob("*.py")):
            target = directory / source.relative_to(CHECKOUT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for name in ("PulumiPolicy.yaml", "__main__.py"):
        shutil.copyfile(_PACK / name, directory / name)
    (directory / "requirements.txt").write_text("".join(f"{line}\n" for line in _requirements()))


def _requirements() -> list[str]:
    """Return the lines of requirements.txt for the distributions of the pack."""
    lines = [
        line.partition("#")[0].strip() for line in (CHECKOUT / "requirements.txt").read_text().splitlines()
    ]
    return [line for line in lines if line.partition("==")[0] in REQUIREMENTS]
