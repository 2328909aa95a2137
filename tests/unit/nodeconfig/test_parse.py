"""Tests of the parser of delivered scripts, with scripts of this version and of an earlier version."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeconfig import bundles
from nodeconfig.bundle import Artifact, Bundle, File, Identity, Program, SecretFile, Service
from nodeconfig.firewall import accepted_ports
from nodeconfig.parse import (
    DeliveryFacts,
    SecretPath,
    file_content,
    parse_delivery,
    parse_rotations,
    parse_versions,
    path_at_line,
)
from nodeconfig.render import reset_script, script
from testkit.bundles import FakeIndex, cluster
from topology.model import Role
from topology.rotations import Rotation

EARLIER = Path(__file__).parent / "deliveries" / "e084926-node.sh"
"""A delivery as commit e084926 rendered it."""

_NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,12}", fullmatch=True)
_PATHS = st.from_regex(r"(/[a-zA-Z0-9._-]{1,8}){1,4}", fullmatch=True)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"]), max_size=30)
_LINES = st.one_of(
    _TEXTS, st.sampled_from(["EOF", "EOF_", "trust etcd 9 9", "version etcd 9", "a \\", "x <<'EOF'"])
)
_CONTENTS = st.lists(_LINES, min_size=1, max_size=6).map(lambda lines: "".join(f"{line}\n" for line in lines))
_MODES = st.sampled_from([0o600, 0o644, 0o755])
_OWNERS = st.sampled_from(["root:root", "etcd:etcd"])
_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
_GENERATIONS = st.integers(1, 99)
_ROTATIONS = st.builds(Rotation, _GENERATIONS, st.lists(_GENERATIONS, min_size=1, max_size=3).map(tuple))
_BUNDLES = st.builds(
    Bundle,
    role=st.sampled_from(Role),
    program=st.builds(Program, _TEXTS, _HEX),
    files=st.lists(st.builds(File, _PATHS, _CONTENTS, _MODES, _OWNERS), max_size=4).map(tuple),
    secrets=st.lists(st.builds(SecretFile, _PATHS, _NAMES, _MODES, _OWNERS), max_size=3).map(tuple),
    artifacts=st.lists(st.builds(Artifact, _NAMES, _TEXTS, _HEX, _PATHS, _TEXTS), max_size=3).map(tuple),
    services=st.lists(
        st.builds(
            Service,
            _NAMES,
            st.lists(_PATHS, max_size=3).map(tuple),
            _TEXTS,
            st.integers(1, 900),
            st.booleans(),
            st.one_of(st.just(""), _NAMES),
            st.one_of(st.just(""), _NAMES),
        ),
        max_size=3,
    ).map(tuple),
    directories=st.lists(st.builds(File, _PATHS, st.just(""), _MODES, _OWNERS), max_size=3).map(tuple),
    modules=st.lists(_NAMES, max_size=3).map(tuple),
    ca=st.one_of(st.just(""), _CONTENTS),
    drain=st.just(True),
    drain_on=st.lists(_PATHS, min_size=1, max_size=3).map(tuple),
    drain_seconds=st.integers(1, 9999),
    versions=st.dictionaries(_NAMES, _NAMES, max_size=2).map(lambda mapping: tuple(mapping.items())),
    rotations=st.dictionaries(_NAMES, _ROTATIONS, max_size=3).map(lambda mapping: tuple(mapping.items())),
)


def expected_facts(bundle: Bundle, identity: Identity) -> DeliveryFacts:
    return DeliveryFacts(
        role=bundle.role,
        identity=identity,
        program=bundle.program,
        ca=bundle.ca,
        versions=dict(bundle.versions),
        rotations=dict(bundle.rotations),
        modules=list(bundle.modules),
        artifacts=list(bundle.artifacts),
        directories=list(bundle.directories),
        files=list(bundle.files),
        secrets=[SecretPath(item.path, item.mode, item.owner) for item in bundle.secrets],
        services=list(bundle.services),
        drain_on=bundle.drain_on if bundle.drain else (),
        drain_seconds=bundle.drain_seconds if bundle.drain and bundle.drain_on else 0,
    )


@given(_BUNDLES, st.sampled_from([Identity("w-1", "10.0.0.1"), Identity("w-1", "10.0.0.1", "aws:///i-1")]))
def test_parsing_a_rendered_bundle_returns_its_facts(bundle: Bundle, identity: Identity) -> None:
    assert parse_delivery(script(bundle, identity, sudo=bundle.drain_seconds % 2 == 0)) == expected_facts(
        bundle, identity
    )


def test_every_bundle_of_a_cluster_is_read_back() -> None:
    for (host, _), bundle in bundles(cluster(etcd=3), FakeIndex()).items():
        identity = Identity(host, "10.9.0.11")
        text = script(bundle, identity)
        assert parse_delivery(text) == expected_facts(bundle, identity)
        assert parse_versions(text) == dict(bundle.versions)
        assert all(file_content(text, item.path) == item.content for item in bundle.files)


def test_a_delivery_of_an_earlier_release_is_read() -> None:
    facts = parse_delivery(EARLIER.read_text())
    assert (facts.role, facts.versions) == (Role.NODE, {"kubernetes": "1.36.3"})
    assert facts.identity == Identity("w-1", "10.0.0.1")
    assert "kubelet.service" in [service.unit for service in facts.services]
    assert "/etc/systemd/system/kubelet.service" in [item.path for item in facts.files]
    assert "/usr/local/lib/kubewright/bin/containerd" in facts.drain_on
    ports = accepted_ports(file_content(EARLIER.read_text(), "/etc/kubewright/firewall.nft"))
    assert ("10.97.0.0/24", "tcp dport 10250") in ports
    assert ("", "tcp dport 22") in ports


def test_only_complete_statements_count() -> None:
    text = "trust etcd 2 1 2\ntrust\ntrust me\ntrust etc x y\necho trust kubernetes 9 9\nversion etcd\n"
    assert parse_rotations(text) == {"etcd": Rotation(2, (1, 2))}
    assert parse_versions(text) == {}


@pytest.mark.parametrize(
    "text", ["", "kind: Deployment\nspec: {}\n", "file", "file 0644 a", reset_script(Role.NODE)]
)
def test_a_text_that_is_no_delivery_has_no_facts(text: str) -> None:
    assert parse_delivery(text) == DeliveryFacts()


def test_lines_belong_to_the_file_whose_content_they_are() -> None:
    lines = ["version etcd 1", "file 0644 root:root /etc/a <<'EOF'", "one", "two", "EOF", "module x"]
    assert [path_at_line(lines, index) for index in range(6)] == ["", "", "/etc/a", "/etc/a", "/etc/a", ""]
