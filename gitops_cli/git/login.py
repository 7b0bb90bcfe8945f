"""What git logs in to a server with, by its credential helpers."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitops_cli.git.process import Git

_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password, or a token in its place; it stays out of its repr."""

    user: str
    password: str = field(repr=False)


def login_for(git: Git, url: str) -> Login | None:
    """Return what `git push` to a URL of http or https logs in with; nobody is asked for it.

    The URL goes by a pipe, as it may hold the password itself. None: no helper knows one.
    """
    if not url.lower().startswith(("https://", "http://")) or not url.isprintable():
        return None
    silent = git.with_environment(GIT_TERMINAL_PROMPT="0", GIT_ASKPASS="", GCM_INTERACTIVE="never")
    done = silent.run_within(_SECONDS, "credential", "fill", stdin=f"url={url}\n\n".encode())
    if done.code != 0:
        return None
    said = dict(line.partition("=")[::2] for line in done.text.splitlines())
    if not said.get("password"):
        return None
    return Login(said.get("username", ""), said["password"])
