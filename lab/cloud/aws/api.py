"""The emulated AWS API: moto behind checks of signatures and roles, with volumes that appear on hosts."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from lab import volumes
from lab.cloud.aws import calls, groups
from lab.cloud.aws.policy import allowed
from lab.cloud.aws.sessions import Sessions
from lab.cloud.aws.signature import Refused, Signed
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError

Start = Callable[..., Any]
Environ = dict[str, Any]

MAX_BODY = 64 * 1024**2


class Api:
    """A WSGI application. The deployer has all permissions; a machine has the permissions of its role."""

    def __init__(self, lab: str, states: MachineStates, sessions: Sessions) -> None:
        self._lab = lab
        self._states = states
        self._sessions = sessions
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        body = _read_body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            signed = Signed(
                environ["REQUEST_METHOD"],
                _request_url(environ),
                _request_headers(environ),
                body,
                self._sessions,
            )
            query = {
                key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", ""), True).items()
            }
            form = {key: values[0] for key, values in parse_qs(body.decode("latin-1"), True).items()}
            call = calls.call(
                signed.service, signed.region, environ["REQUEST_METHOD"], _request_path(environ), query, form
            )
            machine = signed.session.machine
            if machine is not None:
                self._check_permissions(machine, call, environ["REMOTE_ADDR"])
            return self._perform_call(call, environ, start)
        except Refused as error:
            print(
                f"{environ['REMOTE_ADDR']}: {_request_path(environ)}: {error.code}: {error}",
                file=sys.stderr,
                flush=True,
            )
            return _refusal_response(error, start)
        except LabError as error:
            print(f"{environ['REMOTE_ADDR']}: {error}", file=sys.stderr, flush=True)
            return _refusal_response(Refused("InternalError", str(error), 500), start)

    def _check_permissions(self, machine: RunningMachine, call: calls.Call, address: str) -> None:
        """Raise Refused if the role does not allow the call, or if the keys are used from another address."""
        if self._states.of_id(machine.id) is None:
            raise Refused("UnauthorizedOperation", "the machine of this key has ended")
        if address != machine.address:
            raise Refused("AccessDenied", "this key is another machine's")
        policies = calls.policies(machine.identity)
        for need in calls.needs(call, machine):
            if not allowed(policies, need.action, need.resource, need.context):
                raise Refused("AccessDenied", f"{machine.identity} may not {need.action} on {need.resource}")

    def _perform_call(self, call: calls.Call, environ: Environ, start: Start) -> Iterable[bytes]:
        form = call.form
        service, _, action = call.action.partition(":")
        said = groups.answer(self._states, action, form) if service == "autoscaling" else None
        if said is not None:
            start("200 OK", [("Content-Type", "text/xml")])
            return [said.encode()]
        if call.action == "ec2:AttachVolume":
            calls.check_attach(form["VolumeId"], form["InstanceId"], form.get("Device", ""))
            self._attach_volume(form["VolumeId"], form["InstanceId"])
        answer = self._moto(environ, start)
        if call.action == "ec2:DetachVolume":
            volumes.detach(self._lab, form["VolumeId"])
        if call.action == "ec2:TerminateInstances":
            calls.let_go([value for key, value in form.items() if key.startswith("InstanceId.")])
        return list(answer)

    def _attach_volume(self, volume: str, instance: str) -> None:
        machine = self._states.of_id(instance)
        if machine is None:
            raise Refused("IncorrectInstanceState", f"{instance} does not run", 400)
        volumes.create(self._lab, volume, calls.size(volume))
        plain = volume.replace("-", "")
        link = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{plain}"
        volumes.attach(self._lab, volume, machine.host, [link])


def _read_body(environ: Environ) -> bytes:
    """Return the complete body of a request, including chunked bodies."""
    if environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    return bytes(environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), MAX_BODY)))


def _request_url(environ: Environ) -> str:
    return f"https://{environ['HTTP_HOST']}{environ['REQUEST_URI']}"


def _request_path(environ: Environ) -> str:
    return str(environ.get("PATH_INFO", ""))


def _request_headers(environ: Environ) -> dict[str, str]:
    named = {
        "content-type": environ.get("CONTENT_TYPE", ""),
        "content-length": environ.get("CONTENT_LENGTH", ""),
    }
    found = {
        key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    return {key: value for key, value in named.items() if value} | found


def _refusal_response(error: Refused, start: Start) -> Iterable[bytes]:
    text = escape(re.sub(r"\s+", " ", str(error)))
    start(f"{error.status} {HTTPStatus(error.status).phrase}", [("Content-Type", "text/xml")])
    return [
        f"<Response><Errors><Error><Code>{error.code}</Code><Message>{text}</Message></Error></Errors>"
        f"<Code>{error.code}</Code><Message>{text}</Message></Response>".encode()
    ]
