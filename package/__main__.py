"""The Pulumi plugin of the package. The engine starts it for programs in other languages than Python."""

from __future__ import annotations

import sys
from pathlib import Path

if __package__ in ("", None):
    # The engine runs this directory as a program. Add its parent, so that Python finds the other packages.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pulumi.provider.experimental import component_provider_host

from package.component import KubernetesCluster
from package.version import NAME, VERSION

component_provider_host(components=[KubernetesCluster], name=NAME, version=VERSION)
