"""The help and the errors of every command: one voice, complete, with examples."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import gitops_cli
from gitops_cli.cli.app import app
from gitops_cli.domain.cluster.comparison import State
from gitops_cli.domain.errors import ExitCode, GitOpsError
from gitops_cli.domain.past.ancestry import Relation
from gitops_cli.domain.text import spoken
from tests.testbed import schemas
from tests.testbed.gitops import Gitops

WIDTH = 80
ROOT: Any = typer.main.get_command(app)


def tree(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and group with its path."""
    yield path, command
    for name in getattr(command, "commands", {}):
        context = command.make_context("gitops", [], resilient_parsing=True)
        _, found, _ = command.resolve_command(context, [name])
        yield from tree(found, (*path, name))


SCREENS = dict(tree(ROOT))
EVERY = pytest.mark.parametrize("path", SCREENS, ids=lambda path: " ".join(path) or "gitops")
LEAVES = pytest.mark.parametrize(
    "path", [p for p, c in SCREENS.items() if not hasattr(c, "commands")], ids=" ".join
)


def options(path: tuple[str, ...]) -> list[str]:
    """Return the long options that a command's help shows."""
    command = SCREENS[path]
    context = command.make_context("gitops", [], resilient_parsing=True)
    return [
        name
        for parameter in command.get_params(context)
        if parameter.param_type_name == "option" and not parameter.hidden
        for name in parameter.opts
        if name.startswith("--")
    ]


def words(text: str) -> str:
    """Return a text without the ways its lines were broken and framed."""
    text = re.sub(r"[│╭╮╰╯─]|\x1b\[[0-9;]*m", " ", text)
    return re.sub(r"\s+|(?<=[a-z])-\s+(?=[a-z])", " ", text)


@pytest.mark.sweep
@EVERY
def test_help_in_a_pipe_is_whole(gitops: Gitops, path: tuple[str, ...]) -> None:
    command = SCREENS[path]
    shown = gitops(*path, "--help").ok().stdout

    assert all(name in shown for name in options(path))
    assert all(f"  {example}\n" in shown for example in command.examples)
    assert "..." not in shown.replace("[ARGS]...", ""), "nothing is cut"
    whole = words(shown)
    for paragraph in (command.help or "").split("\n\n"):
        assert words(paragraph).strip() in whole
    for name, sub in getattr(command, "commands", {}).items():
        line = words((sub.help or "").partition("\n")[0])
        assert sub.hidden or f"{name} {line}" in whole
    assert max(map(len, shown.splitlines())) <= WIDTH


@pytest.mark.sweep
@EVERY
def test_help_on_a_terminal_of_80_columns(gitops: Gitops, path: tuple[str, ...]) -> None:
    with gitops.terminal(*path, "--help", rows=100, columns=WIDTH) as screen:
        assert screen.finish() == 0
        lines = [line.rstrip() for line in screen.text.splitlines()]

    for name in options(path):
        assert any(name in line for line in lines), name
    assert all(f"  {example}" in lines for example in SCREENS[path].examples)


@EVERY
def test_an_example_can_be_typed(path: tuple[str, ...]) -> None:
    examples = SCREENS[path].examples

    assert 2 <= len(examples) <= 4
    mine = " ".join(("gitops", *path))
    if path != ("log",) and path != ("lint",):
        assert path == () or any(mine in example for example in examples)
    for example in examples:
        assert len(example) <= WIDTH - 4
        for call in commands_in(example):
            parse(call)


