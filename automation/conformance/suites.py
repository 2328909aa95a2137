"""Selection of specs: the suites of `suites.yaml`, `--focus` and `--skip`, and images that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from automation.errors import UserError
from formats.documents import SAFE_LOADER

DEFAULT_SUITE = "conformance"
_SUITES_FILE = Path(__file__).with_name("suites.yaml")
_LISTED_SPEC = re.compile(r"^\s+\S+:\d+: (?P<name>\[sig-.+)$")


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite of `suites.yaml`: a regular expression for names, or a list of names."""

    name: str
    purpose: str
    focus: re.Pattern[str] | None = None
    specs: tuple[str, ...] = ()

    def contains(self, spec: str) -> bool:
        """Check whether a spec belongs to the suite."""
        return bool(self.focus.search(spec)) if self.focus else spec in self.specs


@dataclass(frozen=True, slots=True)
class Selection:
    """The specs of a run. `left_out` maps specs that were selected but must not run to the reason."""

    specs: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


@cache
def suites() -> Mapping[str, Suite]:
    """Return the suites by name."""
    result = {}
    for name, values in yaml.load(_SUITES_FILE.read_text(), Loader=SAFE_LOADER).items():
        specs = (f"[{sig}] {spec}" for sig, listed in values.get("specs", {}).items() for spec in listed)
        focus = re.compile(values["focus"]) if "focus" in values else None
        result[name] = Suite(name, values["purpose"], focus, tuple(specs))
    return result


def suite_named(name: str) -> Suite:
    """Return the suite with a name. Raise UserError for an unknown name."""
    if name not in suites():
        raise UserError(f"--suite {name}: unknown suite; the suites are {', '.join(suites())}")
    return suites()[name]


def parse_listed(lines: Iterable[str]) -> list[str]:
    """Return the names of specs in the output of `e2e.test --list-tests`, in its order."""
    matches = (_LISTED_SPEC.match(line) for line in lines)
    return [match["name"].rstrip() for match in matches if match]


def select(
    available: Sequence[str],
    *,
    suite: Suite | None,
    focus: str = "",
    skip: str = "",
    missing_images: Mapping[str, re.Pattern[str]] | None = None,
) -> Selection:
    """Return the specs of a suite (None: of all suites) whose names match `focus`.

    Leave out specs that match `skip`, or that need one of `missing_images`, which maps an image to the
    expression of its specs. Names of the suite that are not in `available` are left out too. Raise UserError
    for a wrong expression and for a selection without specs.
    """
    focus_pattern, skip_pattern = compile_option("--focus", focus), compile_option("--skip", skip)
    chosen = [
        spec
        for spec in available
        if (suite is None or suite.contains(spec)) and (focus_pattern is None or focus_pattern.search(spec))
    ]
    left_out = {}
    for spec in chosen:
        reason = _reason_to_leave_out(spec, skip_pattern, missing_images or {})
        if reason:
            left_out[spec] = reason
    known = set(available)
    for spec in suite.specs if suite else ():
        if spec not in known and (focus_pattern is None or focus_pattern.search(spec)):
            left_out[spec] = "this version of Kubernetes has no such spec"
    specs = tuple(spec for spec in chosen if spec not in left_out)
    if not specs:
        detail = f" ({len(left_out)} left out)" if left_out else ""
        raise UserError(f"no spec is selected{detail}; change --suite, --focus or --skip")
    return Selection(specs, left_out)


def compile_option(option: str, expression: str) -> re.Pattern[str] | None:
    """Return the expression of an option; None if it is empty. Raise UserError for a wrong expression."""
    if not expression:
        return None
    try:
        return re.compile(expression)
    except re.error as error:
        raise UserError(f"{option} {expression}: not a regular expression ({error})") from None


def _reason_to_leave_out(
    spec: str, skip: re.Pattern[str] | None, missing_images: Mapping[str, re.Pattern[str]]
) -> str:
    if skip is not None and skip.search(spec):
        return f"--skip {skip.pattern}"
    missing = [image for image, pattern in missing_images.items() if pattern.search(spec)]
    return f"image {', '.join(missing)} is missing" if missing else ""
