from pulumi.asset import StringAsset
from pulumi.provider.experimental.property_value import PropertyValue as Value
from pulumi.provider.experimental.provider import PropertyDiffKind

from lab.plugins.common.diff import diff_inputs, same
from lab.plugins.common.urns import resource_type
from lab.plugins.common.values import as_secret, contains_unknown, plain, wrap


def differences(old: dict[str, object], new: dict[str, object]) -> dict[str, PropertyDiffKind]:
    found = diff_inputs(
        {key: wrap(value) for key, value in old.items()},
        {key: wrap(value) for key, value in new.items()},
        replaces=lambda key: key == "triggers",
    )
    assert found.changes == bool(found.detailed_diff)
    return {path: item.kind for path, item in found.detailed_diff.items()}


def test_equal_inputs_have_no_difference() -> None:
    inputs: dict[str, object] = {"a": "x", "b": [1, {"c": True}], "n": None}
    assert differences(inputs, dict(inputs)) == {}


def test_a_null_is_the_same_as_nothing() -> None:
    assert differences({"a": None, "b": {"c": None}}, {"b": {}}) == {}


def test_paths_lead_to_what_changed() -> None:
    old: dict[str, object] = {"environment": {"A": "1", "B-C": "2"}, "list": ["x", "y"]}
    new: dict[str, object] = {"environment": {"A": "9", "D": "4"}, "list": ["x"], "added": 1}
    assert differences(old, new) == {
        "added": PropertyDiffKind.ADD,
        "environment.A": PropertyDiffKind.UPDATE,
        'environment["B-C"]': PropertyDiffKind.DELETE,
        "environment.D": PropertyDiffKind.ADD,
        "list[1]": PropertyDiffKind.DELETE,
    }


def test_replacing_properties_replace() -> None:
    found = diff_inputs(
        {"triggers": wrap(["a"])}, {"triggers": wrap(["b", "c"])}, replaces=lambda key: key == "triggers"
    )
    assert found.replaces == ["triggers"]
    assert {item.kind for item in found.detailed_diff.values()} == {
        PropertyDiffKind.UPDATE_REPLACE,
        PropertyDiffKind.ADD_REPLACE,
    }


def test_a_secret_shows_no_path_inside() -> None:
    old, new = wrap({"key": "one", "host": "h"}, secret=True), wrap({"key": "two", "host": "h"}, secret=True)
    found = diff_inputs({"connection": old}, {"connection": new}, replaces=lambda _: False)
    assert list(found.detailed_diff) == ["connection"]


def test_becoming_secret_is_a_change_and_where_the_mark_sits_is_none() -> None:
    assert not same(Value("x"), Value("x", is_secret=True))
    inner = Value({"key": Value("k", is_secret=True)})
    assert same(as_secret(inner), inner)


def test_ignored_changes_do_not_count() -> None:
    found = diff_inputs({"a": wrap("1")}, {"a": wrap("2")}, replaces=lambda _: False, ignore=["a.b"])
    assert found.changes is False


def test_assets_compare_by_content() -> None:
    assert same(Value(StringAsset("x")), Value(StringAsset("x")))
    assert not same(Value(StringAsset("x")), Value(StringAsset("y")))


def test_plain_data_comes_back_as_it_was() -> None:
    data = {"a": [1, 2.5, True, None, "x"], "b": {"c": "d"}}
    assert plain(wrap(data)) == data
    assert not contains_unknown(wrap(data))


def test_a_resource_below_components_keeps_its_own_type() -> None:
    urn = "urn:pulumi:dev::kubewright::kubewright:Cluster$kubewright:Pki${}::name"
    for token in ("tls:index/privateKey:PrivateKey", "command:remote:Command"):
        assert resource_type(urn.format(token)) == token
        assert resource_type(f"urn:pulumi:dev::kubewright::{token}::a::b") == token