def commands_in(line: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of gitops in a line of shell."""
    for part in re.split(r"&&|\||\$\(|\)|>", line.partition("  #")[0]):
        typed = shlex.split(part.replace('"', "") if part.count('"') % 2 else part)
        if typed[:1] == ["eval"]:
            continue
        if typed[:1] == ["gitops"]:
            yield typed[1:]


def parse(arguments: list[str]) -> None:
    """Parse a call down to its command; raises what the parser refuses."""
    context = ROOT.make_context("gitops", arguments)
    command, rest = ROOT, [*context._protected_args, *context.args]
    while rest:
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        if not hasattr(command, "commands"):
            return
        rest = [*context._protected_args, *context.args]


@pytest.mark.sweep
@LEAVES
def test_a_mistyped_option_is_told_in_the_one_style(gitops: Gitops, path: tuple[str, ...]) -> None:
    longest = max(options(path), key=len)
    mistyped = longest[:-2] + longest[-1]

    told = gitops(*path, mistyped).stderr
    document = json.loads(gitops(*path, mistyped, "-o", "json").stderr)

    assert re.fullmatch(r"error: .*\nhint: .*\n", told)
    assert f"`gitops {' '.join(path)}` has no option `{mistyped}`" in told
    assert f"`{longest}`" in told.splitlines()[1]
    schemas.check(document)
    assert (document["code"], document["exit_code"]) == ("usage", ExitCode.USAGE)
    assert f"error: {document['message']}\nhint: {document['hint']}\n" == told


@pytest.mark.parametrize(
    ("typed", "told", "hint"),
    [
        ("promot", "`gitops` has no command `promot`", "did you mean `promote`?"),
        ("env lst", "`gitops env` has no command `lst`", "did you mean `list`?"),
        ("completion bash", "`gitops` has no command `completion`", "`gitops --show-completion`"),
        ("undo", "`gitops` has no command `undo`", "did you mean `rollback`?"),
        ("\x1b[31m", "`gitops` has no command `\\x1b[31m`", "`gitops --help`"),
        ("-q", "which command?", "`gitops --help`"),
        ("--env dev status", "`gitops` has no option `--env`", "`gitops COMMAND --env`"),
        ("status -o jsno", "--output: `jsno` is not one of `table`", "did you mean `json`?"),
        ("-o jsno status", "--output: `jsno` is not one of `table`", "did you mean `json`?"),
        ("diff -n web", "`gitops diff` has no option `-n`", "its namespace: -e NAME."),
        ("history --namespace x", "`gitops history` has no option", "its namespace: -e NAME."),
        ("history -n many", "--limit: `many` is not a whole number", "`gitops history --help`"),
        ("set web -e", "`-e` needs a value", "`gitops set --help`"),
        ("env add", "ENV is missing", "`gitops env add --help`"),
        ("status --quiet=1", "`--quiet` takes no value", "`gitops status --help`"),
        ("exec", "SERVICE is missing", "`gitops exec --help`"),
        ("env list x", "not expected: `x`", "`gitops env list --help`"),
        ("help nothing", "there is no topic or command `nothing`", "topics: "),
    ],
)
def test_the_words_of_usage_errors(gitops: Gitops, typed: str, told: str, hint: str) -> None:
    done = gitops(*typed.split())

    assert done.code == ExitCode.USAGE
    first, second = done.stderr.splitlines()
    assert first.startswith(f"error: {told}")
    assert second.startswith("hint: ")
    assert hint in second


@pytest.mark.parametrize(
    "given",
    ["-o json", "-ojson", "--output json", "--output=json", "-qo json", "-v -o table -o json"],
)
def test_an_error_is_a_document_where_one_was_asked_for(gitops: Gitops, given: str) -> None:
    after = gitops("status", "--nothing", *given.split())
    before = gitops(*given.split(), "status", "--nothing")
    told = gitops.using(GITOPS_OUTPUT="json")("status", "--nothing")

    for done in (after, before, told):
        assert json.loads(done.stderr)["exit_code"] == done.code == ExitCode.USAGE


def test_the_exit_code_is_told_with_v(gitops: Gitops) -> None:
    for arguments in (("status", "--nothing", "-v"), ("status", "-C", "/nonexistent", "-v")):
        done = gitops(*arguments)
        assert done.stderr.splitlines()[-1] == "exit code 2: usage or configuration"


def test_the_glossary_has_every_state_and_how_versions_lie() -> None:
    page = (Path(__file__).parents[2] / "docs/glossary.md").read_text()
    rows = dict(re.findall(r"(?m)^\| `([a-z ]+)` \| (.+) \|$", page))
    assert list(rows) == [spoken(state) for state in State]
    for relation in (Relation.AHEAD, Relation.BEHIND, Relation.DIVERGED):
        assert f"**{relation}**" in page


def test_every_message_is_written_alike() -> None:
    """Small at the beginning, no full stop at the end: they stand after `error: ` and `hint: `."""
    names = {error.__name__ for error in errors_of(GitOpsError)}
    wrong = [
        f"{path.name}:{line}: {text}"
        for path in Path(gitops_cli.__file__).parent.rglob("*.py")
        for line, text in messages(ast.parse(path.read_text()), names)
        if re.match(r"[A-Z][a-z]", text) or text.endswith((".", "!"))
    ]
    assert not wrong


def errors_of(base: type[GitOpsError]) -> Iterator[type[GitOpsError]]:
    yield base
    for child in base.__subclasses__():
        yield from errors_of(child)


def messages(tree: ast.AST, names: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the messages and hints that errors of these names are made with; `…` for values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            for part in (*node.args[:1], *(k.value for k in node.keywords if k.arg == "hint")):
                if isinstance(part, ast.JoinedStr | ast.Constant):
                    yield node.lineno, said(part)


def said(part: ast.JoinedStr | ast.Constant) -> str:
    pieces = part.values if isinstance(part, ast.JoinedStr) else [part]
    return "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in pieces)


def test_an_error_on_a_narrow_terminal_wraps_at_words(clone: Gitops) -> None:
    command = ("rollback", "billing", "-e", "project1-producton")
    told = clone(*command).stderr.splitlines()
    with clone.terminal(*command, columns=60) as terminal:
        assert terminal.finish() == 2
        shown = terminal.text.splitlines()

    assert len(shown) > len(told), "it was too wide"
    assert " ".join(line.strip() for line in shown) == " ".join(told), "no word is broken"
    assert all(line.startswith(("error: ", "hint: ", "  ")) for line in shown)
