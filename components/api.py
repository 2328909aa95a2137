"""The cluster's API, as components that make objects in it need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
from pulumi import Input, Resource, ResourceOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A connection to the API server, and what its objects live in.

    `lives_in` is what holds the objects (etcd): when it goes, they are gone with it and nobody
    deletes them one by one. `published` is there once pods are told what to trust: a workload that
    is started again for that must wait for it.
    """

    provider: kubernetes.Provider
    lives_in: Resource
    published: Sequence[Resource] = ()

    def options(self, parent: Resource, *, depends_on: Sequence[Input[Resource]] = ()) -> ResourceOptions:
        """Options for an object made by `parent`."""
        return ResourceOptions(
            parent=parent, provider=self.provider, deleted_with=self.lives_in, depends_on=list(depends_on)
        )
