"""A notice as JSON over HTTP, signed so that who gets it knows that it is ours, and when."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from gitops_cli.notify.failing import NotSent
from gitops_cli.web.address import Address, parse_address
from gitops_cli.web.connection import Site
from gitops_cli.web.exchange import Broken, HttpRequest
from gitops_cli.web.pool import Pool
from gitops_cli.web.proxy import proxy_to
from gitops_cli.web.tls import Trust, make_context

SIGNATURE = "Gitops-Signature"
SECONDS = 10.0
_MOST = 64 * 1024  # bytes of an answer, of which nothing is read


def post(url: str, secret: str | None, document: Mapping[str, Any]) -> None:
    """Send a document; raises NotSent. Redirects are not followed."""
    try:
        address = parse_address(url)
    except ValueError as error:
        raise NotSent(str(error)) from None
    if not address.is_private:
        raise NotSent(f"{address.netloc}: plain HTTP goes to this machine only; use https")
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = [("Gitops-Event", str(document["event"]))]
    if secret is not None:
        headers.append((SIGNATURE, signature(secret, body, int(time.time()))))
    status = _status(address, body, headers)
    if not 200 <= status < 300:
        raise NotSent(f"{address.netloc} answered {status}")


def signature(secret: str, body: bytes, at: int) -> str:
    """Return `t=TIME,v1=HMAC` of `TIME.BODY` (SHA-256, hexadecimal): an old one can be told."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


def _status(address: Address, body: bytes, headers: list[tuple[str, str]]) -> int:
    """Return what the server answered; asked again where the first try cannot have arrived."""
    tls = make_context(Trust()) if address.scheme == "https" else None
    site = Site(address._replace(path=""), tls, proxy=proxy_to(address))
    request = HttpRequest("POST", address.path or "/", body)
    end = time.monotonic() + SECONDS
    with closing(Pool(site, lambda: headers, most=_MOST)) as pool:
        try:
            return pool.send(request, timeout=SECONDS).status
        except Broken as broken:
            if broken.sent or not broken.again:
                raise NotSent(f"{address.netloc}: {broken}") from broken
        try:
            return pool.send(request, timeout=max(0.1, end - time.monotonic())).status
        except Broken as broken:
            raise NotSent(f"{address.netloc}: {broken}") from broken
