"""Dependencies that may have failed."""

from __future__ import annotations

from pulumi import Output, Resource


def tolerate_failure(resource: Resource) -> Output[Resource]:
    """The resource once it is done, or nothing once it has failed, for `depends_on`.

    With `pulumi up --continue-on-error` a plain dependency on a resource that failed ends the whole
    program in the Python SDK, and with it all that was still to be done elsewhere.
    """
    done: Output[Resource] = resource.urn.apply(lambda _: resource)
    # The SDK leaves a None among the dependencies out; its types do not say so.
    return done.recover(lambda _: None)  # type: ignore[arg-type, return-value]
