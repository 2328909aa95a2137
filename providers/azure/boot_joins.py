"""Finds the bootstrap tokens of new machines in pools, on control planes on Azure.

This is a part of the boot program: `boot-machines.sh` runs it on hosts, so it needs only the standard library
and openssl. A join is a blob that a machine has added to the store: its token, and a document in which Azure
signs the id of the machine and a nonce of the token (docs/decisions/0030-tokens-of-machines-in-pools.md).
"""

from __future__ import annotations

import base64
import calendar
import functools
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener
from xml.etree import ElementTree

NEW_SECONDS = 7200
SKEW_SECONDS = 300
MAX_BYTES = 65536
PAGE_BYTES = 8 * 1024 * 1024
MAX_PAGES = 20
MAX_QUESTIONS = 30
BLOB_VERSION = "2021-12-02"
COMPUTE_VERSION = "2024-07-01"
NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{16}")
TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
INSTANCE = r"/providers/Microsoft\.Compute/virtualMachineScaleSets/[\w-]{1,64}/virtualMachines/\d{1,10}"
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\n")
ENV = os.environ
JOINS = Path(ENV.get("RUN", "/run/kubewright-boot")) / "joins"


class Refused(Exception):
    """A join that does not prove which machine has made its token."""


# --- Azure's services ------------------------------------------------------------------------


def fetch(
    url: str, headers: dict[str, str], limit: int = MAX_BYTES, proxies: dict[str, str] | None = None
) -> bytes:
    """Return the body of a response. Raise OSError, and Refused for more than `limit` bytes."""
    context = ssl.create_default_context()
    if ENV.get("CA_FILE"):
        context.load_verify_locations(ENV["CA_FILE"])
    opener = build_opener(HTTPSHandler(context=context), ProxyHandler(proxies))
    with opener.open(Request(url, headers=headers), timeout=30) as response:
        body = bytes(response.read(limit + 1))
    if len(body) > limit:
        raise Refused("it is too long")
    return body


@functools.cache
def authorization(resource: str) -> dict[str, str]:
    """Return the header with a token of the machine's identity. `resource` is encoded for a URL."""
    path = f"/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}"
    url = f"{ENV['METADATA']}{path}&msi_res_id={ENV['IDENTITY']}"
    answer = json.loads(fetch(url, {"Metadata": "true"}, proxies={}))
    return {"Authorization": "Bearer " + answer["access_token"]}


def list_joins(headers: dict[str, str], now: float) -> list[tuple[str, float]]:
    """Return the names of recent joins with the times that the store has recorded, the newest first."""
    found, marker = [], ""
    for _ in range(MAX_PAGES):
        query = f"restype=container&comp=list&maxresults=1000&marker={quote(marker, safe='')}"
        page = ElementTree.fromstring(fetch(f"{ENV['STORE']}/{ENV['JOINS']}?{query}", headers, PAGE_BYTES))
        for blob in page.iter("Blob"):
            name, changed = blob.findtext("Name") or "", blob.findtext("Properties/Last-Modified") or ""
            written = parsedate_to_datetime(changed).timestamp()
            if NAME.fullmatch(name) and written > now - NEW_SECONDS:
                found.append((name, written))
        marker = page.findtext("NextMarker") or ""
        if not marker:
            break
    return sorted(found, key=lambda item: item[1], reverse=True)


# --- the document ----------------------------------------------------------------------------


