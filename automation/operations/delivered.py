"""The deliveries that the hosts of a stack have received last.

On bare metal they are in the state of the engine. In a cloud they are in the store, from which machines fetch
them.
"""

from __future__ import annotations

from automation.deliveries import Delivery, load_deliveries
from automation.errors import UserError
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from providers.cloud.requests import CloudFailure, RequestStore
from topology.model import Role


def find_deliveries(target: Target) -> list[Delivery]:
    """Return the last deliveries to all hosts, sorted by role and host. They contain secrets.

    Raise UserError when nothing was delivered yet.
    """
    if not isinstance(target.remote, StoreRemote):
        return load_deliveries(target.engine)
    try:
        deliveries = _read_deliveries(target, target.remote)
    except CloudFailure as error:
        raise UserError(f"the store of the cluster cannot be read: {error}") from None
    if not deliveries:
        raise UserError(f"stack {target.stack}: nothing was delivered yet; run `up` first")
    return sorted(deliveries, key=lambda delivery: (list(Role).index(delivery.role), delivery.host))


def _read_deliveries(target: Target, remote: StoreRemote) -> list[Delivery]:
    configs: dict[str, tuple[str, str] | None] = {}
    deliveries = []
    for machine in target.topology.machines:
        place = remote.places[machine.name]
        for role in machine.roles:
            prefix = f"{place.kind}/{place.name}/{role}"
            if prefix not in configs:
                configs[prefix] = _read_config(remote.machines.store, prefix)
            if (config := configs[prefix]) is not None:
                deliveries.append(Delivery(machine.name, role, *config))
    return deliveries


def _read_config(store: RequestStore, prefix: str) -> tuple[str, str] | None:
    """Return the script and payload of a role; None if the store does not have them."""
    script, payload = store.read(f"{prefix}.sh"), store.read(f"{prefix}.payload")
    return None if script is None or payload is None else (script, payload)
