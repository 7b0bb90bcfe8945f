"""`gitops agent key`: a deploy key, and the host keys it may be shown to."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.agent import keys
from gitops_cli.agent.cli.adapters import tip_reader
from gitops_cli.agent.cli.options import (
    DEFAULT_NAMESPACE,
    AgentRepo,
    HostKeys,
    KnownHosts,
    Named,
    Namespace,
    agent_url,
)
from gitops_cli.agent.installing import find_installed
from gitops_cli.agent.model.outcome import KeyResult
from gitops_cli.agent.model.spec import IDENTITY, AgentMode
from gitops_cli.agent.rotating import (
    Secret,
    pinned,
    read_secret,
    rotate,
    with_hosts,
    write_secret,
)
from gitops_cli.agent.view import key_view
from gitops_cli.cli.clusters import clusters_of, environments_named
from gitops_cli.cli.command import command
from gitops_cli.cli.options import Context, EnvToo, Kubeconfig, Limit, Project
from gitops_cli.cli.prompts import confirm
from gitops_cli.cli.resolve import one_word
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import (
    Blocked,
    ConfigurationError,
    Denied,
    RemoteUnreachable,
    UsageError,
)
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.ssh import HostKey, parse_host_keys, ssh_server
from gitops_cli.operations.ports import Objects


@command
def key(
    session: Session,
    environments: Named = None,
    env: EnvToo = None,
    project: Project = None,
    mode: Annotated[
        AgentMode | None,
        typer.Option(
            "--mode",
            metavar="MODE",
            help="Whose key: cronjob's, the environment's own, or controller's. Default: that of "
            "the agent that is installed.",
            show_default=False,
        ),
    ] = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    agent_repo: AgentRepo = None,
    known_hosts: KnownHosts = None,
    host_keys: HostKeys = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the private key there, not to a cluster."
        ),
    ] = None,
    replace_key: Annotated[
        bool,
        typer.Option("--rotate", help="Add a second key; once it works, drop the first."),
    ] = False,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Make the agent's deploy key and print its public half, to be registered read-only.

    The private half goes into the cluster's Secret, or into a file with --out. The git server's
    host keys are fetched, and pinned once you have confirmed their fingerprints.

    Examples:
    gitops agent key prod
    gitops agent key prod --rotate  # twice: before and after registering it
    gitops agent key prod --out ./agent-key
    """
    if out is not None and replace_key:
        raise UsageError(
            "--rotate replaces the key in a cluster, --out writes a new one into a file",
            hint="write one with --out; `gitops agent install --key FILE` takes it",
        )
    session.limits.begin(timeout)
    url = agent_url(session, agent_repo)
    snapshot = session.look().snapshot
    team = snapshot.team
    word = one_word(environments, env)
    [name] = environments_named(session, [word], snapshot, project=project)
    home = namespace if mode is AgentMode.CONTROLLER else name
    if out is not None:
        pair = keys.generate(f"gitops-agent@{home}")
        _write_private(out, pair.private)
        _show(session, KeyResult(home, pair.public, "written"))
        return
    cluster = clusters_of(session, context, kubeconfig, warm=False, acts=True).of(name, team)
    objects = cluster.objects()
    if mode is None:
        mode, home = _installed(objects, name)
    if replace_key:
        now = None
        if mode is AgentMode.CONTROLLER:
            now = cluster.about().time or session.now()
        result = rotate(
            objects,
            home,
            works=lambda files: try_repository(session, url, files),
            now=now,
        )
        _show(session, result)
        return
    there = read_secret(objects, home)
    if there is not None and IDENTITY in there:
        public = keys.public_key(there[IDENTITY])
        hosts = before = list(pinned(there))
        if known_hosts is not None or host_keys or _shows_others(session, url, before):
            hosts = confirmed_hosts(session, url, known_hosts, host_keys or ())
        same = set(hosts) == set(before)
        if not same:
            write_secret(objects, home, with_hosts(there, hosts))
        session.output.note(f"{home} has a key already; --rotate replaces it without a gap")
        _show(session, KeyResult(home, public, "kept" if same else "pinned", tuple(hosts)))
        return
    if objects.get("Namespace", None, home) is None:
        raise ConfigurationError(
            f"the cluster has no namespace {home}", hint=f"kubectl create namespace {home}"
        )
    hosts = confirmed_hosts(session, url, known_hosts, host_keys or ())
    pair = keys.generate(f"gitops-agent@{home}")
    write_secret(objects, home, keys.secret_files(pair.private, hosts))
    _show(session, KeyResult(home, pair.public, "created", tuple(hosts)))


