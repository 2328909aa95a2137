"""The emulated AWS API: the library moto behind checks of signatures and roles.

Volumes that a machine attaches appear as block devices on its host.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket

from lab import volumes
from lab.cloud.aws import calls
from lab.cloud.aws.lifecycle_policies import LifecyclePolicies
from lab.cloud.aws.policy import is_allowed
from lab.cloud.aws.scaling import Scaling
from lab.cloud.aws.scaling_groups import ScalingGroups
from lab.cloud.aws.sessions import Sessions
from lab.cloud.aws.signature import RequestRefused, SignedRequest
from lab.cloud.balancer import set_targets
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError

StartResponse = Callable[..., Any]
Environ = dict[str, Any]
"""WSGI types: the function that starts a response, and the request."""

MAX_BODY_BYTES = 64 * 1024**2
_TARGET_ACTIONS = ("RegisterTargets", "DeregisterTargets", "DeleteTargetGroup")
"""Actions of Elastic Load Balancing that change the targets of the lab's load balancer."""


def _permit_all(*_: object) -> PermissionResult:
    """Replace moto's evaluation of bucket policies, which ignores conditions."""
    return PermissionResult.NEUTRAL


FakeBucket.get_permission = _permit_all  # type: ignore[method-assign, assignment]


class Api:
    """WSGI application of the AWS API. The deployer has all permissions, a machine those of its IAM role."""

    def __init__(self, lab: str, states: MachineStates, sessions: Sessions) -> None:
        self._lab = lab
        self._states = states
        self._sessions = sessions
        self._scaling = Scaling(states, ScalingGroups.of(lab))
        self._policies = LifecyclePolicies()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one API request and return the response body."""
        body = _read_body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            request = SignedRequest(
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
            call = calls.parse_call(
                request.service,
                request.region,
                environ["REQUEST_METHOD"],
                _request_path(environ),
                query,
                form,
            )
            machine = request.session.machine
            if machine is not None:
                self._check_permissions(machine, call, environ["REMOTE_ADDR"])
            if request.service == "dlm":
                status, content = self._policies.respond(
                    environ["REQUEST_METHOD"], _request_path(environ), body
                )
                return _json_response(status, content, start_response)
            return self._perform_call(call, environ, start_response)
        except RequestRefused as error:
            print(
                f"{environ['REMOTE_ADDR']}: {_request_path(environ)}: {error.code}: {error}",
                file=sys.stderr,
                flush=True,
            )
            return _refusal_response(error, start_response)
        except LabError as error:
            print(f"{environ['REMOTE_ADDR']}: {error}", file=sys.stderr, flush=True)
            return _refusal_response(RequestRefused("InternalError", str(error), 500), start_response)

    def _check_permissions(self, machine: RunningMachine, call: calls.Call, address: str) -> None:
        """Raise RequestRefused if the role does not allow the call, or if the keys are used from another
        address.
        """
        if self._states.by_id(machine.id) is None:
            raise RequestRefused("UnauthorizedOperation", "the machine of this key has ended")
        if address != machine.address:
            raise RequestRefused("AccessDenied", "this key is another machine's")
        policies = calls.role_policies(machine.identity)
        for permission in calls.needed_permissions(call, machine):
            if not is_allowed(policies, permission.action, permission.resource, permission.context):
                raise RequestRefused(
                    "AccessDenied", f"{machine.identity} may not {permission.action} on {permission.resource}"
                )

    def _perform_call(
        self, call: calls.Call, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        form = call.form
        service, _, action = call.action.partition(":")
        if service == "autoscaling":
            response = self._scaling.respond(action, form)
            if response is None:
                raise RequestRefused("InvalidAction", f"{action} is not emulated", 400)
            start_response("200 OK", [("Content-Type", "text/xml")])
            return [response.encode()]
        if call.action == "ec2:AttachVolume":
            calls.check_attachment(form["VolumeId"], form["InstanceId"], form.get("Device", ""))
            self._attach_volume(form["VolumeId"], form["InstanceId"])
        moto_response = self._moto(environ, start_response)
        if call.action == "ec2:DetachVolume":
            volumes.detach(self._lab, form["VolumeId"])
        if call.action == "ec2:TerminateInstances":
            calls.detach_volumes([value for key, value in form.items() if key.startswith("InstanceId.")])
        if action in _TARGET_ACTIONS:
            set_targets(self._lab, calls.registered_targets())
        return list(moto_response)

    def _attach_volume(self, volume: str, instance: str) -> None:
        machine = self._states.by_id(instance)
        if machine is None:
            raise RequestRefused("IncorrectInstanceState", f"{instance} does not run", 400)
        volumes.create(self._lab, volume, calls.volume_size(volume))
        device_id = volume.replace("-", "")
        link = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{device_id}"
        volumes.attach(self._lab, volume, machine.host, [link])


def _read_body(environ: Environ) -> bytes:
    """Return the complete body of a request, including chunked bodies."""
    if environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    return bytes(environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), MAX_BODY_BYTES)))


def _request_url(environ: Environ) -> str:
    return f"https://{environ['HTTP_HOST']}{environ['REQUEST_URI']}"


def _request_path(environ: Environ) -> str:
    return str(environ.get("PATH_INFO", ""))


def _request_headers(environ: Environ) -> dict[str, str]:
    content_headers = {
        "content-type": environ.get("CONTENT_TYPE", ""),
        "content-length": environ.get("CONTENT_LENGTH", ""),
    }
    http_headers = {
        key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    return {key: value for key, value in content_headers.items() if value} | http_headers


def _json_response(
    status: HTTPStatus, content: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json")]
    if "__type" in content:
        headers.append(("x-amzn-ErrorType", content["__type"]))
    start_response(f"{status.value} {status.phrase}", headers)
    return [json.dumps(content).encode()]


def _refusal_response(error: RequestRefused, start_response: StartResponse) -> Iterable[bytes]:
    text = escape(re.sub(r"\s+", " ", str(error)))
    start_response(f"{error.status} {HTTPStatus(error.status).phrase}", [("Content-Type", "text/xml")])
    return [
        f"<Response><Errors><Error><Code>{error.code}</Code><Message>{text}</Message></Error></Errors>"
        f"<Code>{error.code}</Code><Message>{text}</Message></Response>".encode()
    ]
