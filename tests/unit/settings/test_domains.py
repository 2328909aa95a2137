"""Tests of names in DNS domains."""

from __future__ import annotations

import pytest

from settings.domains import is_in_domain


@pytest.mark.parametrize("name", ["example.com", "www.example.com", "a.b.example.com", "cluster.local"])
def test_a_domain_contains_itself_and_the_names_below_it(name: str) -> None:
    assert is_in_domain(name, "example.com", "cluster.local")


@pytest.mark.parametrize("name", ["", "com", "myexample.com", "example.com.org", "example_com"])
def test_a_domain_does_not_contain_other_names(name: str) -> None:
    assert not is_in_domain(name, "example.com", "cluster.local")


def test_no_domain_contains_no_name() -> None:
    assert not is_in_domain("example.com")
