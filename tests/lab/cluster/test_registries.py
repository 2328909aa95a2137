"""Lab tests of the registries that nodes ask for images."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from nodeconfig.host_paths import BIN
from testkit.cluster import Cluster
from testkit.stackfile import CLUSTER

NODE = "w-1"
UPSTREAM = "upstream.example"
REGISTRIES = "/etc/containerd/certs.d"


def mirror(cluster: Cluster) -> str:
    ((_, registry),) = cluster.config[CLUSTER]["registries"].items()
    return str(registry["endpoint"])


def asked_hosts(cluster: Cluster, registry: str, repository: str) -> set[str]:
    """Return the hosts that containerd asks for an image that does not exist."""
    result = cluster.ssh(NODE, f"{BIN}/crictl pull {registry}/{repository}:1", check=False)
    assert result.code != 0
    assert f"{registry}/{repository}:1: not found" in result.text
    log = cluster.ssh(NODE, "journalctl -u containerd.service -o cat").stdout
    return set(re.findall(rf'url="https://([^/"]+)/v2/{repository}/', log))


@pytest.mark.parametrize("registry", ["docker.io", UPSTREAM])
def test_nodes_do_not_ask_upstream_for_an_image_that_the_mirror_lacks(
    cluster: Cluster, registry: str
) -> None:
    repository = f"kwtest/absent-{registry.partition('.')[0]}"
    assert asked_hosts(cluster, registry, repository) == {urlsplit(mirror(cluster)).netloc}


def test_a_mirror_in_a_table_host_would_not_be_the_only_source(cluster: Cluster) -> None:
    """With the file of version 0.1, the node asks the registry itself after the mirror."""
    directory = f"{REGISTRIES}/{UPSTREAM}"
    text = f'[host."{mirror(cluster)}"]\nca = "{REGISTRIES}/_default/ca.crt"\n'
    cluster.ssh(NODE, f"mkdir {directory} && cat >{directory}/hosts.toml <<'EOF'\n{text}EOF\n")
    try:
        asked = asked_hosts(cluster, UPSTREAM, "kwtest/absent-table")
        assert asked == {urlsplit(mirror(cluster)).netloc, UPSTREAM}
    finally:
        cluster.ssh(NODE, f"rm -r {directory}")