def openssl(*arguments: str | Path) -> str:
    """Return the output of openssl. Raise Refused with its last error."""
    command = ["openssl", *map(str, arguments)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode:
        errors = result.stderr.strip().splitlines() or ["no reason"]
        raise Refused(f"openssl {arguments[0]}: {errors[-1]}")
    return result.stdout


def signed_content(document: bytes, issuers: str, domain: str) -> bytes:
    """Return the content of a document that Azure has signed. Raise Refused for another signer.

    `issuers` are certificates that the machine has chosen: they only complete the chain from the signer to an
    authority that this host trusts.
    """
    with tempfile.TemporaryDirectory(dir=JOINS) as directory:
        file, content, signer, chain = (
            Path(directory, name) for name in ("der", "content", "signer", "chain")
        )
        file.write_bytes(document)
        # The certificates are verified below.
        options = ("-noverify", "-binary", "-signer", signer, "-out", content)
        openssl("cms", "-verify", "-inform", "DER", "-in", file, *options)
        if len(CERTIFICATE.findall(signer.read_text())) != 1:
            raise Refused("the document has several signers")
        embedded = openssl("pkcs7", "-inform", "DER", "-print_certs", "-in", file)
        chain.write_text("".join(CERTIFICATE.findall(embedded + issuers)))
        names = openssl("x509", "-in", signer, "-noout", "-ext", "subjectAltName")
        check_signer(signer, chain, azure_name(names, domain))
        return content.read_bytes()


def azure_name(text: str, domain: str) -> str:
    """Return a name of the signer in the domain of Azure's metadata services."""
    for name in re.findall(r"DNS:([A-Za-z0-9.*-]+)", text):
        if f".{name}".lower().endswith(f".{domain}"):
            return "any" + name[1:] if name.startswith("*.") else str(name)
    raise Refused(f"the signer has no name in {domain}")


def check_signer(signer: Path, chain: Path, name: str) -> None:
    """Raise Refused unless an authority that this host trusts has certified the signer for a name."""
    options: list[str | Path] = ["-purpose", "any", "-verify_hostname", name, "-untrusted", chain]
    private = ENV.get("CA_FILE")
    if private:
        try:
            openssl("verify", *options, "-CAfile", private, signer)
            return
        except Refused:
            pass
    openssl("verify", *options, signer)


def check_content(content: bytes, machine: str, token: str, written: float) -> None:
    """Raise Refused unless the content is of this machine and token, and was valid when it was written."""
    fields = json.loads(content)
    if str(fields["vmId"]).lower() != machine:
        raise Refused("the document is that of another machine")
    if fields["nonce"] != hashlib.sha256(token.encode()).hexdigest()[:32]:
        raise Refused("the document is that of another token")
    if str(fields["subscriptionId"]).lower() != ENV["GROUP"].split("/")[2].lower():
        raise Refused("the document is that of another subscription")
    times = fields["timeStamp"]
    created, expires = (
        datetime.strptime(times[key], "%m/%d/%y %H:%M:%S %z").timestamp()
        for key in ("createdOn", "expiresOn")
    )
    if not created - SKEW_SECONDS <= written <= expires + SKEW_SECONDS:
        raise Refused("the document was not valid when it was written")


def read_join(name: str, data: bytes, written: float) -> dict[str, object]:
    """Return the token of a join and the path of its machine. Raise Refused."""
    try:
        join = json.loads(data)
        token, path = str(join["token"]), str(join["machine"])
        document = base64.b64decode(join["document"], validate=True)
        if not TOKEN.fullmatch(token):
            raise Refused("it has no bootstrap token")
        content = signed_content(document, str(join["issuers"]), ENV["DOMAIN"])
        check_content(content, name.partition("/")[0], token, written)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Refused(f"it cannot be read: {error!r}") from None
    return {"token": token, "machine": path}


# --- the machine -----------------------------------------------------------------------------


def machine_name(path: str, machine: str, headers: dict[str, str], now: float) -> str:
    """Return the name of a new machine in a scale set of this cluster, as Azure says. Raise Refused."""
    if not re.fullmatch(re.escape(ENV["GROUP"]) + INSTANCE, path, re.IGNORECASE | re.ASCII):
        raise Refused("it names no machine of a scale set of this cluster")
    url = f"{ENV['MANAGEMENT']}{path}?api-version={COMPUTE_VERSION}&%24expand=instanceView"
    try:
        body = fetch(url, headers)
    except HTTPError as error:
        if error.code == 404:
            raise Refused("Azure has no such machine") from None
        raise
    properties = json.loads(body)["properties"]
    if str(properties.get("vmId")).lower() != machine:
        raise Refused("Azure says that this machine has another id")
    state = properties.get("provisioningState")
    statuses = (properties.get("instanceView") or {}).get("statuses") or []
    power = {item["code"] for item in statuses if item["code"].startswith("PowerState/")}
    if state == "Deleting" or power - {"PowerState/running", "PowerState/starting"}:
        raise Refused("Azure says that this machine does not run")
    times = [properties.get("timeCreated"), *(item.get("time") for item in statuses)]
    newest = max((parse_time(text) for text in times if text), default=0.0)
    if state not in ("Creating", "Updating") and newest < now - NEW_SECONDS:
        raise Refused("Azure says that this machine is not new")
    return str(properties["osProfile"]["computerName"]).lower()


def parse_time(text: str) -> float:
    """Return the time of a text such as 2026-01-02T03:04:05.1234567+00:00, which is in UTC."""
    return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))


