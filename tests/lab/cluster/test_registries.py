"""Lab tests of the registries from which nodes pull images."""

from __future__ import annotations

import pytest

from nodeconfig.host_paths import BIN
from testkit.cluster import Cluster
from testkit.stackfile import CLUSTER

REGISTRY = "upstream.example"
REGISTRIES = "/etc/containerd/certs.d"


def pull_error(cluster: Cluster, image: str) -> str:
    result = cluster.ssh("w-1", f"{BIN}/crictl pull {image}", check=False)
    assert result.code != 0, result.text
    return result.text


@pytest.mark.parametrize("registry", ["docker.io", REGISTRY])
def test_nodes_do_not_ask_upstream_for_an_image_that_the_mirror_lacks(
    cluster: Cluster, registry: str
) -> None:
    text = pull_error(cluster, f"{registry}/library/absent:1")
    assert f"{registry}/library/absent:1: not found" in text
    assert "lookup" not in text
    assert "dial" not in text


def test_a_mirror_in_a_table_host_would_not_be_the_only_source(cluster: Cluster) -> None:
    """With the file of version 0.1, the node asks the registry itself after the mirror."""
    ((_, mirror),) = cluster.config[CLUSTER]["registries"].items()
    first_choice = f'[host."{mirror["endpoint"]}"]\nca = "{REGISTRIES}/_default/ca.crt"\n'
    directory = f"{REGISTRIES}/{REGISTRY}"
    cluster.ssh("w-1", f"mkdir {directory} && cat >{directory}/hosts.toml <<'EOF'\n{first_choice}EOF\n")
    try:
        assert f"lookup {REGISTRY}" in pull_error(cluster, f"{REGISTRY}/library/absent:1")
    finally:
        cluster.ssh("w-1", f"rm -r {directory}")
