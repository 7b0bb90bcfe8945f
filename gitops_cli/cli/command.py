"""What every command has: the shared options, a Session, and the one error boundary."""

from __future__ import annotations

import functools
import gc
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from gitops_cli.cli.failure import tell
from gitops_cli.cli.output import Format, Output
from gitops_cli.cli.session import Session, SharedOptions
from gitops_cli.domain.errors import ExitCode, GitOpsError, UsageError
from gitops_cli.domain.text import one_line

PANEL = "Options of every command"


Directory = Annotated[
    Path | None,
    typer.Option("-C", metavar="PATH", help="Work as if started there.", rich_help_panel=PANEL),
]
Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        "-R",
        metavar="URL",
        envvar="GITOPS_REPO",
        help="State repository: URL or path.",
        rich_help_panel=PANEL,
    ),
]


def _shared(
    directory: Directory = None,
    repo: Repo = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            envvar="GITOPS_OFFLINE",
            help="Use the last known state.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    output: Annotated[
        Format | None,
        typer.Option(
            "--output",
            "-o",
            envvar="GITOPS_OUTPUT",
            metavar="FORMAT",
            help=f"Format of the result: {', '.join(Format)}.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            metavar="EXPR",
            help="Of the document only what a JMESPath expression names.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No notes and progress.", rich_help_panel=PANEL)
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            metavar="",
            show_default=False,
            help="Say more; -vv for bug reports.",
            rich_help_panel=PANEL,
        ),
    ] = 0,
) -> SharedOptions:
    return SharedOptions(directory, repo, offline, output, quiet, verbose, query)


_SHARED = inspect.signature(_shared, eval_str=True).parameters
_CONTEXT = inspect.Parameter(
    "calling", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of `function`: its first parameter becomes the shared options' Session.

    A parameter whose type is a NamedTuple stands for the options that are its fields.
    """
    declared = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    groups = {p.name: p.annotation for p in declared if hasattr(p.annotation, "_fields")}
    own = [
        each for p in declared for each in (_fields(groups[p.name]) if p.name in groups else [p])
    ]

    @functools.wraps(function)
    def run(calling: typer.Context, **arguments: Any) -> None:
        options = _shared(**{name: arguments.pop(name) for name in _SHARED} | _before(calling))
        for name, group in groups.items():
            arguments[name] = group(*(arguments.pop(field) for field in group._fields))
        within(options, lambda session: function(session, **arguments))

    parameters = [
        _CONTEXT,
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own),
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in _SHARED.values()),
    ]
    run.__dict__["__signature__"] = inspect.Signature(parameters)  # what Typer reads
    run.__doc__ = _unwrapped(function.__doc__)
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _fields(group: Any) -> list[inspect.Parameter]:
    """Return the options of a group; each has a default."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=group._field_defaults[name],
            annotation=hints[name],
        )
        for name in group._fields
    ]


def _unwrapped(text: str | None) -> str:
    """Return a docstring with a line per paragraph: a terminal has a width of its own."""
    before, heading, examples = inspect.cleandoc(text or "").partition("\n\nExamples:\n")
    paragraphs = (" ".join(paragraph.split()) for paragraph in before.split("\n\n"))
    return "\n\n".join(paragraphs) + heading + examples


def _before(context: typer.Context) -> dict[str, Any]:
    """Return what stood before the command, as git has it: `gitops -C PATH status`."""
    given = context.find_root().params
    kinds: dict[str, Callable[[Any], Any]] = {"directory": Path, "output": _format}
    return {
        name: kinds.get(name, lambda value: value)(given[name])
        for name in _SHARED
        if given.get(name) and not _typed(context, name)
    }


def _format(name: str) -> Format:
    try:
        return Format(name)
    except ValueError as error:
        from gitops_cli.cli.usage import did_you_mean  # only who mistypes needs it

        raise UsageError(
            f"--output: `{one_line(name)}` is not one of {', '.join(f'`{f}`' for f in Format)}",
            hint=did_you_mean(name, Format) or "`gitops help formats` explains them",
        ) from error


def _typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def within(options: SharedOptions, work: Callable[[Session], None]) -> None:
    """Run `work` with a Session and turn its failures into messages and exit codes."""
    gc.freeze()  # modules: they stay, so the collector need not go through them again
    gc.enable()
    output = Output(options.output or Format.TABLE, quiet=options.quiet, verbose=options.verbose)
    code = ExitCode.OK
    session = None
    try:
        with Session(options, output) as session:
            work(session)
            code = session.exit_code
        if code in (ExitCode.OK, ExitCode.NO):
            output.check()
    except KeyboardInterrupt:
        output.say("interrupted")
        code = ExitCode.INTERRUPTED
    except typer.Exit:
        raise
    except GitOpsError as error:
        code = tell(output, error if session is None else session.limits.as_late(error))
    except Exception as error:  # noqa: BLE001 - the only place where a bug becomes an exit code
        code = tell(output, error, recorded=None if session is None else session.recorded)
    if code is not ExitCode.OK:
        raise typer.Exit(int(code))
