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
    # busybox asks haproxy how it is: a host need not have anything that speaks HTTP.
    packages=("keepalived", "busybox-static"),
    programs={"keepalived": "keepalived"},
    check={"keepalived": "--version", "busybox": "true"},
    static=("busybox",),
)
