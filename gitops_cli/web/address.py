"""Addresses of servers: read strictly, so that no two readers see two hosts in one URL."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from gitops_cli.domain.registries import is_loopback

_NETLOC = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])(?::[0-9]{1,5})?")
_PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    """A server: `netloc` is host and port as the URL has them, `path` and query what follows."""

    scheme: str
    netloc: str
    host: str
    port: int
    path: str = ""

    @property
    def is_private(self) -> bool:
        """Tell whether nobody on the way can read what is sent: TLS, or this machine."""
        return self.scheme == "https" or is_loopback(self.netloc)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"


def parse_address(url: str, base: str = "") -> Address:
    """Read a URL of http or https, relative to `base` if given; raises ValueError.

    Credentials in it, and characters that are written in another way in URLs, are refused.
    """
    if not url.isprintable() or " " in url:
        raise ValueError("not a URL")  # urlsplit would leave out some of it
    parts = urlsplit(urljoin(base, url))
    netloc = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    found = _NETLOC.fullmatch(netloc)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if parts.scheme not in _PORTS or found is None or parts.port == 0:
        raise ValueError("not an address of http or https")
    if not path.isascii():
        raise ValueError("not a path of a URL")
    port = parts.port or _PORTS[parts.scheme]
    return Address(parts.scheme, netloc, found["name"] or found["ipv6"], port, path)
