"""Which stacks a command works on: those named, all there are, or those that a change touches."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from automation import workspace
from automation.environment import CHECKOUT
from automation.errors import UserError

# What the program is made of, from the checkout's root: a change there may be one of every stack.
PROGRAM = (
    "__main__.py",
    "Pulumi.yaml",
    "requirements.txt",
    "settings/",
    "topology/",
    "nodeconfig/",
    "components/",
    "providers/",
    "artifacts/",
    "policy/",
)


def all_stacks(checkout: Path = CHECKOUT) -> dict[str, Path]:
    """Every stack of the checkout with its file: `Pulumi.<stack>.yaml`, without the bases of others."""
    files = {path.name.removeprefix("Pulumi.").removesuffix(".yaml"): path for path in _stack_files(checkout)}
    bases: set[Path] = set()
    for path in files.values():
        bases |= {base.resolve() for base in workspace.merged_config(path).files[1:]}
    return {name: path for name, path in files.items() if path.resolve() not in bases}


def affected_stacks(changed: Iterable[str], stacks: Mapping[str, Path], checkout: Path = CHECKOUT) -> list[str]:
    """The stacks that a change of these files (paths from the checkout's root) may change."""
    paths = list(changed)
    if any(path.startswith(PROGRAM) for path in paths):
        return list(stacks)
    return [name for name, file in stacks.items() if _touches(paths, file, checkout)]


def changed_since(ref: str, checkout: Path = CHECKOUT) -> list[str]:
    """The files that differ from where this branch left `ref`, uncommitted and new ones included.

    Raises `UserError` when git does not know the reference.
    """
    if ref.startswith("-"):
        raise UserError(f"--changed-from: {ref!r} is no commit, branch or tag")
    differing = _git(checkout, "diff", "--name-only", "--no-renames", "-z", "--merge-base", ref, "--")
    new = _git(checkout, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted({*differing, *new})


def select_stacks(names: Sequence[str], *, everything: bool, changed_from: str | None) -> list[str]:
    """The stacks asked for; `dev` when nothing is.

    Raises `UserError` for two ways of asking at once, and for a name that no stack can have.
    """
    # Names become those of directories and reports.
    for name in names:
        workspace.check_stack_name(name)
    asked = [bool(names), everything, changed_from is not None]
    if sum(asked) > 1:
        raise UserError("--stack, --all and --changed-from: give one of them")
    if everything:
        return list(all_stacks())
    if changed_from is None:
        return list(dict.fromkeys(names)) or ["dev"]
    stacks = all_stacks()
    changed = changed_since(changed_from)
    for path in changed:
        if path.startswith("Pulumi.") and not (CHECKOUT / path).exists():
            print(f"{path}: gone; its stack is not touched, `kubewright destroy` it first", file=sys.stderr)
    return affected_stacks(changed, stacks)


def _touches(changed: Sequence[str], file: Path, checkout: Path) -> bool:
    settings = workspace.merged_config(file)
    own = {str(path.resolve().relative_to(checkout.resolve())) for path in settings.files}
    # Without a slash or a dot it is a word, such as that of an environment.
    texts = (text for text in _texts(settings.config) if "/" in text or "." in text)
    named = {text.removeprefix("./").rstrip("/") for text in texts}
    return any(path in own or not named.isdisjoint(_ways_to(path)) for path in changed)


def _ways_to(path: str) -> Iterator[str]:
    """The path, and every directory above it in the checkout."""
    yield path
    yield from (str(parent) for parent in PurePosixPath(path).parents if parent.name)


def _texts(value: object) -> Iterator[str]:
    """Every text of a configuration: any may name a file of the checkout (a chart, a mirror's index)."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _stack_files(checkout: Path) -> list[Path]:
    return sorted(path for path in checkout.glob("Pulumi.*.yaml") if path.is_file())


def _git(checkout: Path, *words: str) -> list[str]:
    try:
        done = subprocess.run(["git", *words], cwd=checkout, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"--changed-from: git did not answer: {error}") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise UserError(f"--changed-from: {reason}; name a commit, branch or tag (fetched deep enough)")
    return [path for path in done.stdout.split("\0") if path]
