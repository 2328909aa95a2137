"""Tests of the reader of selectors in PromQL."""

from __future__ import annotations

import pytest

from testkit.promql import Selector, selectors


def selector(name: str, *matchers: tuple[str, str, str]) -> Selector:
    return Selector(name, frozenset(matchers))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("up == 0", [selector("up")]),
        ("vector(1) or time() - a", [selector("a")]),
        ('sum by (le, job) (rate(a_bucket{job="x"}[5m]))', [selector("a_bucket", ("job", "=", "x"))]),
        ("count(a == 0) / on (node) group_left (pool) b", [selector("a"), selector("b")]),
        ('a{b!~"c|d",e=~"f,}"} offset 5m', [selector("a", ("b", "!~", "c|d"), ("e", "=~", "f,}"))]),
        ("sum(a) by (job) unless b{}", [selector("a"), selector("b")]),
        ('a{b="say \\"c\\""}', [selector("a", ("b", "=", 'say "c"'))]),
    ],
)
def test_selectors_are_found(expression: str, expected: list[Selector]) -> None:
    assert selectors(expression) == expected


def test_values_of_a_label_are_those_that_the_selector_allows() -> None:
    (found,) = selectors('up{job=~"a|b",pool="x",zone!="y"}')
    assert [found.values(label) for label in ("job", "pool", "zone", "node")] == [("a", "b"), ("x",), (), ()]


@pytest.mark.parametrize("expression", ['a{job="x"', "sum by le (a)", "a{job}", "a # comment"])
def test_other_syntax_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"missing|not conditions|not read"):
        selectors(expression)
