"""Which servers NO_PROXY excepts, by Go's rules, as gh, docker and kubectl have them.

Other programs know fewer: a network (`10.0.0.0/8`) and `*.example.com` are written for these.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_excepted(host: str, port: int, variables: Mapping[str, str]) -> bool:
    """Tell whether a server is reached without the proxy of the environment."""
    value = variables.get("NO_PROXY") or variables.get("no_proxy") or ""
    rules = [rule for part in value.split(",") if (rule := part.strip().lower())]
    named = host.lower()
    address = _address(named)
    return any(_bypasses(rule, named, address, port) for rule in rules)


def is_this_machine(host: str) -> bool:
    """Tell whether a host is this machine, which no proxy is asked for."""
    address = _address(host.lower())
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def _bypasses(rule: str, host: str, address: _Address | None, port: int) -> bool:
    if rule == "*":
        return True
    if "/" in rule:
        try:
            return address is not None and address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    name, only = _name_and_port(rule)
    if only is not None and only != str(port):
        return False
    if (fixed := _address(name)) is not None:
        return fixed == address
    if not name:
        return False
    suffix = name[1:] if name.startswith("*.") else name
    return host.endswith(suffix if suffix.startswith(".") else f".{suffix}") or host == suffix


def _name_and_port(rule: str) -> tuple[str, str | None]:
    if _address(rule) is not None:
        return rule, None  # of IPv6, too
    name, colon, port = rule.rpartition(":")
    return (name.removeprefix("[").removesuffix("]"), port) if colon else (rule, None)


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