def _installed(objects: Objects, environment: EnvironmentName) -> tuple[AgentMode, str]:
    """Return the mode and home of the agent that serves an environment, or of one to come."""
    try:
        installed = find_installed(objects, environment)
    except Denied:  # who makes keys need not be who may read Roles
        installed = None
    if installed is not None and installed.is_controller:
        return AgentMode.CONTROLLER, installed.namespace
    return AgentMode.CRONJOB, environment


_ADVICE = {
    "created": "register it as a read-only deploy key of the repository",
    "written": "register it as a read-only deploy key of the repository",
    "added": "register it beside the old one, read-only; then run the same command again",
    "replaced": "the old one is gone from the cluster: remove it from the git server too",
}


def _show(session: Session, result: KeyResult) -> None:
    session.report(key_view(result))
    if result.step in _ADVICE:
        session.output.say(_ADVICE[result.step])
    if result.retired is not None:
        session.output.say(f"no longer needed: {result.retired}")


def _write_private(file: Path, private: bytes) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{file} exists; nothing was written") from error
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from error
    with os.fdopen(handle, "wb") as stream:
        stream.write(private)


def _denied_hint(error: Denied, files: Secret) -> str | None:
    """Return what to do where ssh did not get in: the user's own credentials have no part in it."""
    if re.search(r"(?i)host identification|host key verification", error.message):
        return "`gitops agent key ENV` shows the server's host keys, and pins them if you agree"
    if IDENTITY not in files:
        return "`gitops agent key ENV` makes a deploy key"
    public = keys.public_key(files[IDENTITY])
    return f"register the agent's key as a read-only deploy key of the repository: {public}"


def _shows_others(session: Session, url: str, before: Sequence[HostKey]) -> bool:
    """Tell whether the git server shows none of the host keys that are pinned for it."""
    server = ssh_server(url)
    if server is None:
        return False
    try:
        shown = {host.fingerprint for host in keys.scan(server, session.limits.left)}
    except RemoteUnreachable as error:
        session.output.note(f"host keys were not compared: {error.message}")
        return False
    # A hashed name cannot be read: it may be this server's.
    mine = (h for h in before if h.name.startswith("|") or server.pattern in h.name.split(","))
    if any(host.fingerprint in shown for host in mine):
        return False
    session.output.warn(f"{server.pattern} shows other host keys than those that are pinned")
    return True


def confirmed_hosts(
    session: Session, url: str, known_hosts: Path | None, fingerprints: Sequence[str]
) -> list[HostKey]:
    """Return the host keys to pin: from a file, by fingerprint, or as a person confirms them."""
    server = ssh_server(url)
    if server is None:
        raise UsageError(f"{url} is no ssh URL, so it needs no key")
    if known_hosts is not None:
        return _from_file(known_hosts, server.pattern)
    found = keys.scan(server, session.limits.left)
    for host in found:
        session.output.say(f"{host.name} {host.algorithm} {host.fingerprint}")
    if not fingerprints:
        confirm(
            f"Are these the host keys that {server.host} publishes?",
            flag="--known-hosts FILE or --host-key SHA256:…",
        )
        return found
    chosen = [host for host in found if host.fingerprint in fingerprints]
    if not chosen:
        raise Blocked(
            f"{server.pattern} shows none of the expected host keys",
            hint="somebody may be in between; compare with what the server's owner publishes",
        )
    return chosen


def _from_file(file: Path, pattern: str) -> list[HostKey]:
    try:
        found = parse_host_keys(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: {error}") from error
    # A hashed name cannot be read; ssh itself will compare it.
    mine = [key for key in found if key.name.startswith("|") or pattern in key.name.split(",")]
    if not mine:
        raise ConfigurationError(
            f"{file} has no key of {pattern}", hint=f"names there: {_names(found)}"
        )
    return mine


def _names(found: Sequence[HostKey]) -> str:
    return ", ".join(sorted({key.name for key in found})) or "none"


def try_repository(
    session: Session, url: str, files: Secret | None, branch: str | None = None
) -> None:
    """Read the repository as the agent will, with a Secret's key; warn of one that may push.

    Raises Denied, RemoteUnreachable, GitError.
    """
    with keys.unpacked(files or {}) as directory:
        tips = tip_reader(session, url, branch=branch, keys=directory, home=directory)
        try:
            tip = tips.bring(tips.look())
        except Denied as error:
            if ssh_server(url) is not None:
                raise Denied(error.message, hint=_denied_hint(error, files or {})) from error
            raise Denied(
                error.message,
                hint="the agent knows nobody's password; "
                "pass --agent-repo with an ssh URL, for which it has a deploy key",
            ) from error
        if files and tips.may_push(tip):
            session.output.warn("this key may push: make it read-only at the git server")
