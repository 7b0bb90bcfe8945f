"""`gitops config`: what is in force, and the user's own file."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.cli.command import command
from gitops_cli.cli.options import DryRun
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import (
    ConfigurationError,
    ExitCode,
    GitOpsError,
    RemoteUnreachable,
    UsageError,
)
from gitops_cli.domain.settings import BadSettings, Defect
from gitops_cli.domain.settings_keys import USER_KEYS
from gitops_cli.domain.text import one_line
from gitops_cli.operations.config import (
    Changed,
    Setting,
    changed_config,
    key_of,
    personal_settings,
    team_settings,
)
from gitops_cli.render.config import changed_view, edited_view, one_view, view
from gitops_cli.settings import (
    content_of,
    held,
    parse_user_config,
    user_config_path,
    write_user_config,
)

config = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="""Show what is configured, and change your own config.

    Examples:
    gitops config list
    gitops config set project shop
    gitops config set alias.up "promote --from dev --to staging"
    """,
)


def _complete_key(incomplete: str) -> list[str]:
    names = (".".join(filter(None, (key.table, key.name))) for key in USER_KEYS)
    # HOST and NAME are for a person to say.
    return [n for n in names if n.startswith(incomplete) and not re.search("HOST|NAME", n)]


UserKey = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="A key of `gitops help config.toml`.", autocompletion=_complete_key
    ),
]


@config.command("list")
@command
def list_(
    session: Session,
    show_origin: Annotated[
        bool, typer.Option("--show-origin", help="Also say where each value comes from.")
    ] = False,
) -> None:
    """Show the settings in force: variables, your config, gitops.toml, defaults.

    Examples:
    gitops config list
    gitops config list --show-origin
    """
    session.show(view(_in_force(session), origins=show_origin))


@config.command("get")
@command
def get(
    session: Session,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="As `gitops config list` has it: repo, stage.production.mode.",
            autocompletion=_complete_key,
        ),
    ],
) -> None:
    """Show one setting that is in force. Exit code 1: nothing says it.

    Examples:
    gitops config get repo
    gitops config get stage.production.protected
    """
    found = next((s for s in _in_force(session) if s.key == key), None)
    if found is None:
        session.output.note(f"{one_line(key)} is not set")
        session.finish(ExitCode.NO)
        return
    session.show(one_view(found))


@config.command("set")
@command
def set_(
    session: Session,
    key: UserKey,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What it shall be.")],
    dry_run: DryRun = False,
) -> None:
    """Set a key of your own config; comments and all else in the file stay.

    Examples:
    gitops config set repo git@git.example.com:acme/environments-state.git
    gitops config set output wide
    gitops config set alias.up "promote --from dev --to staging"
    """
    _change(session, key, value, dry_run=dry_run)


@config.command("unset")
@command
def unset(session: Session, key: UserKey, dry_run: DryRun = False) -> None:
    """Take a key out of your own config.

    Examples:
    gitops config unset project
    gitops config unset alias.up
    """
    _change(session, key, None, dry_run=dry_run)


@config.command("edit")
@command
def edit(session: Session) -> None:
    """Open your own config in your editor; what is wrong in it is told before it holds.

    Examples:
    gitops config edit
    VISUAL=nano gitops config edit
    """
    from gitops_cli.cli.prompts import confirm, may_ask

    if not may_ask():
        raise UsageError("an editor needs a terminal", hint="gitops config set KEY VALUE")
    from gitops_cli.cli.editor import edit as open_editor

    path = user_config_path()
    before = content_of(path)
    directory = Path(tempfile.mkdtemp(prefix="gitops-"))
    session.at_end(lambda: shutil.rmtree(directory, ignore_errors=True))
    copy = directory / path.name
    copy.write_bytes(before)
    try:
        while True:
            open_editor(copy)
            after = _edited(copy)
            found = parse_user_config(path, after).defects
            if not found or after == before:
                break
            session.output.error(_as_edited(found, path))
            confirm("Edit it again? Else nothing is changed.")
        if after != before:
            with held(path):
                _write_over(path, before, after)
    except GitOpsError as error:
        if mine := _kept(path, copy, before):
            error.hint = f"what you wrote is in {mine}"
        raise
    session.report(edited_view(path, changed=after != before))


def _as_edited(found: Sequence[Defect], path: Path) -> BadSettings:
    """Return what is wrong in a file that is not written yet, by its lines alone."""
    return BadSettings(*(defect._replace(path=path.name) for defect in found))


def _kept(path: Path, copy: Path, before: bytes) -> Path | None:
    """Keep beside the config what somebody wrote and what became nothing; None: it is nothing."""
    with suppress(OSError):
        after = copy.read_bytes()
        if after not in (before, b""):
            mine = path.with_name(f"{path.name}.edited")
            with held(path):
                write_user_config(mine, after)
            return mine
    return None


def _edited(copy: Path) -> bytes:
    try:
        return copy.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the editor left no file to read: {error.strerror}; nothing was changed"
        ) from error


def _write_over(path: Path, before: bytes, after: bytes) -> None:
    """Write what somebody edited, unless the config is no longer what they edited."""
    if content_of(path) == before:
        write_user_config(path, after)
        return
    raise ConfigurationError(f"{path} was changed meanwhile, so nothing was written to it")


def _check(done: Changed) -> None:
    """Raise UsageError for values of which only the command line knows that they mean nothing."""
    from gitops_cli.cli.aliases import check
    from gitops_cli.cli.app import COMMANDS  # it imports this module
    from gitops_cli.cli.output import Format

    config = parse_user_config(done.path, done.data)
    name = key_of(done.key)
    if name == ("output",) and config.output not in tuple(Format):
        raise UsageError(f"output is one of {', '.join(Format)}")
    if name[0] == "alias":
        check(name[-1], config.aliases.get(name[-1], ("",)), COMMANDS)


def _change(session: Session, key: str, value: str | None, *, dry_run: bool) -> None:
    path = user_config_path()

    def change() -> Changed:
        done = changed_config(path, content_of(path), key, value)
        if value is not None:
            _check(done)
        return done

    done = change()
    if done.changed and not dry_run:
        with held(path):
            done = change()  # of what another command may have written meanwhile
            write_user_config(path, done.data)
    show = session.show if dry_run else session.report
    show(changed_view(done, dry_run=dry_run))


def _in_force(session: Session) -> list[Setting]:
    settings = personal_settings(session.user, os.environ)
    try:
        tip = session.state.tip(require_remote=False)
        settings += team_settings(session.state, tip.commit)
        if tip.note:
            session.output.note(tip.note)
    except (UsageError, RemoteUnreachable) as error:
        # Without a repository there still is what this person has configured.
        session.output.note(f"no team settings: {error.message}")
    return settings


@config.callback()
def _group() -> None:
    """Show what is configured, and change your own config."""
