"""Tests of the conversion from settings to bundles, offline: the example stacks have a copy of the mirror's
index.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from artifacts.errors import ArtifactError
from assembly import assemble, build_topology, topology_or_none
from settings import SettingsError, load
from settings.stackfile import load_file
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.model import Role

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted(ROOT.glob("Pulumi.*-example.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_assembly_has_files_topology_index_and_bundles(path: Path) -> None:
    settings = load_file(path)
    assembly = assemble(settings, ROOT)
    assert assembly.settings is settings
    assert assembly.topology == build_topology(settings, files=assembly.files)
    assert set(assembly.files) == {settings.artifacts.index}
    assert ("cp-1", Role.CONTROL_PLANE) in assembly.bundles
    program = assembly.bundles["general", Role.NODE].program
    assert settings.artifacts.mirror
    assert program.url.startswith(settings.artifacts.mirror)


def test_machines_with_their_own_store_fetch_from_it() -> None:
    path = ROOT / "Pulumi.aws-example.yaml"
    cluster = yaml.safe_load(path.read_text())["config"]["kubewright:cluster"]
    pinned = cluster["artifacts"]["index"]
    own = assemble(load(with_edits(cluster, {"artifacts": {"store": "own", "index": pinned}})), ROOT)
    mirrored = assemble(load(cluster), ROOT)
    # The pinned index has the digests, whatever the mirror of this machine has.
    assert own.topology == mirrored.topology
    for key, bundle in own.bundles.items():
        assert bundle.program.url.startswith("store:host-program/")
        assert all(artifact.url.startswith(f"store:{artifact.name}/") for artifact in bundle.artifacts)
        digests = [artifact.sha256 for artifact in bundle.artifacts]
        assert digests == [artifact.sha256 for artifact in mirrored.bundles[key].artifacts]


def test_own_store_is_filled_from_the_mirror_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path))
    cluster = yaml.safe_load((ROOT / "Pulumi.aws-example.yaml").read_text())["config"]["kubewright:cluster"]
    settings = load(with_edits(cluster, {"artifacts": {"store": "own"}}))
    with pytest.raises(ArtifactError, match=f"no mirror in {tmp_path}/mirror .*run `kubewright mirror`"):
        assemble(settings, ROOT)


def test_missing_files_are_reported_before_the_mirror_is_read(tmp_path: Path) -> None:
    edits = {"artifacts.ca_file": "ca.crt", "metal.ssh": {"agent": True, "known_hosts_file": "known_hosts"}}
    with pytest.raises(SettingsError, match=r"artifacts\.ca_file: .*cannot be read"):
        assemble(load(with_edits(TWO_WORKERS, edits)), tmp_path)


def test_the_topology_of_invalid_settings_is_none() -> None:
    assert topology_or_none({"kubewright:cluster": TWO_WORKERS}) == build_topology(load(TWO_WORKERS))
    assert topology_or_none({"kubewright:cluster": {}}) is None
    assert topology_or_none({}) is None


def test_encrypted_settings_do_not_hide_the_topology() -> None:
    """Without a topology, the checks before `up` are skipped."""
    registry = {"endpoint": "https://r.example", "username": "me", "password": {"secure": "v1:x"}}
    cluster = with_edits(TWO_WORKERS, {"registries._default": registry})
    topology = topology_or_none({"kubewright:cluster": cluster})
    assert topology is not None
    assert [each.credentials for each in topology.registries] == ["registry-_default"]
