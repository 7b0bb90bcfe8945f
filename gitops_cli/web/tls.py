"""TLS: whose certificates are believed, and which one is shown."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path
from typing import NamedTuple

from gitops_cli.domain.errors import ConfigurationError

_MOST = 60_000  # bytes that a pipe takes without a reader


class Pem(NamedTuple):
    """Certificates or a key, and where they stand, for messages."""

    place: str
    data: bytes


class Trust(NamedTuple):
    """What a connection's certificates are checked against; `pairs` are shown when asked for."""

    authorities: tuple[Pem, ...] = ()
    system: bool = True
    """Whether the system's authorities count too."""
    verify: bool = True
    pairs: tuple[tuple[Pem, Pem], ...] = ()


def make_context(trust: Trust) -> ssl.SSLContext:
    """Return the TLS settings, the same for the same trust if no certificate of ours is shown.

    Raises ConfigurationError naming what cannot be used.
    """
    if trust.pairs:
        return _made(trust)
    paths = ssl.get_default_verify_paths()
    return _once(trust, tuple((path, _changed(path)) for path in (paths.cafile, paths.capath)))


# The system's authorities take 30 ms to load: once for a registry, a forge and what is notified.
@functools.lru_cache(maxsize=8)
def _once(trust: Trust, system: tuple[tuple[str | None, int], ...]) -> ssl.SSLContext:
    """Return the settings that were made when the system's files were as they are now."""
    return _made(trust)


def _changed(path: str | None) -> int:
    """Return when it was last changed: an agent that runs for months sees new authorities."""
    try:
        return Path(path).stat().st_mtime_ns if path else 0
    except OSError:
        return 0


def _made(trust: Trust) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not trust.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        if trust.system:
            _believe_system(context)
        for authority in trust.authorities:
            _believe(context, authority)
    for certificate, key in trust.pairs:
        _show(context, certificate, key)
    return context


def _believe_system(context: ssl.SSLContext) -> None:
    defaults = ssl.get_default_verify_paths()
    if defaults.cafile or defaults.capath:
        context.load_default_certs()
        return
    import certifi  # for a Python that brings no authorities

    context.load_verify_locations(certifi.where())


def _believe(context: ssl.SSLContext, authority: Pem) -> None:
    try:
        context.load_verify_locations(cadata=authority.data.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"{authority.place}: no certificates (PEM): {error}") from error


def _show(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    if max(len(certificate.data), len(key.data)) > _MOST:
        raise ConfigurationError(f"{certificate.place}: the certificate or its key is too large")
    readers = [_pipe(pem.data) for pem in (certificate, key)]
    try:
        # OpenSSL reads files only; a pipe is one that never touches a disk.
        files = [f"/dev/fd/{reader}" for reader in readers]
        context.load_cert_chain(files[0], files[1], password=_refuse)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"{certificate.place}: no client certificate with {key.place}: {error}"
        ) from error
    finally:
        for reader in readers:
            os.close(reader)


def _refuse() -> str:
    # Without this OpenSSL would ask on the terminal.
    raise ValueError("the client key is encrypted")


def _pipe(data: bytes) -> int:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(data)
    return reader
