"""Creates the custom resource definitions of add-ons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs


def create_definitions(
    name: str, documents: Iterable[Mapping[str, Any]], opts: ResourceOptions
) -> Iterator[Resource]:
    """Create custom resource definitions. `name` is the beginning of the names of the Pulumi resources."""
    for document in documents:
        metadata = document["metadata"]
        yield CustomResource(
            f"{name}-definition-{metadata['name'].partition('.')[0]}",
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata=ObjectMetaArgs(**{key: metadata.get(key) for key in ("name", "labels", "annotations")}),
            spec=document["spec"],
            opts=opts,
        )
