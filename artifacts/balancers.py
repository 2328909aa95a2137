"""The artifacts `haproxy` and `keepalived`, which load balancers on hosts are made of."""

from __future__ import annotations

from artifacts.relocatable import Recipe

HAPROXY = Recipe(
    name="haproxy",
    packages=("haproxy",),
    programs={"haproxy": "haproxy"},
    check={"haproxy": "-v"},
    # Threads that end ask for it.
    libraries=("libgcc_s.so.1",),
    # On a reload haproxy's master starts the program that it was started by again: the wrapper.
    argv0='"$0"',
)

KEEPALIVED = Recipe(
    name="keepalived",
    # busybox asks haproxy how it is: a host need not have anything that speaks HTTP. Not the static
    # one: to resolve names it loads the host's own libraries, and fails where these are of another age.
    packages=("keepalived", "busybox"),
    programs={"keepalived": "keepalived", "busybox": "busybox"},
    check={"keepalived": "--version", "busybox": "true"},
)
