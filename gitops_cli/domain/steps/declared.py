"""What gitops.toml declares as programs to run: values, with nothing of how they are run."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

STEP_SECONDS = 1800.0
CHECK_SECONDS = 300.0


class Tool(StrEnum):
    """What runs a step."""

    TOFU = "tofu"
    TERRAFORM = "terraform"
    ANSIBLE = "ansible"
    COMMAND = "command"


class Program(NamedTuple):
    """What a step or a check has, whatever runs it.

    `directory` is where it works and `files` are more files and directories that it reads: from
    the repository's root. `env` are variables of whoever runs it.
    """

    directory: str
    files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    seconds: float = STEP_SECONDS


class Step(NamedTuple):
    """`[stage.X.step.NAME]`; `line` is where it begins.

    `plan` and `apply` are a command's, `playbook` and `inventory` are for ansible, `workspace` is
    tofu's. `variables` are files, for both. `produces` are files that later steps find.
    """

    name: str
    line: int
    tool: Tool
    program: Program
    plan: tuple[str, ...] = ()
    apply: tuple[str, ...] = ()
    playbook: str | None = None
    inventory: str | None = None
    workspace: str | None = None
    variables: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()


class Check(NamedTuple):
    """`[stage.X.check.NAME]`: a command, a page that answers, or a Job in the stage before.

    `expect` is a JMESPath expression of the page's JSON, which must be true of it.
    """

    name: str
    line: int
    seconds: float
    command: tuple[str, ...] = ()
    program: Program | None = None
    url: str | None = None
    expect: str | None = None
    job: str | None = None
