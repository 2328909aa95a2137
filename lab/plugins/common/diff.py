"""Differences between a resource's state and its new inputs, property by property."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from pulumi.asset import Archive, Asset
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import DiffResponse, PropertyDiff, PropertyDiffKind

from lab.plugins.common.values import Properties

_REPLACING = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}


def diff_inputs(
    old: Properties,
    new: Properties,
    *,
    replaces: Callable[[str], bool],
    ignore: Iterable[str] = (),
) -> DiffResponse:
    """Compare the inputs kept in a state with the new ones.

    `replaces` says of a top-level property whether a change of it replaces the resource; `ignore`
    names top-level properties (or paths below them) whose changes do not count.
    """
    ignored = {path.split(".")[0].split("[")[0] for path in ignore}
    detailed: dict[str, PropertyDiff] = {}
    replacing: list[str] = []
    changed: list[str] = []
    for key in sorted((old.keys() | new.keys()) - ignored):
        found: dict[str, PropertyDiffKind] = {}
        _compare(key, old.get(key, PropertyValue.null()), new.get(key, PropertyValue.null()), found)
        if not found:
            continue
        changed.append(key)
        if replaces(key):
            replacing.append(key)
            found = {path: _REPLACING[kind] for path, kind in found.items()}
        detailed.update({path: PropertyDiff(kind, input_diff=False) for path, kind in found.items()})
    return DiffResponse(changes=bool(changed), replaces=replacing, diffs=changed, detailed_diff=detailed)


def _compare(path: str, old: PropertyValue, new: PropertyValue, found: dict[str, PropertyDiffKind]) -> None:
    if same(old, new):
        return
    if old.value is None:
        found[path] = PropertyDiffKind.ADD
    elif new.value is None:
        found[path] = PropertyDiffKind.DELETE
    elif old.is_secret or new.is_secret:
        found[path] = PropertyDiffKind.UPDATE  # paths below a secret would tell about its content
    elif isinstance(old.value, Mapping) and isinstance(new.value, Mapping):
        for key in sorted(old.value.keys() | new.value.keys()):
            null = PropertyValue.null()
            _compare(_member(path, key), old.value.get(key, null), new.value.get(key, null), found)
    elif _is_list(old) and _is_list(new):
        _compare_lists(path, old, new, found)
    else:
        found[path] = PropertyDiffKind.UPDATE


def _compare_lists(
    path: str, old: PropertyValue, new: PropertyValue, found: dict[str, PropertyDiffKind]
) -> None:
    before, after = _items(old), _items(new)
    null = PropertyValue.null()
    for index in range(max(len(before), len(after))):
        _compare(
            f"{path}[{index}]",
            before[index] if index < len(before) else null,
            after[index] if index < len(after) else null,
            found,
        )


def same(old: PropertyValue, new: PropertyValue) -> bool:
    """Whether two values are equal in content and both or neither hold a secret.

    Where inside a secret value the marks are does not count: the engine may move them outwards.
    """
    return old.contains_secret() == new.contains_secret() and _content(old) == _content(new)


def _content(value: PropertyValue) -> object:
    inner = value.value
    if isinstance(inner, Mapping):
        return {key: _content(item) for key, item in inner.items() if item.value is not None}
    if _is_list(value):
        return [_content(item) for item in _items(value)]
    if isinstance(inner, Asset | Archive):
        return _asset(inner)
    return inner


def _asset(asset: Asset | Archive) -> object:
    parts = {name: getattr(asset, name, None) for name in ("path", "text", "uri", "assets")}
    if parts["assets"]:
        parts["assets"] = {key: _asset(item) for key, item in parts["assets"].items()}
    return type(asset).__name__, parts


def _member(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'


def _is_list(value: PropertyValue) -> bool:
    return isinstance(value.value, Sequence) and not isinstance(value.value, str)


def _items(value: PropertyValue) -> Sequence[PropertyValue]:
    return value.value if isinstance(value.value, Sequence) and not isinstance(value.value, str) else ()
