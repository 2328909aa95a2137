"""Lab test of the example: one `pulumi up` with the installed package creates two clusters."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from lab.root import ensure as ensure_root
from testkit import lab_slots, stackfile
from testkit.cluster import CHECKOUT, Cluster, cache, tool
from testkit.copy import clean_checkout
from testkit.process import run
from testkit.program import Program, engine_environment
from testkit.wait import eventually

pytestmark = pytest.mark.release

PROJECT = "kubewright-metal"
FIND_FILES = "find /etc/kubernetes /etc/kubewright /var/lib/etcd -type f 2>/dev/null || true"
"""Command that lists the files of a cluster. The directory /var/lib/etcd itself belongs to the lab."""
ADDRESSES = {"east": {"cp-1": 11, "w-1": 21}, "west": {"cp-1": 31, "w-1": 41}}
"""The last numbers of the addresses of the hosts. The hosts of both clusters have the same names."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the package, installed by pip from a copy of the checkout."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]
    source = clean_checkout(directory / "checkout")
    run([*command, "--target", directory / "packages", source], timeout=120)
    return directory / "packages"


@pytest.fixture(scope="module")
def lab(state: Path) -> Iterator[Cluster]:
    """Yield a lab with the four hosts. No stack of this checkout uses this lab."""
    name, network = lab_slots.reserve("kwpair", state)
    lab = Cluster(name=name, state=state, config={stackfile.LAB: {"network": network}})
    hosts = [
        {"name": f"{cluster}-{host}", "address": str(IPv4Network(network)[number]), "memory": 3 * 1024**3}
        for cluster, numbers in ADDRESSES.items()
        for host, number in numbers.items()
    ]
    path = state / f"{name}-lab.json"
    mirror = str(cache() / "mirror")
    path.write_text(json.dumps({"name": name, "network": network, "mirror": mirror, "hosts": hosts}))
    # Build the root file system first. Within the command it can exceed the time limit and leave mounts
    # behind.
    ensure_root()
    try:
        lab.lab_command("up", str(path))
        yield lab
    finally:
        lab.lab_command("down", name)


@pytest.fixture(scope="module")
def program(lab: Cluster, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return the example program with a stack for the hosts of the lab."""
    directory = tmp_path_factory.mktemp("example")
    shutil.copytree(CHECKOUT / "examples/metal", directory, dirs_exist_ok=True)
    project = yaml.safe_load((directory / "Pulumi.yaml").read_text())
    # The Python of the test has all dependencies, so the test needs no virtual environment for the example.
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project | {"runtime": "python"}))
    environment = engine_environment(
        cache() / "stand-ins",
        {
            "PYTHONPATH": str(site),
            "PULUMI_BACKEND_URL": f"file://{tmp_path_factory.mktemp('backend')}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
        },
    )
    program = Program(directory, environment)
    program.run("stack", "init", "test")
    (directory / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": config(lab)}))
    return program


def config(lab: Cluster) -> stackfile.Document:
    """Return the configuration of the example for the hosts of the lab."""
    network = lab.config[stackfile.LAB]["network"]
    settings = json.loads(
        json.dumps(stackfile.lab_settings(lab.name, network)).replace("$KUBEWRIGHT_STATE", str(lab.state))
    )
    values = {
        "environment": "lab",
        "machines": network,
        "api_allowed": ["0.0.0.0/0"],
        "artifacts": settings["artifacts"],
        "registries": settings["registries"],
        "ssh": settings["metal"]["ssh"],
        "hosts": {
            cluster: {host: stackfile.host(network, number) for host, number in numbers.items()}
            for cluster, numbers in ADDRESSES.items()
        },
    }
    return {f"{PROJECT}:{key}": value for key, value in values.items()}


def ready_nodes(program: Program, cluster: str) -> list[str]:
    kubeconfig = program.directory / f"{cluster}.kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(program.run("stack", "output", f"{cluster}-kubeconfig", "--show-secrets"))
    words = ["get", "nodes", "--no-headers"]
    lines = run([tool("kubectl"), f"--kubeconfig={kubeconfig}", *words], timeout=60).stdout.splitlines()
    return sorted(line.split()[0] for line in lines if line.split()[1] == "Ready")


def wait_until_ready(program: Program, cluster: str, nodes: list[str]) -> None:
    eventually(
        f"nodes of {cluster} Ready",
        lambda: ready_nodes(program, cluster) == nodes or None,
        timeout=120,
        interval=2,
    )


def remaining_files(lab: Cluster) -> list[str]:
    """Return the files of clusters on all hosts of the lab, as `host: path`."""
    found = []
    for cluster, hosts in ADDRESSES.items():
        for host in hosts:
            words = ["exec", lab.name, "--host", f"{cluster}-{host}", "--", "sh", "-c", FIND_FILES]
            found += [f"{cluster}-{host}: {path}" for path in lab.lab_command(*words).stdout.split()]
    return found


def test_two_clusters_are_created_remain_unchanged_and_are_destroyed(lab: Cluster, program: Program) -> None:
    program.up()
    try:
        assert remaining_files(lab), "the search does not find the files of running clusters"
        for cluster, hosts in ADDRESSES.items():
            wait_until_ready(program, cluster, sorted(hosts))
        endpoints = {name: program.run("stack", "output", f"{name}-endpoint").strip() for name in ADDRESSES}
        network = IPv4Network(lab.config[stackfile.LAB]["network"])
        assert endpoints == {"east": f"https://{network[11]}:6443", "west": f"https://{network[31]}:6443"}
        program.assert_unchanged()
    finally:
        program.run("destroy", "--yes", "--skip-preview")
    state = json.loads(program.run("stack", "export"))
    assert not state["deployment"].get("resources", [])
    assert not remaining_files(lab)
