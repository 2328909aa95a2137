"""Access keys that sign requests to the emulated AWS: the deployer's key, and keys of roles."""

from __future__ import annotations

import datetime
import secrets
import threading
from dataclasses import dataclass

from lab.cloud.running import ADMIN, RunningMachine

LIFETIME_HOURS = 6
_ASSUMED_HOURS = 1


@dataclass(frozen=True, slots=True)
class Session:
    """An access key with its secret and token.

    `machine` is the owner of the key, or `role` is the name of the role that a pod assumed. A key with
    neither belongs to the deployer, who has all permissions.
    """

    key: str
    secret: str
    token: str
    expires: datetime.datetime
    machine: RunningMachine | None
    role: str = ""


class Sessions:
    """The issued access keys. Each machine gets the same keys until half of their lifetime is over."""

    def __init__(self, admin_secret: str) -> None:
        admin_expiry = _current_time() + datetime.timedelta(days=3650)
        self._by_key = {ADMIN: Session(ADMIN, admin_secret, "", admin_expiry, None)}
        self._current: dict[str, Session] = {}
        self._lock = threading.Lock()

    def issue(self, machine: RunningMachine) -> Session:
        """Return the access key for the role of a machine. Create a key if the current key expires soon."""
        with self._lock:
            session = self._current.get(machine.id)
            if session is None or session.expires - _current_time() < datetime.timedelta(
                hours=LIFETIME_HOURS / 2
            ):
                session = _new_session(LIFETIME_HOURS, machine)
                self._by_key[session.key] = self._current[machine.id] = session
            return session

    def assume(self, role: str) -> Session:
        """Return a new access key for a role that a pod assumed."""
        session = _new_session(_ASSUMED_HOURS, None, role)
        with self._lock:
            self._by_key[session.key] = session
        return session

    def find(self, key: str) -> Session | None:
        """Return the session of an access key, or None if the key is unknown or expired."""
        session = self._by_key.get(key)
        return session if session is not None and session.expires > _current_time() else None


def _new_session(hours: int, machine: RunningMachine | None, role: str = "") -> Session:
    expires = _current_time().replace(microsecond=0) + datetime.timedelta(hours=hours)
    key = "ASIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    # Real tokens contain such characters, so that clients that do not quote them fail here too.
    token = f"IQoJ{secrets.token_urlsafe(90)}+/=="
    return Session(key, secrets.token_urlsafe(30), token, expires, machine, role)


def _current_time() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
