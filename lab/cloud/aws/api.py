"""The emulated AWS API: the library moto behind checks of signatures and roles.

Volumes that a machine attaches appear as block devices on its host.
"""

from __future__ import annotations

import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.iam.access_control import PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket, FakeKey

from lab import volumes
from lab.cloud.aws import calls, web_identity
from lab.cloud.aws.decision_log import Decision, DecisionLog
from lab.cloud.aws.file_systems import add_file_system_operations
from lab.cloud.aws.instance_filters import add_launch_times
from lab.cloud.aws.lifecycle_policies import LifecyclePolicies
from lab.cloud.aws.policy import is_allowed
from lab.cloud.aws.public_objects import check_bucket_policy, read_public_object
from lab.cloud.aws.registry import ImageRegistry, lab_registry
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

MAX_BODY_BYTES = 256 * 1024**2
_TARGET_ACTIONS = ("RegisterTargets", "DeregisterTargets", "DeleteTargetGroup")
"""Actions of Elastic Load Balancing that change the targets of the lab's load balancer."""


def _permit_all(*_: object) -> PermissionResult:
    """Replace moto's evaluation of bucket policies, which ignores conditions."""
    return PermissionResult.NEUTRAL


def _copy_without_content(key: FakeKey, _: object) -> FakeKey:
    """Return a copy of an object that shares its content.

    moto copies all objects of a bucket whenever it lists versions. Each copy of a large content would be a
    file on the disk.
    """
    copied = object.__new__(type(key))
    copied.__dict__.update(key.__dict__)
    # The end of a copy must not close the content of the object.
    copied.__dict__["dispose"] = lambda *_, **__: None
    return copied


add_launch_times()
add_file_system_operations()
FakeBucket.get_permission = _permit_all  # type: ignore[method-assign, assignment]
FakeKey.__deepcopy__ = _copy_without_content  # type: ignore[attr-defined]


