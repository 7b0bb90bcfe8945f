"""The steps and checks of a stage in gitops.toml, read strictly into values.

They name programs, which nothing else there does: what is read here runs only where a person has
trusted it (docs/decisions/0017-trusted-programs.md).
"""

from __future__ import annotations

import posixpath
import re
from typing import Any
from urllib.parse import urlsplit

from gitops_cli.domain.duration import parse_duration
from gitops_cli.domain.names import is_dns_label, is_service_name
from gitops_cli.domain.settings import Settings
from gitops_cli.domain.steps.declared import (
    CHECK_SECONDS,
    STEP_SECONDS,
    Check,
    Program,
    Step,
    Tool,
)
from gitops_cli.domain.steps.fields import check_fields
from gitops_cli.domain.text import one_line

STEP_KEYS = (
    "tofu",
    "terraform",
    "ansible",
    "plan",
    "apply",
    "directory",
    "inventory",
    "vars",
    "workspace",
    "files",
    "env",
    "produces",
    "timeout",
)
CHECK_KEYS = ("command", "directory", "files", "env", "url", "expect", "job", "timeout")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_SOME = "one of `tofu`, `terraform`, `ansible`, or `plan` and `apply`"


def read_steps(stage: Settings) -> tuple[Step, ...]:
    """Return the steps of a stage in their order; one that has a defect is not among them."""
    return tuple(step for name in stage.names("step") for step in _step(name, stage))


def read_checks(stage: Settings) -> tuple[Check, ...]:
    """Return the checks of a stage likewise."""
    return tuple(check for name in stage.names("check") for check in _check(name, stage))


def _step(name: str, stage: Settings) -> list[Step]:
    before = len(stage.found)
    reader = _named("step", name, stage, STEP_KEYS)
    program = Program(
        reader.word("directory", place, ""),
        reader.texts("files", (), check=place),
        reader.texts("env", (), check=_variable),
        reader.word("timeout", _seconds, STEP_SECONDS),
    )
    step = Step(
        name,
        stage.table("step", None).lines.of(".".join(reader.at)),
        Tool.COMMAND,
        program,
        plan=_words("plan", reader),
        apply=_words("apply", reader),
        inventory=reader.word("inventory", place, None),
        workspace=reader.text("workspace", check=check_fields),
        variables=reader.texts("vars", (), check=place),
        produces=reader.texts("produces", (), check=place),
    )
    step = _with_tool(step, reader)
    return [step] if len(reader.found) == before else []


def _with_tool(step: Step, reader: Settings) -> Step:
    """Return the step with what runs it, and where."""
    said = [tool for tool in Tool if tool.value in reader.content]
    is_command = bool({"plan", "apply"} & reader.content.keys())
    if len(said) + is_command != 1:
        reader.wrong("plan" if is_command else step.name, f"a step has {_SOME}")
        return step
    if is_command:
        _need(reader, "plan", "apply", "directory")
        _only(reader, "a command", refused=("inventory", "vars", "workspace"))
        return step
    [tool] = said
    if tool is Tool.ANSIBLE:
        playbook: str | None = reader.word("ansible", _file, None)
        _only(reader, "ansible", refused=("workspace", "directory"))
        directory = posixpath.dirname(playbook or "")
        return step._replace(
            tool=tool, playbook=playbook, program=step.program._replace(directory=directory)
        )
    directory = reader.word(tool.value, place, "")
    _only(reader, tool.value, refused=("inventory", "directory"))
    if len(step.produces) > 1:
        reader.wrong("produces", f"{tool.value} writes its outputs to one file")
    return step._replace(tool=tool, program=step.program._replace(directory=directory))


def _check(name: str, stage: Settings) -> list[Check]:
    before = len(stage.found)
    reader = _named("check", name, stage, CHECK_KEYS)
    seconds = reader.word("timeout", _seconds, CHECK_SECONDS)
    command = _words("command", reader)
    program = Program(
        reader.word("directory", place, ""),
        reader.texts("files", (), check=place),
        reader.texts("env", (), check=_variable),
        seconds,
    )
    check = Check(
        name,
        stage.table("check", None).lines.of(".".join(reader.at)),
        seconds,
        command,
        program if command else None,
        reader.text("url", check=_url),
        reader.text("expect", check=_expression),
        reader.text("job", check=_job),
    )
    said = [key for key in ("command", "url", "job") if key in reader.content]
    if len(said) != 1:
        reader.wrong(said[1] if said else name, "a check has one of `command`, `url` or `job`")
    elif said != ["command"]:
        _only(reader, f"`{said[0]}`", refused=("directory", "files", "env"))
    else:
        _need(reader, "directory")
    if said != ["url"]:
        _only(reader, "what is no `url`", refused=("expect",))
    return [check] if len(reader.found) == before else []


def _named(kind: str, name: str, stage: Settings, known: tuple[str, ...]) -> Settings:
    table = stage.table(kind, None)
    if not is_dns_label(name):
        message = f"`{one_line(name)}` is not a name of lower-case letters, digits and `-`"
        table.wrong(name, message)
    return table.table(name, known)


def _need(reader: Settings, *keys: str) -> None:
    for key in keys:
        if key not in reader.content:
            reader.wrong(key, "is missing")


def _only(reader: Settings, what: str, *, refused: tuple[str, ...]) -> None:
    for key in refused:
        if key in reader.content:
            reader.wrong(key, f"means nothing to {what}")


def _words(key: str, reader: Settings) -> tuple[str, ...]:
    """Return a command's words; the first is a program on PATH, or a file of the directory."""
    words: tuple[str, ...] = reader.texts(key, (), check=_word)
    if key in reader.content and not words and isinstance(reader.content[key], list):
        reader.wrong(key, "names no program")
    return words


def _word(text: str) -> str:
    if "\0" in text:
        raise ValueError("a word of a command holds a zero byte")
    return check_fields(text)


def place(text: str) -> str:
    """Return a path from the repository's root; raises ValueError for what can be none in git."""
    plain = check_fields(text).removesuffix("/")
    parts = plain.split("/")
    wrong = set(plain) & set("\\:") or any(ord(character) < 32 for character in plain)
    if wrong or any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise ValueError(f"`{text}` is no path of this repository, such as `infra/network`")
    return plain


def _file(text: str) -> str:
    """Return a playbook's path: in a directory, as all that stands beside it is read."""
    plain = place(text)
    if "/" not in plain:
        raise ValueError(f"`{text}` stands at the repository's root: give it a directory")
    return plain


def _variable(text: str) -> str:
    if not re.fullmatch(_VARIABLE, text):
        raise ValueError(f"`{text}` is not the name of a variable of the environment")
    if text.startswith(("LD_", "DYLD_", "GIT_")) or text in {"PATH", "PYTHONPATH"}:
        raise ValueError(f"`{text}` chooses programs, and is not passed on")
    return text


def _seconds(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError("must be longer than nothing")
    return seconds


def _url(text: str) -> str:
    parts: Any = urlsplit(check_fields(text))
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not safe or not parts.hostname or "@" in parts.netloc or re.search(r"[\s\x00-\x1f]", text):
        raise ValueError("must be a URL with https, or with http on this machine, without login")
    parts.port  # noqa: B018 - raises ValueError for what is none
    return text


def _expression(text: str) -> str:
    if len(text) > 1000:
        raise ValueError("is longer than 1000 characters")
    return text


def _job(text: str) -> str:
    if not is_service_name(text):
        raise ValueError(f"`{text}` is not the name of a Job")
    return text
