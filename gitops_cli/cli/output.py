"""The two streams: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from gitops_cli.cli.streams import is_broken, take_loss, takes_unicode
from gitops_cli.domain.errors import ConfigurationError, GitOpsError, UsageError
from gitops_cli.domain.text import redacted
from gitops_cli.render.plain import plain_view
from gitops_cli.render.view import Line, Style, View, verbatim

if TYPE_CHECKING:
    from rich.console import Console

    from gitops_cli.render.query import Query
    from gitops_cli.settings import UserConfig

# By these Rich takes a pipe for a terminal, or a terminal for none.
_TOLD = ("FORCE_COLOR", "TTY_COMPATIBLE")


class Format(StrEnum):
    """The values of -o/--output."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    JSONL = "jsonl"
    CSV = "csv"
    NAME = "name"
    MARKDOWN = "markdown"
    HTML = "html"


_DOCUMENTS = (Format.JSON, Format.YAML, Format.JSONL)


class Stream:
    """stdout or stderr: through Rich where it is a terminal, as plain text elsewhere.

    Rich takes a quarter of the time of a short command, and a pipe needs none of it.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    @cached_property
    def console(self) -> Console | None:
        """Return Rich's console; None where the stream is no terminal."""
        if not self.file.isatty() and not any(name in os.environ for name in _TOLD):
            return None
        from rich.console import Console

        console = Console(file=self.file, highlight=False)
        return console if console.is_terminal else None

    def view(self, view: View, *, wide: bool = False, paged: bool = False) -> None:
        if self.console is None:
            self.write("".join(f"{line}\n" for line in plain_view(view, wide=wide)))
            return
        from gitops_cli.cli.pager import through_pager
        from gitops_cli.render.console import print_view

        if not paged or not self.file.isatty():
            print_view(view, self.console, wide=wide)
            return
        with self.console.capture() as captured:
            print_view(view, self.console, wide=wide)
        text = captured.get()
        if text.count("\n") < self.console.height or not through_pager(text, self.file):
            self.write(text)

    def line(self, text: str, style: Style = Style.PLAIN) -> None:
        """Write lines of text as they are; nothing in them acts."""
        self.view(View("line", {}, (verbatim(text, style),)))

    def sentence(self, text: str, style: Style = Style.PLAIN) -> None:
        """Write text that wraps at words where a terminal is too narrow for it."""
        self.view(View("line", {}, (Line(text, style),)))

    def write(self, text: str) -> None:
        self.file.write(text)
        self.file.flush()

    def write_bytes(self, data: bytes) -> None:
        """Write what is not ours as it is, in whatever letters; `flush` sends it on."""
        self.file.buffer.write(data)

    def flush(self) -> None:
        """Send on what is written."""
        self.file.flush()

    def document(self, value: Any, form: Format) -> str:
        """Return a document of a format for machines, in the letters that the stream has."""
        from gitops_cli.render.document import as_json, as_yaml  # tables do without it

        ascii_only = not takes_unicode(self.file)
        if form is Format.YAML:
            return as_yaml(value, ascii_only=ascii_only)
        return as_json(value, ascii_only=ascii_only, on_one_line=form is Format.JSONL)


def _document(view: View) -> dict[str, Any]:
    from gitops_cli.render.document import document

    return document(view)


def _as_page(view: View) -> str:
    if view.page is not None:
        return view.page()
    from gitops_cli.render.page import view_page  # with Jinja2, 50 ms

    return view_page(view, f"gitops {view.kind}")


