"""Tests of the selection of specs: suites, expressions, images that are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from automation.conformance import suites
from automation.conformance.suites import parse_listed, select, suite_named
from automation.errors import UserError

CONFORMANCE = (Path(__file__).parent / "conformance-1.36.3.txt").read_text().splitlines()
SERIAL = "[sig-apps] Daemon set [Serial] should run [Conformance]"
DNS = "[sig-network] DNS should resolve [Conformance]"
NODE = "[sig-node] Pods should be updated [NodeConformance]"
POLICY = "[sig-network] Netpol API should support creating NetworkPolicy API operations"
EGRESS = "[sig-network] Netpol between server and client should deny egress [Feature:NetworkPolicy]"
SPECS = [SERIAL, DNS, NODE, POLICY, EGRESS]


@pytest.mark.parametrize(
    ("suite", "expected"),
    [("conformance", [SERIAL, DNS]), ("node", [NODE]), ("network-policy", [POLICY, EGRESS]), (None, SPECS)],
)
def test_suite_selects_its_specs(suite: str | None, expected: list[str]) -> None:
    assert list(select(SPECS, suite=suite_named(suite) if suite else None).specs) == expected


def test_focus_narrows_a_suite_and_skip_leaves_out_with_its_reason() -> None:
    selection = select(SPECS, suite=suite_named("conformance"), focus="sig-", skip=r"\[Serial\]")
    assert selection.specs == (DNS,)
    assert selection.left_out == {SERIAL: r"--skip \[Serial\]"}


def test_spec_that_needs_a_missing_image_is_left_out_by_name() -> None:
    selection = select(
        SPECS, suite=None, missing_images={"r/nfs:1": re.compile("DNS"), "r/x:1": re.compile("zzz")}
    )
    assert selection.left_out == {DNS: "image r/nfs:1 is missing"}
    assert DNS not in selection.specs


def test_all_446_specs_of_conformance_are_selected() -> None:
    selection = select(CONFORMANCE, suite=suite_named("conformance"))
    assert len(selection.specs) == 446
    assert not selection.left_out


def test_smoke_has_a_spec_from_every_sig_of_conformance() -> None:
    sigs = {spec.partition("]")[0] for spec in CONFORMANCE}
    smoke = suite_named("smoke").specs
    assert {spec.partition("]")[0] for spec in smoke} == sigs
    assert set(smoke) <= set(CONFORMANCE)
    assert len(smoke) == len(set(smoke))


def test_smoke_has_no_slow_or_disruptive_spec() -> None:
    assert not [spec for spec in suite_named("smoke").specs if "[Slow]" in spec or "[Disruptive]" in spec]


def test_name_of_a_suite_that_this_version_does_not_have_is_left_out() -> None:
    smoke = suite_named("smoke")
    selection = select(smoke.specs[1:], suite=smoke)
    assert selection.left_out == {smoke.specs[0]: "this version of Kubernetes has no such spec"}


def test_unknown_suite_names_the_suites() -> None:
    with pytest.raises(UserError, match=r"--suite nothing: unknown suite; .* conformance, node, .*, smoke"):
        suite_named("nothing")


@pytest.mark.parametrize("option", ["focus", "skip"])
def test_wrong_expression_names_its_option(option: str) -> None:
    with pytest.raises(UserError, match=rf"--{option} \(\[: not a regular expression"):
        select(SPECS, suite=None, **{option: "(["})  # type: ignore[arg-type]


def test_empty_selection_is_an_error() -> None:
    with pytest.raises(
        UserError, match=r"no spec is selected \(5 left out\); change --suite, --focus or --skip"
    ):
        select(SPECS, suite=None, skip="sig")


def test_listed_specs_are_read_without_their_location() -> None:
    lines = [
        "The following spec names can be used with 'ginkgo run --focus/skip':",
        "    k8s.io/kubernetes@v1.36.3/test/e2e/apps/a.go:12: [sig-apps] X should: do 1 thing [Conformance]",
        "    k8s.io/kubernetes@v1.36.3/test/e2e/e2e.go:1: not a spec of a SIG",
        "",
    ]
    assert parse_listed(lines) == ["[sig-apps] X should: do 1 thing [Conformance]"]


def test_every_suite_says_its_purpose() -> None:
    assert set(suites.suites()) == {"conformance", "node", "network-policy", "smoke"}
    assert all(suite.purpose for suite in suites.suites().values())
