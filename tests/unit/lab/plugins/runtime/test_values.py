"""Tests of the conversion between property values of the engine and Python values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.plugins.runtime.values import (
    UNKNOWN,
    Secret,
    Value,
    conceal,
    decode,
    encode,
    has_unknown,
    reveal,
    secret_paths,
    secret_strings,
)

leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8), st.just(UNKNOWN)
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
        inner.filter(lambda value: not isinstance(value, Secret)).map(Secret),
    ),
    max_leaves=12,
)


@given(trees)
def test_encoded_value_decodes_to_the_same_value(tree: Value) -> None:
    assert decode(encode(tree)) == tree


@given(trees)
def test_reveal_removes_all_secrets_and_all_secret_paths_are_listed(tree: Value) -> None:
    plain = reveal(tree)
    assert not list(secret_paths(plain))
    hidden = plain
    for path in secret_paths(tree):
        hidden = conceal(hidden, path)
    assert set(secret_paths(hidden)) == set(secret_paths(tree))


def test_representation_hides_the_secret() -> None:
    assert "sesame" not in repr({"a": [Secret("sesame")]})
    assert f"{Secret({'b': 'sesame'})}" == "Secret(…)"


def test_all_strings_inside_secrets_are_listed() -> None:
    tree = {"open": "a", "closed": Secret({"x": ["b", {"y": "c"}]})}
    assert sorted(secret_strings(tree)) == ["b", "c"]


def test_unknown_values_are_detected_at_every_depth() -> None:
    assert has_unknown({"a": [Secret({"b": UNKNOWN})]})
    assert not has_unknown({"a": [Secret({"b": 1})]})
