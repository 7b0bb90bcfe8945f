"""Whom a registry's certificate is checked against, as docker and podman have it.

Beside the system's authorities (which SSL_CERT_FILE and SSL_CERT_DIR replace), a registry may have
its own: `ca_file` of the user's config, or `certs.d/HOST:PORT/*.crt` with `*.cert` and `*.key` for
a client certificate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.web.tls import Pem, Trust


def trust_of(rules: RegistryRules, environ: Mapping[str, str]) -> Trust:
    """Return what counts for one registry. Raises ConfigurationError naming the unusable file."""
    directories = list(certificate_directories(rules.host, environ))
    authorities = [] if rules.ca_file is None else [rules.ca_file]
    authorities += [file for place in directories for file in sorted(place.glob("*.crt"))]
    certificates = [file for place in directories for file in sorted(place.glob("*.cert"))]
    return Trust(
        tuple(map(_pem, authorities)),
        pairs=tuple((_pem(file), _pem(file.with_suffix(".key"))) for file in certificates),
    )


def certificate_directories(host: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the directories that docker and podman read for `host`, existing or not."""
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    podmans = home / ".config" / "containers"  # wherever XDG_CONFIG_HOME is
    for base in (Path("/etc/docker"), Path("/etc/containers"), config / "docker", podmans):
        yield base / "certs.d" / host


def _pem(file: Path) -> Pem:
    try:
        return Pem(str(file), file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror or error}") from error
