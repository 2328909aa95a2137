"""Provider functions of the Kubernetes plugin. They send no request to a cluster."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Value, reveal


def invoke(token: str, args: Mapping[str, Value]) -> dict[str, Value]:
    """Call a provider function and return its result. Only `kubernetes:yaml:decode` is supported.

    `token` is the type token of the function. `args` has the YAML text in the key `text`. The result has the
    list of decoded objects in the key `result`.

    Raises:
        PluginError: the function is not supported, or the text is not valid YAML.
    """
    if token != "kubernetes:yaml:decode":
        raise PluginError(
            f"{token} is not supported by this stand-in; use helm.sh/v3:Release or typed resources"
        )
    try:
        documents = list(yaml.safe_load_all(str(reveal(args.get("text")) or "")))
    except yaml.YAMLError:
        raise PluginError("kubernetes:yaml:decode: the text is not valid YAML") from None
    return {"result": [item for document in documents if document for item in _list_objects(document)]}


def _list_objects(document: Value) -> list[Value]:
    """Return the Kubernetes objects in a YAML document. For a `List` object, return its items."""
    if isinstance(document, Mapping) and str(document.get("kind", "")).endswith("List"):
        return list(document.get("items") or [])
    return [document]