class Output:
    """Writes views and messages in the format that was asked for."""

    def __init__(
        self, form: Format = Format.TABLE, *, quiet: bool = False, verbose: int = 0
    ) -> None:
        self.format = form
        self.query: Query | None = None
        self.quiet = quiet
        self.verbose = verbose
        self._done = False
        self._titles = ""
        self.stdout = Stream(sys.stdout)
        self.stderr = Stream(sys.stderr)

    @property
    def for_people(self) -> bool:
        """Tell whether a person reads stdout, so that progress and advice are welcome."""
        return self.query is None and self.format in (Format.TABLE, Format.WIDE)

    @property
    def streams(self) -> bool:
        """Tell whether each thing that happens is a document of its own."""
        return self.format is Format.JSONL

    @property
    def unheard(self) -> bool:
        """Tell whether nothing that is written to stdout arrives any more."""
        return is_broken(sys.stdout)

    def show(self, view: View, *, paged: bool = False) -> None:
        """Write a result to stdout; `paged`: what is longer than the terminal, through a pager."""
        if self.query is not None:
            self._raw(self._queried(view, self.query))
            return
        match self.format:
            case Format.JSON | Format.JSONL:
                from gitops_cli.render.document import unread

                self._raw(self.stdout.document(unread(view), self.format))
            case Format.YAML:
                self._raw(self.stdout.document(_document(view), self.format))
            case Format.CSV:
                self._csv(view)
            case Format.NAME:
                from gitops_cli.render.records import names  # as of the others, one format's

                self.stdout.write("".join(f"{name}\n" for name in names(view)))
            case Format.MARKDOWN:
                from gitops_cli.render.markdown import markdown

                self._raw(markdown(view))
            case Format.HTML:
                self._raw(_as_page(view))
            case Format.TABLE | Format.WIDE:
                self.stdout.view(view, wide=self.format is Format.WIDE, paged=paged)

    def event(self, view: View) -> None:
        """Write what just happened, where each such thing is a document of its own."""
        if self.streams:
            self.show(view)

    def report(self, view: View) -> None:
        """Write to stdout what has been done: it stays done, whether or not that can be written."""
        self._done = True
        try:
            self.show(view)
        except UsageError as error:  # a query that does not fit shall not hide what was done
            self.query = None
            self.warn(error.message)
            self._raw(self.stdout.document(_document(view), Format.JSON))

    def need_fit(self, view: View) -> None:
        """Raise UsageError where the query cannot take what will be told."""
        if self.query is not None:
            self.query.of(_document(view))

    def check(self) -> None:
        """Raise Lost if stdout did not take the answer; of what was done it is a warning."""
        loss = take_loss(sys.stdout)
        if loss is None:
            return
        if not self._done:
            raise loss
        self.warn(f"all was done, but stdout did not take the report of it: {loss.strerror}")

    def show_aside(self, view: View) -> None:
        """Write a view for people to stderr: what a question is about, while stdout is a file."""
        self.stderr.view(view)

    def _queried(self, view: View, query: Query) -> str:
        found = query.of(_document(view))
        if self.format in _DOCUMENTS:
            return self.stdout.document(found, self.format)
        from gitops_cli.render.query import as_text  # a query has loaded it

        return as_text(found, ascii_only=not takes_unicode(self.stdout.file))

    def _csv(self, view: View) -> None:
        from gitops_cli.render.records import csv_lines

        titles, rows = csv_lines(view)
        self.stdout.write(rows if titles == self._titles else titles + rows)
        self._titles = titles

    def _raw(self, text: str) -> None:
        # Rich would take a second for a document of a megabyte, and has nothing to add.
        self.stdout.write(f"{text}\n")

    def print_report(self, text: str) -> None:
        """Write a document of a form that is not ours to stdout."""
        self._raw(text)

    def print_commands(self, lines: Iterable[str]) -> None:
        """Write what the CI system acts on to stderr, so that stdout stays the result."""
        for line in lines:
            sys.stderr.write(f"{line}\n")

    def note(self, text: str) -> None:
        """Say something by the way; `--quiet` silences it."""
        if not self.quiet:
            self.stderr.sentence(text, Style.DIM)

    def say(self, text: str, style: Style = Style.PLAIN) -> None:
        """Say what was done or will be asked; `--quiet` silences it."""
        if not self.quiet:
            self.stderr.sentence(text, style)

    def lines_of(self, program: str) -> Callable[[str], None] | None:
        """Return what takes the progress of another program; None: it may have the terminal.

        In a pipe each line is named after the program.
        """
        if self.stderr.console is not None and not self.quiet:
            return None
        return lambda line: self.note(f"{program} | {line}")

    def warn(self, text: str) -> None:
        """Say what should not be missed."""
        self.stderr.sentence(f"warning: {text}", Style.WARN)

    def error(self, error: GitOpsError, *, hint: bool = True) -> None:
        """Report a failure, as a document where the result would have been one.

        `hint` is false where the next failure has the same one.
        """
        if self.format in _DOCUMENTS:
            from gitops_cli.render.document import error_document

            self.stderr.line(self.stderr.document(error_document(error), self.format))
            return
        self.stderr.sentence(f"error: {redacted(error.message)}", Style.BAD)
        if error.hint and hint:
            self.stderr.sentence(f"hint: {error.hint}", Style.DIM)
        if self.verbose:
            meaning = f"exit code {error.exit_code}: {error.exit_code.meaning}"
            self.stderr.sentence(meaning, Style.DIM)


def query_of(expression: str, form: Format) -> Query:
    """Return the query, before anything is done whose result it could not be asked of."""
    if form in (Format.NAME, Format.CSV, Format.MARKDOWN, Format.HTML):
        raise UsageError(
            f"--query: of a document, and -o {form} is none", hint="take -o json, yaml or jsonl"
        )
    from gitops_cli.render.query import parse_query  # 50 ms

    return parse_query(expression)


def usual_format(user: UserConfig) -> Format:
    """Return the format that the user's config names; raises ConfigurationError."""
    try:
        return Format(user.output or "table")
    except ValueError as error:
        words = ", ".join(Format)
        raise ConfigurationError(f"{user.path}: output must be one of {words}") from error
