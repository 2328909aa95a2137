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
def test_what_is_encoded_decodes_to_the_same(tree: Value) -> None:
    assert decode(encode(tree)) == tree


@given(trees)
def test_nothing_secret_is_left_after_revealing_and_all_paths_are_found(tree: Value) -> None:
    plain = reveal(tree)
    assert not list(secret_paths(plain))
    hidden = plain
    for path in secret_paths(tree):
        hidden = conceal(hidden, path)
    assert set(secret_paths(hidden)) == set(secret_paths(tree))


def test_a_secret_never_shows_in_a_representation() -> None:
    assert "sesame" not in repr({"a": [Secret("sesame")]})
    assert f"{Secret({'b': 'sesame'})}" == "Secret(…)"


def test_strings_within_secrets_are_found_to_be_masked() -> None:
    tree = {"open": "a", "closed": Secret({"x": ["b", {"y": "c"}]})}
    assert sorted(secret_strings(tree)) == ["b", "c"]


def test_unknowns_are_found_anywhere() -> None:
    assert has_unknown({"a": [Secret({"b": UNKNOWN})]})
    assert not has_unknown({"a": [Secret({"b": 1})]})
