"""The artifacts `haproxy` and `keepalived`, which run on load balancer hosts."""

from __future__ import annotations

from artifacts.relocatable import Recipe

HAPROXY = Recipe(
    name="haproxy",
    packages=("haproxy",),
    programs={"haproxy": "haproxy"},
    version_options={"haproxy": "-v"},
    # haproxy and keepalived load this library when a thread ends.
    libraries=("libgcc_s.so.1",),
    # On a reload, the haproxy master starts its own program again. That program must be the wrapper.
    argv0='"$0"',
)

KEEPALIVED = Recipe(
    name="keepalived",
    # busybox checks the health of haproxy, because hosts may lack an HTTP client. The static busybox cannot
    # resolve names if the host has another version of the C library.
    packages=("keepalived", "busybox"),
    programs={"keepalived": "keepalived", "busybox": "busybox"},
    version_options={"keepalived": "--version", "busybox": "true"},
)
