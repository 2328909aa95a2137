"""A fake etcdctl with the membership rules of etcd. Its cluster is a JSON file ($FAKE_ETCD).

Tests run this file as a program. The key `members` of the JSON file maps the peer URL of each member to:

    id, name, version   as in etcd; a new cluster has all names from the beginning
    learner             the member has no vote
    ready               the learner has all data
    served              the cluster has agreed on the client addresses of the member
    up                  the member runs

The key `refusing` lists the peer URLs of hosts that run without etcd. They refuse connections, while other
hosts without etcd do not answer at all. As in etcd, a quorum requires a majority of voters that are up.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

Members = dict[str, dict[str, Any]]

_NO_ANSWER = "context deadline exceeded"
_CONNECTION_REFUSED = (
    "rpc error: code = DeadlineExceeded desc = latest balancer error: last connection error: "
    'connection error: desc = "transport: Error while dialing: dial tcp: connect: connection refused"'
)


def main(arguments: list[str]) -> None:
    """Run one command and exit like etcdctl, with an exit code and a message on standard error."""
    file = Path(os.environ["FAKE_ETCD"])
    state = json.loads(file.read_text())
    members: Members = state["members"]
    flags = [word for word in arguments if word.startswith("--")]
    words = [word for word in arguments if not word.startswith("--")]
    options = dict(flag.lstrip("-").partition("=")[::2] for flag in flags)
    state["log"].append(" ".join(words))
    urls = [_peer_url_of_endpoint(endpoint) for endpoint in options["endpoints"].split(",")]
    answering_member = next((url for url in urls if url in members and members[url]["up"]), None)
    serializable = options.get("consistency") == "s"
    try:
        if answering_member is None:
            raise RuntimeError(_CONNECTION_REFUSED if set(urls) <= set(state["refusing"]) else _NO_ANSWER)
        if not serializable and (not _has_quorum(members) or members[answering_member]["learner"]):
            raise RuntimeError("rpc not supported for learner or no leader")
        _run_command(words, options, answering_member, state)
    except RuntimeError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        file.write_text(json.dumps(state))


def _peer_url_of_endpoint(endpoint: str) -> str:
    host = endpoint.removeprefix("https://").split(":")[0]
    host = os.environ["NODE_IP"] if host == "127.0.0.1" else host
    return f"https://{host}:2380"


def _has_quorum(members: Members) -> bool:
    voters = [member for member in members.values() if not member["learner"]]
    return len([member for member in voters if member["up"]]) > len(voters) // 2


def _run_command(
    words: list[str], options: dict[str, str], answering_member: str, state: dict[str, Any]
) -> None:
    members: Members = state["members"]
    if state["refusals"] and state["refusals"][0][0] == " ".join(words[:2]):
        raise RuntimeError(state["refusals"].pop(0)[1])
    match words:
        case ["member", "list"]:
            for url, member in members.items():
                name, client = member["name"], url.replace("2380", "2379") if member["served"] else ""
                started = "started" if member["name"] else "unstarted"
                print(f"{member['id']}, {started}, {name}, {url}, {client}, {str(member['learner']).lower()}")
        case ["member", "add", name]:
            if any(member["learner"] for member in members.values()):
                raise RuntimeError("etcdserver: too many learner members in cluster")
            assert name
            assert "learner" in options
            new = {"id": f"{len(state['log']):x}", "name": "", "learner": True, "up": False, "ready": True}
            if not state.pop("loses_added_member", False):
                members[options["peer-urls"]] = new | {"version": "3.7.3", "served": False}
        case ["member", "remove", member_id]:
            members.pop(_url_of_member_id(member_id, members))
        case ["member", "promote", member_id]:
            member = members[_url_of_member_id(member_id, members)]
            if not member["ready"]:
                member["ready"] = True  # in sync at the next call
                raise RuntimeError(
                    "etcdserver: can only promote a learner member which is in sync with leader"
                )
            member["learner"] = False
            if state.pop("promote_times_out", False):
                raise RuntimeError("context deadline exceeded")
        case ["endpoint", "health"] | ["move-leader", _]:
            pass
        case ["endpoint", "status"]:
            member = members[answering_member]
            print(f"{answering_member}, {member['id']}, {member['version']}, 3.6.0, 25 kB, true, false")
        case _:
            raise AssertionError(words)


def _url_of_member_id(member_id: str, members: Members) -> str:
    urls = [url for url, member in members.items() if member["id"] == member_id]
    if not urls:
        raise RuntimeError("etcdserver: member not found")
    return urls[0]


if __name__ == "__main__":
    main(sys.argv[1:])
