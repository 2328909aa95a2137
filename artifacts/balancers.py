"""The artifacts `haproxy` and `keepalived`, the programs of load balancers on hosts."""

from __future__ import annotations

from artifacts.relocatable import Recipe

HAPROXY = Recipe(
    name="haproxy",
    packages=("haproxy",),
    programs={"haproxy": "haproxy"},
    check={"haproxy": "-v"},
    # Ending threads load this library.
    libraries=("libgcc_s.so.1",),
    # On a reload, the haproxy master starts the program that started it: the wrapper.
    argv0='"$0"',
)

KEEPALIVED = Recipe(
    name="keepalived",
    # busybox checks the health of haproxy, because a host need not have an HTTP client. The static busybox
    # fails to resolve names where the host's libraries are of another version.
    packages=("keepalived", "busybox"),
    programs={"keepalived": "keepalived", "busybox": "busybox"},
    check={"keepalived": "--version", "busybox": "true"},
)
