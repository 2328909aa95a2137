"""The connection to the Kubernetes API, for components that create objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_kubernetes as kubernetes
from pulumi import Input, Resource, ResourceOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A connection to the API server.

    `stored_in` is the resource that stores the objects (etcd). Deleting it deletes all objects, so the
    engine does not delete them one by one. `publication` has the resource that waits until
    pods see rotated CAs; it is empty without a rotation. Workloads that restart for new certificates must
    depend on `publication`.
    """

    provider: kubernetes.Provider
    stored_in: Resource
    publication: Sequence[Resource] = ()

    def options(self, parent: Resource, *, depends_on: Sequence[Input[Resource]] = ()) -> ResourceOptions:
        """Return the Pulumi options of an object with this parent."""
        return ResourceOptions(
            parent=parent, provider=self.provider, deleted_with=self.stored_in, depends_on=list(depends_on)
        )
