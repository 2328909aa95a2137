"""Tests of files in the cluster's own store, which the host program fetches by the boot program."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from nodeconfig.bundle import Artifact, Bundle, Program
from nodeconfig.host_program import digest, program
from testkit.boot import BootMachine, bundle, put_bundles
from testkit.host import PROGRAM

TOOL = "the tool\n"
LINK = "/usr/local/lib/kubewright/bin/tool"


def put_artifact(machine: BootMachine, name: str, content: str, sha: str = "") -> Artifact:
    """Put a file into the store. `sha` is the digest in its key, if this is not the digest of the content."""
    sha = sha or sha256(content.encode()).hexdigest()
    machine.put(f"artifacts/{name}/1.0/{sha}", content)
    return Artifact(name, f"store:{name}/1.0", sha, LINK)


def installed(machine: BootMachine, *artifacts: Artifact) -> Bundle:
    """Install the boot program, and return the bundle in the store, whose files are in the store too."""
    own = Program(f"store:host-program/{digest()}", digest())
    machine.put(f"artifacts/host-program/{digest()}/{digest()}", program())
    changed = replace(bundle(), program=own, artifacts=artifacts)
    machine.write_user_data(DIGEST=put_bundles(machine, "pools/general", changed), CA="a CA")
    assert machine.run().returncode == 0
    # Nothing is downloaded by a URL.
    (machine.fake / "curl").write_text("#!/bin/sh\nexit 9\n")
    assert PROGRAM.url not in machine.user_data.read_text()
    return changed


def test_a_machine_fetches_its_files_with_its_identity(machine: BootMachine, shell: str) -> None:
    installed(machine, put_artifact(machine, "tool", TOOL))
    result = machine.run("deliver", shell=shell)
    assert result.returncode == 0, result.stderr
    stored = machine.root / "var/lib/kubewright/artifacts" / sha256(TOOL.encode()).hexdigest() / "tool"
    assert stored.read_text() == TOOL
    assert (machine.root / LINK[1:]).readlink() == stored


def test_two_files_are_fetched_at_the_same_time(machine: BootMachine) -> None:
    """Test that commands of the boot program that run in parallel do not damage the file of the authority."""
    tools = [put_artifact(machine, f"tool-{number}", f"{number}\n") for number in range(6)]
    artifacts = [replace(tool, path=f"{LINK}-{number}") for number, tool in enumerate(tools)]
    assert installed(machine, *artifacts).artifacts == tuple(artifacts)
    result = machine.run("deliver")
    assert result.returncode == 0, result.stderr
    run = machine.root / "run/kubewright-boot"
    assert [path.name for path in run.glob("authority*")] == ["authority.pem"]
    assert (run / "authority.pem").read_text() == "a CA\n"


def test_a_file_of_another_digest_is_refused(machine: BootMachine) -> None:
    installed(machine, put_artifact(machine, "tool", "changed\n", "e" * 64))
    result = machine.run("deliver")
    assert result.returncode == 1
    assert (
        f"cannot fetch store:tool/1.0: sha256 is {sha256(b'changed' + bytes([10])).hexdigest()}, not eee"
        in (result.stderr)
    )
    assert not (machine.root / LINK[1:]).exists()


def test_the_reason_of_a_missing_file_is_reported(machine: BootMachine) -> None:
    artifact = put_artifact(machine, "tool", TOOL)
    installed(machine, artifact)
    (machine.store / f"artifacts/tool/1.0/{artifact.sha256}").unlink()
    result = machine.run("deliver")
    assert result.returncode == 1
    assert "cannot fetch store:tool/1.0: cp: cannot stat" in result.stderr


def test_a_later_delivery_fetches_only_new_files(machine: BootMachine) -> None:
    """Test a delivery to a running machine, such as `repair`: the host program still reaches the store."""
    first = put_artifact(machine, "tool", TOOL)
    changed = installed(machine, first)
    assert machine.run("deliver").returncode == 0
    (machine.store / f"artifacts/tool/1.0/{first.sha256}").unlink()
    second = replace(put_artifact(machine, "other", "other\n"), path=f"{LINK}-2")
    put_bundles(machine, "pools/general", replace(changed, artifacts=(first, second)))
    result = machine.run("deliver")
    assert result.returncode == 0, result.stderr
    assert (machine.root / f"{LINK[1:]}-2").read_text() == "other\n"
