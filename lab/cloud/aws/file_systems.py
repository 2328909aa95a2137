"""Operations of EFS that the library moto lacks: changes of file systems, and the deletion of their policies.

https://docs.aws.amazon.com/efs/latest/ug/API_UpdateFileSystem.html and API_DeleteFileSystemPolicy.html
"""

from __future__ import annotations

import json
from http import HTTPStatus

from moto.efs.exceptions import FileSystemNotFound
from moto.efs.models import FileSystem
from moto.efs.responses import TYPE_RESPONSE, EFSResponse

_JSON: dict[str, str | int] = {"Content-Type": "application/json"}
_find_policy, _write_policy = EFSResponse.describe_file_system_policy, EFSResponse.put_file_system_policy


def add_file_system_operations() -> None:
    """Let moto change file systems and delete policies, and refuse file systems that do not exist."""
    operations = {
        "delete_file_system_policy": _delete_policy,
        "describe_file_system_policy": _describe_policy,
        "put_file_system_policy": _put_policy,
        "update_file_system": _update,
    }
    for name, operation in operations.items():
        setattr(EFSResponse, name, operation)


def _delete_policy(response: EFSResponse) -> TYPE_RESPONSE:
    _file_system(response).file_system_policy = None
    return "", {**_JSON, "status": HTTPStatus.OK.value}


def _describe_policy(response: EFSResponse) -> TYPE_RESPONSE:
    _file_system(response)
    return _find_policy(response)


def _put_policy(response: EFSResponse) -> TYPE_RESPONSE:
    _file_system(response)
    return _write_policy(response)


def _update(response: EFSResponse) -> TYPE_RESPONSE:
    file_system = _file_system(response)
    file_system.throughput_mode = response._get_param("ThroughputMode") or file_system.throughput_mode
    return json.dumps(file_system.info_json()), {**_JSON, "status": HTTPStatus.ACCEPTED.value}


def _file_system(response: EFSResponse) -> FileSystem:
    """Return the file system of a request. Raise FileSystemNotFound; moto fails with a KeyError."""
    identity = response._get_param("FileSystemId")
    file_system = response.efs_backend.file_systems_by_id.get(identity)
    if file_system is None:
        raise FileSystemNotFound(identity)
    return file_system
