"""Keys that sign requests: the deployer's, and those of roles for machines."""

from __future__ import annotations

import datetime
import secrets
import threading
from dataclasses import dataclass

from lab.cloud.running import ADMIN, RunningMachine

HOURS = 6


@dataclass(frozen=True, slots=True)
class Session:
    """A key pair with its token. `machine` is the owner; None: the deployer, who may do everything."""

    key: str
    secret: str
    token: str
    expires: datetime.datetime
    machine: RunningMachine | None


class Sessions:
    """The issued keys; each machine gets the same keys until half of their time is over."""

    def __init__(self, admin_secret: str) -> None:
        far = _current_time() + datetime.timedelta(days=3650)
        self._by_key = {ADMIN: Session(ADMIN, admin_secret, "", far, None)}
        self._current: dict[str, Session] = {}
        self._lock = threading.Lock()

    def give(self, machine: RunningMachine) -> Session:
        """Return the keys of a machine's role."""
        with self._lock:
            session = self._current.get(machine.id)
            if session is None or session.expires - _current_time() < datetime.timedelta(hours=HOURS / 2):
                expires = _current_time().replace(microsecond=0) + datetime.timedelta(hours=HOURS)
                key = "ASIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
                # Real tokens contain such characters: this detects clients that do not quote them.
                token = f"IQoJ{secrets.token_urlsafe(90)}+/=="
                session = Session(key, secrets.token_urlsafe(30), token, expires, machine)
                self._by_key[key] = self._current[machine.id] = session
            return session

    def find(self, key: str) -> Session | None:
        """Return the session of a key while it is valid."""
        session = self._by_key.get(key)
        return session if session is not None and session.expires > _current_time() else None


def _current_time() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
