"""Files of a host with the logs that the shipper reads, for tests without a node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

UID = "8a2e1b5c-9f0d-4c8e-8b3a-2d6f7e8a9b0c"
"""The UID of all pods of tests."""
_JOURNALCTL = "/usr/bin/journalctl"


def pod_file(root: Path, pod: str, name: str = "0.log") -> Path:
    """Return the path of a log file of a container, such as `shop_web-0_UID/web`."""
    path = root / "host/var/log/pods" / pod / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def cri_lines(lines: list[str], tag: str = "F") -> str:
    """Return lines as containerd writes them."""
    start = datetime.now(UTC) - timedelta(minutes=5)
    times = (start + timedelta(microseconds=number) for number in range(len(lines)))
    return "".join(
        f"{time:%Y-%m-%dT%H:%M:%S.%f}000Z stdout {tag} {line}\n"
        for time, line in zip(times, lines, strict=True)
    )


def append(path: Path, text: str) -> None:
    """Append text to a file."""
    with path.open("a") as file:
        file.write(text)


def copy_journalctl(host: Path) -> None:
    """Copy journalctl and its libraries, so that `host` can be its root directory; skip without it."""
    if not Path(_JOURNALCTL).is_file() or os.geteuid() != 0:
        pytest.skip("this test needs root and journalctl")
    libraries = subprocess.run(["ldd", _JOURNALCTL], capture_output=True, text=True, check=True).stdout
    for path in [_JOURNALCTL, "/etc/machine-id", *re.findall(r"(/\S+) \(", libraries)]:
        target = host / path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


_JOURNAL_SCRIPT = """
set -e
mount -t tmpfs none /run
mount --bind /dev/null /dev/kmsg
mkdir -p /run/systemd/journal /run/log/journal
/lib/systemd/systemd-journald & journald=$!
for _ in $(seq 100); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.1; done
printf '%s\\n' "$2" | systemd-cat --identifier=kubelet --priority=warning
sleep 1
kill $journald
wait $journald || :
mkdir -p "$1/run/log"
cp -r /run/log/journal "$1/run/log/"
"""


def write_journal(host: Path, line: str) -> None:
    """Let a journald without a host write a journal with `line` into `host`, and the id of this boot."""
    command = ["unshare", "--mount", "--propagation=private", "sh", "-c", _JOURNAL_SCRIPT, "sh"]
    result = subprocess.run(
        [*command, str(host), line], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    boot = host / "proc/sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True, exist_ok=True)
    boot.write_text(Path("/proc/sys/kernel/random/boot_id").read_text())
