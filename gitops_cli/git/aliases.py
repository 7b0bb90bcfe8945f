"""The names that a remote's URL goes by: what git's `insteadOf` and ssh's `Host` make of it.

People with two accounts on one forge write `git@github-work:acme/state.git`, where ssh knows what
github-work is. Nobody else does, so such a name is of no use in a link or for an API.
"""

from __future__ import annotations

import subprocess
from functools import cache

from gitops_cli.domain.git_url import rewritten, tolerant
from gitops_cli.git.config import Config

_SECONDS = 5.0


def addresses(url: str, config: Config) -> tuple[str, ...]:
    """Return a remote's URL, and what else it means here, each once; the last means the most."""
    found = [url]
    if config.rewrites_urls:
        rules = (
            (base, prefix)
            for base in config.names("url", "insteadof")
            for prefix in config.all(f"url.{base}.insteadof")
        )
        found.append(rewritten(url, rules))
    found += [_without_alias(each) for each in (*found,)]
    return tuple(dict.fromkeys(found))


def _without_alias(url: str) -> str:
    parts = tolerant(url)
    if parts is None or not parts.is_alias:
        return url
    host = _host_of(parts.host)
    user = "" if parts.user is None else f"{parts.user}@"
    return url if host is None else f"ssh://{user}{host}/{parts.path}"


@cache
def _host_of(alias: str) -> str | None:
    """Return the host that ssh's own configuration has for a name; None: no other."""
    try:
        done = subprocess.run(
            ["ssh", "-G", "--", alias],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = (line.partition(" ") for line in done.stdout.decode(errors="replace").splitlines())
    host = next((value.strip().lower() for key, _, value in said if key == "hostname"), "")
    parsed = tolerant(f"ssh://{host}/x") if host else None
    return host if parsed is not None and host != alias else None
