"""Lab test of new bootstrap tokens: after `certificates.leaves`, a stolen token is no credential any more."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path

from nodeconfig.host_paths import PKI
from testkit.cluster import Cluster
from testkit.stackfile import CLUSTER
from testkit.stolen_credentials import TOKEN


def tokens(cluster: Cluster) -> list[str]:
    return [cluster.ssh(host, f"cat {TOKEN}").stdout.strip() for host in cluster.nodes]


def test_new_leaves_make_old_bootstrap_tokens_useless(cluster: Cluster, tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text(cluster.ssh("cp-1", f"cat {PKI}/kubernetes-ca.crt").stdout)

    def statuses(bearers: list[str]) -> list[int]:
        """Return the status of a request that every authenticated client may send, for each token."""
        context = ssl.create_default_context(cafile=str(authority))
        answers = []
        for bearer in bearers:
            request = urllib.request.Request(f"https://{cluster.address('cp-1')}:6443/api")
            request.add_header("Authorization", f"Bearer {bearer}")
            try:
                with urllib.request.urlopen(request, timeout=10, context=context) as answer:
                    answers.append(answer.status)
            except urllib.error.HTTPError as error:
                answers.append(error.code)
        return answers

    old = tokens(cluster)
    assert statuses(old) == [200, 200]
    try:
        cluster.merge_settings({"certificates": {"leaves": 2}})
        cluster.up()
        new = tokens(cluster)
        assert not set(new) & set(old)
        assert (statuses(old), statuses(new)) == ([401, 401], [200, 200])
        cluster.wait_all_ready()
    finally:
        cluster.config[CLUSTER].pop("certificates")
        cluster.up()