# --- joins -----------------------------------------------------------------------------------


def known_file(name: str) -> Path:
    """Return the file with what is known of a join."""
    return JOINS / f"{name.replace('/', '+')}.json"


def read_known(name: str) -> dict[str, object]:
    """Return what is known of a join; empty for an unknown join.

    `token` and `machine` if its document is valid, `name` if Azure has said that the machine is new, `asked`:
    the time of the question.
    """
    file = known_file(name)
    return dict(json.loads(file.read_text())) if file.exists() else {}


def update(name: str, written: float, headers: dict[str, str], now: float) -> None:
    """Read an unknown join, or ask Azure about its machine."""
    known = read_known(name)
    try:
        if not known:
            known = read_join(name, fetch(f"{ENV['STORE']}/{ENV['JOINS']}/{name}", headers), written)
        known.update(name="", asked=now)
        management = authorization(ENV["MANAGEMENT_RESOURCE"])
        known["name"] = machine_name(str(known["machine"]), name.partition("/")[0], management, now)
    except Refused as error:
        # Log each reason once.
        if known.get("refused") != str(error):
            print(f"{name}: no bootstrap token is registered: {error}", file=sys.stderr)
        known["refused"] = str(error)
    known_file(name).write_text(json.dumps(known))


def is_due(known: dict[str, object], written: float, now: float) -> bool:
    """Check whether to read a join, or to ask Azure again: after a minute, and less often for an old join.

    A join without a valid document is read once.
    """
    if not known:
        return True
    return "token" in known and now - float(str(known["asked"])) > max(60, (now - written) / 4)


def new_machines() -> None:
    """Print the names of new machines, and write the newest token of each into a file."""
    now = time.time()
    JOINS.mkdir(mode=0o700, exist_ok=True)
    headers = {"x-ms-version": BLOB_VERSION, **authorization(ENV["STORAGE"])}
    joins = list_joins(headers, now)
    due = [(name, written) for name, written in joins if is_due(read_known(name), written, now)]
    # A limit for each round. Unknown joins are read first.
    for name, written in sorted(due, key=lambda item: bool(read_known(item[0])))[:MAX_QUESTIONS]:
        try:
            update(name, written, headers, now)
        except (OSError, ValueError, LookupError) as error:
            print(f"{name}: Azure cannot be asked about it: {error!r}", file=sys.stderr)
    kept = {known_file(name).name for name, _ in joins}
    for name, _ in joins:
        known = read_known(name)
        machine = str(known.get("name", ""))
        file = JOINS / f"{machine}.token"
        if re.fullmatch("[a-z0-9][a-z0-9.-]*", machine) and file.name not in kept:
            kept.add(file.name)
            file.write_text(f"{known['token']}\n")
            print(machine)
    for file in JOINS.iterdir():
        if file.name not in kept and file.is_file():
            file.unlink()


if __name__ == "__main__":
    os.umask(0o077)
    try:
        new_machines()
    except (OSError, ValueError, LookupError, ElementTree.ParseError, Refused) as failure:
        sys.exit(f"Azure cannot be asked for new machines: {failure!r}")