class Api:
    """WSGI application of the AWS API. The deployer has all permissions, a machine or pod those of its role.

    Requests without a signature read public objects, or exchange a token of a pod for credentials.
    """

    def __init__(self, lab: str, states: MachineStates, sessions: Sessions) -> None:
        self._lab = lab
        self._states = states
        self._sessions = sessions
        self._scaling = Scaling(states, ScalingGroups.of(lab))
        self._policies = LifecyclePolicies()
        self._registry = ImageRegistry(lab_registry(lab), self._check_pull)
        self._decisions = DecisionLog.of(lab)
        self._moto = DomainDispatcherApplication(create_backend_app)
        # moto changes its dictionaries without locks: a thread that iterates over them at that time fails.
        # The targets of the load balancer follow from them.
        self._moto_lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one API request and return the response body."""
        body = _read_body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            if f"{_request_path(environ)}/".startswith("/v2/"):
                return self._serve_image(environ, start_response)
            if "HTTP_AUTHORIZATION" not in environ:
                return self._respond_to_anyone(environ, body, start_response)
            return self._respond_to_caller(environ, body, start_response)
        except RequestRefused as error:
            _log_refusal(environ, error)
            if _json_action(environ):
                refusal = {"__type": error.code, "message": str(error)}
                return _json_response(HTTPStatus(error.status), refusal, start_response)
            return _refusal_response(error, body, start_response)
        except LabError as error:
            print(f"{environ['REMOTE_ADDR']}: {error}", file=sys.stderr, flush=True)
            return _refusal_response(RequestRefused("InternalError", str(error), 500), body, start_response)

    def _respond_to_caller(
        self, environ: Environ, body: bytes, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Respond to a signed request. Raise RequestRefused for a wrong signature or a missing permission."""
        method, path, query = environ["REQUEST_METHOD"], _request_path(environ), _request_query(environ)
        request = SignedRequest(
            method, _request_url(environ), _request_headers(environ), body, self._sessions
        )
        # The body of a request to S3 is a file.
        form = {} if request.service == "s3" else _first_values(body.decode("latin-1"))
        parameters = {"Action": _json_action(environ)} if _json_action(environ) else form
        call = calls.parse_call(request.service, request.region, method, path, query, parameters)
        machine, role = request.session.machine, request.session.role
        if machine is not None:
            self._check_permissions(machine, call, request.region, environ["REMOTE_ADDR"])
        elif role:
            self._check_role(role, calls.permissions_of_role(call, request.region))
        if request.service == "s3" and method == "PUT" and "policy" in query:
            check_bucket_policy(path.strip("/"), body.decode())
        if request.service == "ecr":
            tokens = self._registry.respond(call.action.partition(":")[2], machine)
            return _json_response(HTTPStatus.OK, tokens, start_response)
        if request.service == "dlm":
            return _json_response(*self._policies.respond(method, path, body), start_response)
        return self._perform_call(call, environ, start_response)

    def _serve_image(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Return the answer of the image registry to a request of its API."""
        method, path, address = environ["REQUEST_METHOD"], _request_path(environ), environ["REMOTE_ADDR"]
        try:
            answer = self._registry.serve(
                method, path, _request_query(environ), _request_headers(environ), address
            )
        except RequestRefused as error:
            _log_refusal(environ, error)
            content = {"errors": [{"code": "DENIED", "message": str(error)}]}
            return _json_response(HTTPStatus(error.status), content, start_response)
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", list(answer.headers.items()))
        return [answer.body]

    def _check_permissions(
        self, machine: RunningMachine, call: calls.Call, region: str, address: str
    ) -> None:
        """Raise RequestRefused if the role does not allow the call, or if the keys are used from another
        address.
        """
        if self._states.by_id(machine.id) is None:
            raise RequestRefused("UnauthorizedOperation", "the machine of this key has ended")
        if address != machine.address:
            raise RequestRefused("AccessDenied", "this key is another machine's")
        with self._moto_lock:
            permissions = calls.needed_permissions(call, machine, region)
        self._check_role(machine.identity, permissions)

    def _check_pull(self, machine: RunningMachine, call: calls.Call, address: str) -> None:
        """Raise RequestRefused if the role does not allow a request for an image."""
        self._check_permissions(machine, call, machine.region, address)

    def _check_role(self, role: str, permissions: Iterable[calls.NeededPermission]) -> None:
        """Raise RequestRefused for a permission that the policies or the boundary of a role do not allow."""
        with self._moto_lock:
            policies, boundary = calls.role_policies(role), calls.role_boundary(role)
        for needed in permissions:
            allowed = is_allowed(policies, needed.action, needed.resource, needed.context)
            if boundary:
                allowed &= is_allowed([boundary], needed.action, needed.resource, needed.context)
            self._decisions.add(Decision(role, needed.action, needed.resource, needed.context, allowed))
            if not allowed:
                raise RequestRefused("AccessDenied", f"{role} may not {needed.action} on {needed.resource}")

    def _respond_to_anyone(
        self, environ: Environ, body: bytes, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Respond to a request without a signature. Raise RequestRefused if it needs one."""
        form = _first_values(body.decode("latin-1"))
        if form.get("Action") == web_identity.ACTION:
            with self._moto_lock:
                response = web_identity.assume_role(form, self._sessions)
            start_response("200 OK", [("Content-Type", "text/xml")])
            return [response.encode()]
        bucket, _, key = _request_path(environ).removeprefix("/").partition("/")
        if environ["REQUEST_METHOD"] != "GET" or not key or environ.get("QUERY_STRING"):
            raise RequestRefused("MissingAuthenticationToken", "the request has no signature of version 4")
        with self._moto_lock:
            content = read_public_object(bucket, key)
        start_response("200 OK", [("Content-Type", "binary/octet-stream")])
        return [content]

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
            with self._moto_lock:
                calls.check_attachment(form["VolumeId"], form["InstanceId"], form.get("Device", ""))
            self._attach_volume(form["VolumeId"], form["InstanceId"])
        with self._moto_lock:
            moto_response = list(self._moto(environ, start_response))
            if call.action == "ec2:TerminateInstances":
                calls.detach_volumes([value for key, value in form.items() if key.startswith("InstanceId.")])
            if action in _TARGET_ACTIONS:
                set_targets(self._lab, calls.registered_targets())
        if call.action == "ec2:DetachVolume":
            volumes.detach(self._lab, form["VolumeId"])
        return moto_response

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


def _request_query(environ: Environ) -> dict[str, str]:
    return _first_values(environ.get("QUERY_STRING", ""))


def _first_values(text: str) -> dict[str, str]:
    """Return the parameters in a query or form, each with its first value."""
    return {key: values[0] for key, values in parse_qs(text, True).items()}


def _json_action(environ: Environ) -> str:
    """Return the action of a request in the JSON protocol; empty for other requests."""
    return str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]


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


def _log_refusal(environ: Environ, error: RequestRefused) -> None:
    text = f"{environ['REMOTE_ADDR']}: {_request_path(environ)}: {error.code}: {error}"
    print(text, file=sys.stderr, flush=True)


def _refusal_response(error: RequestRefused, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
    """Return an error as XML. The form of S3, whose requests name no action, differs from the other services.

    Clients such as boto3 find the code of the error only in the form of the service.
    """
    text = escape(re.sub(r"\s+", " ", str(error)))
    start_response(f"{error.status} {HTTPStatus(error.status).phrase}", [("Content-Type", "text/xml")])
    detail = f"<Code>{error.code}</Code><Message>{text}</Message>"
    if b"Action=" not in body:
        return [f"<Error>{detail}</Error>".encode()]
    return [f"<Response><Errors><Error>{detail}</Error></Errors>{detail}</Response>".encode()]
