"""Users of the services of a control plane.

Each service runs as its own user. The secret files of these services belong to root and have mode 0600, as
the CIS Kubernetes Benchmark requires (1.1.13 to 1.1.21). A oneshot unit copies the files that a service reads
into memory, where its user can read them. A changed file reloads this unit, and the service reads the new
copy without a restart if it can reload the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodeconfig.bundle import File, SecretFile, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import LIBRARY
from nodeconfig.sources import read_code
from nodeconfig.systemd import oneshot_unit

_PROGRAM = f"{LIBRARY}/service-secrets"


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """The user of a service. `name` is the name of the user and, with `.service`, of the unit."""

    name: str

    @property
    def owner(self) -> str:
        """The owner `USER:GROUP` of files that the service writes."""
        return f"{self.name}:{self.name}"

    @property
    def secrets_unit(self) -> str:
        """The unit that copies secret files for the service, which starts after it."""
        return f"{self.name}-secrets.service"

    def copy(self, path: str) -> str:
        """Return the path of the copy that the service reads of the file at `path`."""
        return f"/run/kubernetes/{self.name}/{path.rpartition('/')[2]}"

    def component(self, files: Iterable[File | SecretFile]) -> Component:
        """Return the user and the unit that copies `files`, which the component of the service contains."""
        paths = tuple(dict.fromkeys(file.path for file in files))
        unit = oneshot_unit(
            self.secrets_unit,
            f"Secret files of {self.name}",
            start=" \\\n  ".join((f"{_PROGRAM} copy {self.name}", *paths)),
            stop=f"{_PROGRAM} remove {self.name}",
            before=f"{self.name}.service",
        )
        return Component(
            files=(
                File(f"/etc/sysusers.d/kubewright-{self.name}.conf", f'u {self.name} - "{self.name}"\n'),
                File(_PROGRAM, read_code("service-secrets.sh"), mode=0o755),
                unit,
            ),
            services=(Service(self.secrets_unit, restart_on=(_PROGRAM, *paths), reload=True),),
        )
