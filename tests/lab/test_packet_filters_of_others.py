"""Tests of the check of new hosts with the real nft and iptables-legacy, each in a network namespace of its
own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle
from testkit.host import EmulatedHost
from tests.unit.nodeconfig.test_new_host import INSTALLED, bundle_with_rules, expect_refusal

SHELL = """\
#!/bin/sh
# A login shell in a network namespace of its own, with packet filters of others.
exec unshare --net sh -ec '
    nft -f {rules}/nft
    iptables-legacy-restore --wait=10 {rules}/legacy
    exec sh "$@"' sh "$@"
"""
INPUT = "type filter hook input priority 10; policy"
FORWARD = "type filter hook forward priority 10; policy"
REPLIES = 'iif "lo" accept; ct state established,related accept'

REFUSED = {
    "table inet site, chain guarded (tcp 10250)": f"""
        chain guarded {{
            {INPUT} drop; {REPLIES}
            ct state vmap {{ established : accept, related : accept, invalid : drop }}
            icmp type echo-request limit rate 5/second accept
            meta l4proto {{ icmp, ipv6-icmp }} accept
            ip6 saddr fe80::/10 accept
            tcp dport {{ 22, 6000-7000 }} counter accept comment "accept 10250"
            log prefix "accept? " level debug
            meta l4proto tcp reject with tcp reset
        }}""",
    "table inet site, chain closed (tcp 6443, tcp 10250)": f"""
        chain closed {{
            {INPUT} accept; {REPLIES}
            udp dport 53 accept
            counter log prefix "no " reject with icmpx type admin-prohibited comment "all others"
        }}""",
    "table inet site, chain routed": f"""
        chain routed {{
            {FORWARD} drop; {REPLIES}
        }}""",
}
"""Chains of a table of nftables by the words of the error."""

ALLOWED = f"""
table inet site {{
    set ports {{ type inet_service; flags interval; elements = {{ 22, 6443, 10250 }} }}
    chain site4 {{ tcp dport @ports accept; }}
    chain jumps {{
        {INPUT} drop; {REPLIES}
        meta protocol vmap {{ ip : jump site4 }}
    }}
    chain known {{ {INPUT} drop; {REPLIES}; tcp dport @ports accept; }}
    chain sources {{ {INPUT} drop; {REPLIES}; ip saddr . tcp dport {{ 10.9.0.5 . 22 }} accept; }}
    chain returns {{ {INPUT} accept; ip saddr 10.9.0.0/24 return; drop; }}
    chain guests {{ {FORWARD} accept; log prefix "guest " ip saddr 192.0.2.1 drop; }}
    chain six {{ {INPUT} accept; reject with icmpv6 type no-route; }}
    chain resets {{ {FORWARD} accept; meta l4proto tcp ip saddr 192.0.2.1 reject with tcp reset; }}
}}
table inet asleep {{
    flags dormant;
    chain routed {{ {FORWARD} drop; }}
}}
table ip6 site {{
    chain closed {{ {INPUT} drop; }}
}}
"""

LEGACY = """\
*filter
:INPUT {policy} [0:0]
:FORWARD {policy} [0:0]
:OUTPUT ACCEPT [0:0]
:ALLOWLOG - [0:0]
{rules}COMMIT
"""
LEGACY_RULES = """\
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m state --state ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "accept 6443" -j ACCEPT
-A INPUT -p tcp -m multiport --dports 25,10000:11000 -j ACCEPT
-A INPUT -m limit --limit 5/min -j LOG --log-prefix "ACCEPT? "
"""
LEGACY_ALLOWED = """\
-A INPUT -s 10.9.0.0/24 -j ALLOWLOG
-A INPUT -j DROP
-A FORWARD -s 192.0.2.1/32 -j DROP
-A ALLOWLOG -j ACCEPT
"""
LEGACY_TABLE = "table ip filter (iptables-legacy)"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Return a directory with the rules of nft and of iptables-legacy: none."""
    directory = tmp_path / "rules"
    directory.mkdir()
    (directory / "nft").write_text("")
    (directory / "legacy").write_text(LEGACY.format(policy="ACCEPT", rules=""))
    return directory


@pytest.fixture
def host(tmp_path: Path, rules: Path) -> EmulatedHost:
    shell = tmp_path / "shell"
    shell.write_text(SHELL.format(rules=rules))
    shell.chmod(0o755)
    host = EmulatedHost(tmp_path, str(shell))
    tables = host.path("/proc/net/ip_tables_names")
    tables.parent.mkdir(parents=True)
    tables.symlink_to("/proc/net/ip_tables_names")
    return host


def listed_by_nft(directory: Path) -> Bundle:
    """Return a bundle with the nft of this machine."""
    return bundle_with_rules(directory, "", end="exec nft --stateless list ruleset")


@pytest.mark.parametrize("words", REFUSED)
def test_chain_of_nftables_that_blocks_the_cluster_is_refused(
    host: EmulatedHost, rules: Path, tmp_path: Path, words: str
) -> None:
    (rules / "nft").write_text(f"table inet site {{{REFUSED[words]}\n}}\n")
    expect_refusal(host, listed_by_nft(tmp_path), f"block the cluster: {words}; Kubewright")


@pytest.mark.parametrize(
    ("policy", "last"), [("DROP", ""), ("ACCEPT", "-A INPUT -j REJECT\n-A FORWARD -j DROP\n")]
)
def test_rules_of_iptables_legacy_that_block_the_cluster_are_refused(
    host: EmulatedHost, rules: Path, tmp_path: Path, policy: str, last: str
) -> None:
    (rules / "legacy").write_text(LEGACY.format(policy=policy, rules=LEGACY_RULES + last))
    chains = f"{LEGACY_TABLE}, chain INPUT (tcp 6443); {LEGACY_TABLE}, chain FORWARD"
    expect_refusal(host, listed_by_nft(tmp_path), f"block the cluster: {chains}; Kubewright")


def test_rules_that_may_accept_the_ports_are_no_problem(
    host: EmulatedHost, rules: Path, tmp_path: Path
) -> None:
    (rules / "nft").write_text(ALLOWED)
    (rules / "legacy").write_text(LEGACY.format(policy="ACCEPT", rules=LEGACY_ALLOWED))
    result = host.deliver(listed_by_nft(tmp_path))
    assert result.returncode == 0, result.stderr
    assert host.path(INSTALLED).exists()
