"""Checks of private images on an emulated cloud: pods that pull them, and nodes without the permission."""

from __future__ import annotations

from testkit import pods
from tests.clouds.stack import CloudStack

_REFUSALS = ("401 Unauthorized", "403 Forbidden", "authorization failed")
"""Words of containerd for an image that a registry refuses, with wrong or without credentials."""
REPOSITORY = "library/busybox:1.35"
"""The name and tag of a small image of the lab's mirror, without its registry."""


def start_pod(stack: CloudStack, name: str, node: str, image: str) -> None:
    """Create a pod on a node whose image is pulled before it starts, whatever images the node has."""
    main = pods.container("sleep 3600", image=image, imagePullPolicy="Always")
    spec = pods.spec(main, nodeName=node, tolerations=pods.TOLERATE_ALL)
    stack.apply(pods.pod("default", name, spec))


def runs(stack: CloudStack, name: str) -> bool:
    """Check whether a pod runs."""
    status = stack.get("pod", name)["status"]
    assert status["phase"] == "Running", status
    return True


def is_refused(stack: CloudStack, name: str) -> bool:
    """Check whether the registry refuses the image of a pod."""
    status = stack.get("pod", name)["status"]
    states = [container["state"] for container in status.get("containerStatuses", ())]
    messages = [state.get("waiting", {}).get("message", "") for state in states]
    assert any(words in message for message in messages for words in _REFUSALS), status
    return True


def delete_pod(stack: CloudStack, name: str) -> None:
    """Delete a pod and wait until it has ended."""
    stack.kubectl("delete", "pod", name, "--wait")
