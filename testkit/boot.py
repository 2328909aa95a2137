"""Emulates a cloud machine in a directory, for tests of the boot program. Its tools record their calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from nodeconfig.bundle import IDENTITY_AT_BOOT, Bundle, File, SecretFile, Service
from nodeconfig.host_program import program as host_program
from nodeconfig.render import payload, script
from providers.cloud.boot import render_program
from providers.cloud.digests import content_digest
from testkit.host import CURL, PROGRAM, SYSTEMCTL
from topology.model import Role

CLOUD_FUNCTIONS = """\
# A cloud that is a directory.
cloud_identity() {
    [ ! -e "$FAKE/silent" ] || return 1
    BOOT_NAME=${BOOT_NAME:-i-0123} BOOT_ADDRESS=${BOOT_ADDRESS:-10.0.0.9} BOOT_ID=fake:///zone/i-0123
}
cloud_get() { if [ "$2" = - ]; then cat "$FAKE/store/$1"; else cp "$FAKE/store/$1" "$2"; fi; }
cloud_artifact() { cp "$FAKE/store/artifacts/$1" "$2"; }
cloud_put() { mkdir -p "$FAKE/store/${1%/*}" && cp "$2" "$FAKE/store/$1"; }
cloud_join() { cloud_put "$JOINS/$BOOT_NAME" "$1"; }
cloud_volume() { [ -e "$FAKE/device" ] && printf '%s\\n' "$FAKE/device"; }
cloud_leaving() { [ -e "$FAKE/told" ]; }
cloud_left() { echo left >>"$FAKE/log"; }
cloud_ready() { echo ready >>"$FAKE/log"; }
"""
_RECORD_CALL = '#!/bin/sh\necho "${0##*/} $*" >>"$FAKE/log"\n'
_TOOLS = {
    "systemctl": SYSTEMCTL,
    "mount": _RECORD_CALL + ': >"$FAKE/mounted.$(echo "$1" | tr / +)"\n',
    "mountpoint": '#!/bin/sh\n[ -e "$FAKE/mounted.$(echo "$2" | tr / +)" ]\n',
    # The real blkid also has no output and exit code 2 for unknown content.
    "blkid": '#!/bin/sh\ncase $* in *UUID*) echo 12-34 ;; *) cat "$FAKE/type" 2>/dev/null || exit 2 ;; esac',
    # The device of these tests is a file.
    "blockdev": '#!/bin/sh\nexec stat -c %s "$2"\n',
    "mkfs.ext4": _RECORD_CALL + 'echo ext4 >"$FAKE/type"\n',
    "e2fsck": _RECORD_CALL
    + 'echo "what e2fsck says"; exit "$(cat "$FAKE/e2fsck.code" 2>/dev/null || echo 0)"\n',
    "resize2fs": _RECORD_CALL,
    "systemd-sysusers": _RECORD_CALL,
    "chown": _RECORD_CALL,
    "curl": CURL,
    "journalctl": '#!/bin/sh\ncase $* in *--unit=*) echo "a line of the journal" ;; esac\n',
}


class BootMachine:
    """A directory that emulates a cloud machine, and the object store of the cloud.

    `cloud_functions` is the sh file with the functions of the emulated cloud, which the boot program calls.
    """

    def __init__(self, directory: Path) -> None:
        self.root, self.fake = directory / "root", directory / "fake"
        self.store = self.fake / "store"
        for path in (self.store, self.root / "etc"):
            path.mkdir(parents=True)
        (self.root / "etc/fstab").write_text("UUID=1 / ext4 defaults 0 1\n")
        for name, text in _TOOLS.items():
            (self.fake / name).write_text(text)
            (self.fake / name).chmod(0o755)
        (self.fake / "host-program").write_text(host_program())
        self.cloud_functions = self.fake / "half.sh"
        self.cloud_functions.write_text(CLOUD_FUNCTIONS)
        self.user_data = self.fake / "user-data"

    def reject_statuses(self) -> None:
        """Let the store refuse statuses. Control planes still get the token of the machine."""
        functions = "cloud_put() { return 1; }\ncloud_join() { :; }\n"
        self.cloud_functions.write_text(self.cloud_functions.read_text() + functions)

    def write_user_data(self, **variables: str) -> None:
        """Write the user data of the machine: the boot program with these variables."""
        defaults: Mapping[str, str] = {
            "UNIT": "general",
            "KIND": "pools",
            "ROLES": "node",
            "DIGEST": "",
            "BOOT_NAME": "",
            "BOOT_ADDRESS": "",
            "VOLUME": "",
            "DRAIN_SECONDS": "30",
            "JOINS": "joins",
            "CONFIG": f"{variables.get('KIND', 'pools')}/{variables.get('UNIT', 'general')}",
            "CA": "",
        }
        self.user_data.write_text(render_program([self.cloud_functions], {**defaults, **variables}))

    def put(self, key: str, content: str) -> None:
        """Put an object into the emulated object store."""
        path = self.store / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def status(self, key: str) -> str:
        """Return the status that the machine wrote; empty if it wrote no status."""
        path = self.store / "status" / key
        return path.read_text().strip() if path.exists() else ""

    def run(self, command: str = "", shell: str = "sh") -> subprocess.CompletedProcess[str]:
        """Run the boot program: without a command as cloud-init does, with a command as systemd units do."""
        return self.run_command(*([command] if command else []), shell=shell)

    def run_command(self, *words: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
        """Run the boot program with these arguments."""
        environment = {
            "PATH": f"{self.fake}:{os.environ['PATH']}",
            "KUBEWRIGHT_ROOT": str(self.root),
            "KUBEWRIGHT_PAUSE": "0",
            "FAKE": str(self.fake),
        }
        installed = self.root / "usr/local/lib/kubewright-boot/boot"
        file = installed if words and installed.exists() else self.user_data
        return subprocess.run(
            [shell, str(file), *words],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    def calls(self) -> list[str]:
        """Return the calls of tools and cloud functions since the last call of this method."""
        log = self.fake / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        lines = [line for line in lines if not line.startswith("is-")]
        log.unlink(missing_ok=True)
        return [line.strip().replace(str(self.root), "").replace(str(self.fake), "FAKE") for line in lines]

    def restart(self) -> None:
        """Emulate a restart of the machine: memory is cleared, and file systems are mounted by fstab."""
        shutil.rmtree(self.root / "run")
        for path in self.fake.glob("mounted.*"):
            path.unlink()


SECRET = "-----BEGIN PRIVATE KEY-----\nMIIC\n"


def bundle(role: Role = Role.NODE, *, ready: str = "true") -> Bundle:
    """Return a small bundle with one service, whose health check is `ready`, and one secret file."""
    unit = f"/etc/systemd/system/{role}.service"
    return Bundle(
        role=role,
        program=PROGRAM,
        files=(File(f"/etc/{role}.conf", "one\n"), File(unit, "[Service]\n")),
        secrets=(SecretFile("/etc/kubernetes/pki/token", "token"),),
        artifacts=(),
        services=(Service(f"{role}.service", ready=ready, timeout=0),),
    )


def put_bundles(machine: BootMachine, prefix: str, *bundles: Bundle) -> str:
    """Put bundles into the store and return their digest."""
    contents = []
    for role_bundle in bundles:
        script_and_payload = script(role_bundle, IDENTITY_AT_BOOT), payload(role_bundle, {"token": SECRET})
        for suffix, content in zip(("sh", "payload"), script_and_payload, strict=True):
            machine.put(f"{prefix}/{role_bundle.role}.{suffix}", content)
            contents.append(content)
    return content_digest(contents)


def put_node_bundle(machine: BootMachine) -> str:
    """Put a bundle for role node into the store, and write user data with its digest. Return the digest."""
    digest = put_bundles(machine, "pools/general", bundle())
    machine.write_user_data(DIGEST=digest)
    return digest
