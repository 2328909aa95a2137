"""A clean copy of the checkout: the files that git would commit, including uncommitted changes."""

from __future__ import annotations

import shutil
from pathlib import Path

from testkit.cluster import CHECKOUT
from testkit.process import run


def clean_checkout(directory: Path) -> Path:
    """Copy the files that git tracks or would add into a new repository in `directory`, and return
    `directory`.
    """
    listed = run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], timeout=30, cwd=CHECKOUT
    )
    for name in listed.stdout.split("\0"):
        source = CHECKOUT / name
        if name and source.is_file():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for words in (
        ["init", "-q"],
        ["add", "--all", "--force"],
        [*_COMMITTER, "commit", "-q", "-m", "a checkout"],
    ):
        run(["git", *words], timeout=60, cwd=directory)
    return directory


def git_status(directory: Path) -> str:
    """Return the files that git reports as changed or new, including ignored files."""
    return run(["git", "status", "--porcelain", "--ignored"], timeout=30, cwd=directory).stdout


_COMMITTER = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
