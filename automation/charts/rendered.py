"""The images that rendered charts name: a pure function of objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from formats.documents import SAFE_LOADER

_DEFAULT_REGISTRY = "docker.io"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/-]*(@sha256:[0-9a-f]{64})?")
_DEFINITION = "CustomResourceDefinition"


def rendered_images(manifest: str) -> list[str]:
    """Return the full names of the images in a rendered manifest, each once.

    These are the texts and image volumes at the key `image` in objects of all kinds, so that objects of
    operators count too. Raise yaml.YAMLError.
    """
    names = (
        name
        for document in yaml.load_all(manifest, Loader=SAFE_LOADER)
        if isinstance(document, Mapping) and document.get("kind") != _DEFINITION
        for name in _image_names(document)
    )
    return list(dict.fromkeys(full_name(name) for name in names if _NAME.fullmatch(name)))


def full_name(image: str) -> str:
    """Return the name of an image with its registry and tag, as containerd completes it."""
    name, at, digest = image.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"{_DEFAULT_REGISTRY}/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"{_DEFAULT_REGISTRY}/{name}"
    has_tag = ":" in name.rpartition("/")[2]
    return name + (f"{at}{digest}" if at else "" if has_tag else ":latest")


def _image_names(value: object) -> Iterator[str]:
    """Yield the texts and references at the key `image` inside a value at any depth."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "image" and isinstance(item, str):
                yield item
            elif key == "image" and isinstance(item, Mapping):
                yield from _reference_of(item)
            else:
                yield from _image_names(item)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            yield from _image_names(item)


def _reference_of(image: Mapping[Any, Any]) -> Iterator[str]:
    """Yield the name of an image volume (`reference`), or of an operator's image (`repository`, `tag`)."""
    reference, repository, tag = (image.get(key) for key in ("reference", "repository", "tag"))
    if isinstance(reference, str):
        yield reference
    elif isinstance(repository, str) and isinstance(tag, str):
        yield f"{repository}:{tag}"
