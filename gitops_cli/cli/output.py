"""The two streams: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from rich.console import Console

from gitops_cli.domain.errors import GitOpsError
from gitops_cli.render.console import print_line, print_view
from gitops_cli.render.document import as_json, as_yaml, document, error_document
from gitops_cli.render.markdown import markdown
from gitops_cli.render.view import Style, View


class Format(StrEnum):
    """The values of -o/--output."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"


class _ResultConsole(Console):
    """A console whose reader may leave early: `gitops history | head`."""

    def on_broken_pipe(self) -> None:
        """Go on; Rich would exit with 1, which means something else here."""
        discard_stdout()


class Output:
    """Writes views and messages in the format that was asked for."""

    def __init__(
        self, form: Format = Format.TABLE, *, quiet: bool = False, verbose: int = 0
    ) -> None:
        self.format = form
        self.quiet = quiet
        self.verbose = verbose
        self.stdout = _ResultConsole(highlight=False, soft_wrap=False)
        self.stderr = Console(stderr=True, highlight=False)

    @property
    def for_people(self) -> bool:
        """Tell whether a person reads stdout, so that progress and advice are welcome."""
        return self.format in (Format.TABLE, Format.WIDE)

    def show(self, view: View) -> None:
        """Write a result to stdout."""
        try:
            self._show(view)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader has enough; what was done stays done.
            discard_stdout()

    def show_aside(self, view: View) -> None:
        """Write a view for people to stderr: what a question is about, while stdout is a file."""
        print_view(view, self.stderr)

    def _show(self, view: View) -> None:
        match self.format:
            case Format.JSON:
                self._raw(as_json(document(view)))
            case Format.YAML:
                self._raw(as_yaml(document(view)))
            case Format.MARKDOWN:
                self._raw(markdown(view))
            case Format.TABLE | Format.WIDE:
                print_view(view, self.stdout, wide=self.format is Format.WIDE)

    def _raw(self, text: str) -> None:
        # Rich would take a second for a document of a megabyte, and has nothing to add.
        sys.stdout.write(f"{text}\n")

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
            print_line(self.stderr, text, Style.DIM)

    def say(self, text: str, style: Style = Style.PLAIN) -> None:
        """Say what was done or will be asked; `--quiet` silences it."""
        if not self.quiet:
            print_line(self.stderr, text, style)

    def lines_of(self, program: str) -> Callable[[str], None] | None:
        """Return what takes the progress of another program; None: it may have the terminal.

        In a pipe each line is named after the program: none of them can begin with what CI systems
        take for a command.
        """
        if self.stderr.is_terminal and not self.quiet:
            return None
        return lambda line: self.note(f"{program} | {line.replace('##[', '## [')}")

    def warn(self, text: str) -> None:
        """Say what should not be missed."""
        print_line(self.stderr, f"warning: {text}", Style.WARN)

    def error(self, error: GitOpsError) -> None:
        """Report a failure, as a document where the result would have been one."""
        if self.format in (Format.JSON, Format.YAML):
            as_text = as_json if self.format is Format.JSON else as_yaml
            print_line(self.stderr, as_text(error_document(error)))
            return
        print_line(self.stderr, f"error: {error.message}", Style.BAD)
        if error.hint:
            print_line(self.stderr, f"hint: {error.hint}", Style.DIM)


def discard_stdout() -> None:
    """Let whatever is still written to stdout vanish, so that no second error follows."""
    with suppress(OSError):
        null = os.open(Path(os.devnull), os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
