"""An emulated host in a directory, in which the host program runs. Its systemctl only records calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from nodeconfig.bundle import Bundle, Identity, Program
from nodeconfig.host_program import digest, program
from nodeconfig.render import payload, script

SYSTEMCTL = """#!/bin/sh
verb=$1; shift
while case ${1:-} in --*) true ;; *) false ;; esac; do shift; done
echo "$verb $*" >>"$FAKE/log"
[ "$verb" != reload ] || [ ! -e "$FAKE/refuses" ] || { echo "Job failed." >&2; exit 1; }
case $verb in
start | restart | reload) for unit; do [ -e "$FAKE/broken" ] || : >"$FAKE/active.$unit"; done ;;
stop | disable) for unit; do rm -f "$FAKE/active.$unit"; done ;;
is-active) [ -e "$FAKE/active.$1" ] ;;
is-failed) [ -e "$FAKE/broken" ] ;;
esac
"""

PROGRAM = Program("https://mirror/host-program", digest())
"""The host program of bundles for an emulated host, whose curl serves this URL."""

CURL = f"""#!/bin/sh
case $* in
*{PROGRAM.url})
    while [ "$1" != --output ]; do shift; done
    cp "$FAKE/host-program" "$2"
    ;;
*) PATH=${{PATH#*:}} exec curl "$@" ;;
esac
"""
_JOURNALCTL = "#!/bin/sh\necho a last message\n"


class EmulatedHost:
    """A directory that emulates a host. `root` has its files, `fake` its fake programs; `shell` is a login
    shell.
    """

    def __init__(self, directory: Path, shell: str) -> None:
        self.root, self.fake, self.shell = directory / "root", directory / "fake", shell
        self.root.mkdir()
        self.fake.mkdir()
        (self.fake / "host-program").write_text(program())
        for name, text in {"systemctl": SYSTEMCTL, "journalctl": _JOURNALCTL, "curl": CURL}.items():
            (self.fake / name).write_text(text)
            (self.fake / name).chmod(0o755)

    def path(self, path: str) -> Path:
        """Return the path in the directory for an absolute path on the host."""
        return self.root / path.lstrip("/")

    def run(self, text: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a script in the login shell of the host."""
        environment = {"PATH": f"{self.fake}:{os.environ['PATH']}", "KUBEWRIGHT_ROOT": str(self.root)}
        environment["HOME"] = str(self.fake)
        return subprocess.run(
            [self.shell, "-c", text],
            input=stdin,
            text=True,
            capture_output=True,
            env=environment | {"FAKE": str(self.fake)},
            timeout=60,
        )

    def deliver(self, bundle: Bundle, **secrets: str) -> subprocess.CompletedProcess[str]:
        """Deliver a bundle with secrets by name. The secret `token` has a default."""
        all_secrets = {"token": "SECRET-1\n"} | secrets
        return self.run(script(bundle, Identity("w-1", "10.9.0.21")), payload(bundle, all_secrets))

    def calls(self) -> list[str]:
        """Return the calls that systemctl received since the last call of this method, without queries."""
        log = self.fake / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.strip() for line in lines if not line.startswith("is-")]
