"""Artifacts for the network of hosts: `netfilter` (nft, iptables and its extensions), `ipset`, `iproute`, and
the client of NFS.
"""

from __future__ import annotations

from artifacts.relocatable import Recipe

_MULTI = "xtables-nft-multi"
_IPTABLES = tuple(
    f"{family}{suffix}" for family in ("iptables", "ip6tables") for suffix in ("", "-save", "-restore")
)

NETFILTER = Recipe(
    name="netfilter",
    packages=("nftables", "iptables"),
    # xtables-nft-multi selects its function by the name of the command.
    programs={"nft": "nft"} | dict.fromkeys(_IPTABLES, _MULTI),
    version_options={"nft": "--version", "iptables": "--version"},
    plugins={"xtables": "libxt_conntrack.so"},
    settings='export XTABLES_LIBDIR="$here/xtables"\n',
)

# A separate artifact: another digest of `netfilter` would restart kube-proxy on all hosts.
IPSET = Recipe(
    name="ipset",
    packages=("ipset",),
    programs={"ipset": "ipset"},
    version_options={"ipset": "--version"},
)

IPROUTE = Recipe(
    name="iproute",
    packages=("iproute2",),
    programs={"ip": "ip"},
    version_options={"ip": "-Version"},
)

# The programs without the daemons for NFSv3 locks and Kerberos, which would have to run on all nodes.
NFS = Recipe(
    name="nfs",
    packages=("nfs-common",),
    # The program selects its function by the name of the command.
    programs=dict.fromkeys(("mount.nfs", "mount.nfs4", "umount.nfs", "umount.nfs4"), "mount.nfs"),
    version_options={"mount.nfs": "-V"},
)
