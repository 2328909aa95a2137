"""Dependencies that do not stop the program when a resource fails."""

from __future__ import annotations

from pulumi import Output, Resource


def tolerate_failure(resource: Resource) -> Output[Resource]:
    """Return an output for `depends_on`: the created resource, or None after its failure.

    With `pulumi up --continue-on-error`, a plain dependency on a failed resource ends the whole program in
    the Python SDK, together with all remaining changes.
    """
    dependency: Output[Resource] = resource.urn.apply(lambda _: resource)
    # The SDK ignores None among dependencies, which its types do not allow.
    return dependency.recover(lambda _: None)  # type: ignore[arg-type, return-value]
