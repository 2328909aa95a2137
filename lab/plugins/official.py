"""Finds official Pulumi plugins on PATH or in an engine home, or downloads them with the engine.

A failed download is an error. A stand-in never replaces the missing plugin.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from lab.plugins.kinds import DIGEST_FILE, Installed, InstallError, PluginKind, last_line, run_plugin_install

IGNORE_PATH_VARIABLE = "PULUMI_IGNORE_AMBIENT_PLUGINS"
"""Environment variable of the engine: when true, the engine does not use plugins on PATH."""
_DOWNLOAD_SECONDS = 900.0
"""Maximum time of a download in seconds. The plugin of a cloud is larger than 100 MiB."""
_CHECK_NETWORK = "check the network and the proxy (HTTPS_PROXY), then run this command again"
# The message of the engine contains the status of the server: `403 HTTP error fetching plugin from …`.
_REFUSAL = re.compile(r"\b(401|403|404|407|451) HTTP error|status(?: code)?:? (401|403|404|407|451)\b")


def find_official(home: Path, name: str, version: str) -> Path | None:
    """Return the path of an official plugin on PATH or in the engine home; None if there is no such plugin.

    The engine prefers a plugin on PATH to a plugin in the engine home, even if its version is different.
    """
    program = f"pulumi-resource-{name}"
    if os.environ.get(IGNORE_PATH_VARIABLE, "").lower() not in ("1", "true"):
        on_path = shutil.which(program)
        if on_path is not None and not (Path(on_path).resolve().parent / DIGEST_FILE).exists():
            return Path(on_path)
    directory = home / "plugins" / f"resource-{name}-v{version}"
    installed = directory / program
    return installed if installed.exists() and not (directory / DIGEST_FILE).exists() else None


def install_official(pulumi: Path, home: Path, name: str, version: str) -> Installed:
    """Find or download an official plugin. Raise InstallError with the required action."""
    if find_official(home, name, version) is not None:
        return Installed(name, version, PluginKind.OFFICIAL, fresh=False)
    try:
        result = run_plugin_install(pulumi, home, name, version, timeout=_DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired:
        problem = f"the download did not end within {_DOWNLOAD_SECONDS:.0f} s; {_CHECK_NETWORK}"
        raise InstallError(f"plugin {name} {version}: {problem}; {_other_ways(name)}") from None
    if result.returncode == 0 and find_official(home, name, version) is not None:
        return Installed(name, version, PluginKind.OFFICIAL, fresh=True)
    reason = _reason(result.stderr or result.stdout)
    if _REFUSAL.search(result.stderr + result.stdout):
        problem = f"the server refused the download: {reason}"
    else:
        problem = f"the download failed: {reason}; {_CHECK_NETWORK}"
    raise InstallError(f"plugin {name} {version}: {problem}; {_other_ways(name)}")


def _other_ways(name: str) -> str:
    return (
        f"or put pulumi-resource-{name} on PATH; `preview --offline` shows the resources of a new stack "
        "without the plugin"
    )


def _reason(text: str) -> str:
    """Return the last problem of a download from the output of the engine."""
    causes = re.findall(r"^warning: Error downloading plugin: (.+)$", text, re.MULTILINE)
    return str(causes[-1]).strip() if causes else last_line(text)
