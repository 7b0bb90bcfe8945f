"""`{project}`, `{stage}` and `{environment}` in what gitops.toml says of steps and checks."""

from __future__ import annotations

import re

from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.steps.declared import Check, Program, Step

FIELDS = ("project", "stage", "environment")
_FIELD = r"\{([a-z]+)\}"


def check_fields(text: str) -> str:
    """Return the text; raises ValueError for a field that there is not."""
    unknown = [name for name in re.findall(_FIELD, text) if name not in FIELDS]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise ValueError(f"`{{{unknown[0]}}}` is none of {known}")
    return text


def step_for(step: Step, place: Place) -> Step:
    """Return a step as it is for one environment."""
    return step._replace(
        program=_program(step.program, place),
        plan=_all(step.plan, place),
        apply=_all(step.apply, place),
        playbook=None if step.playbook is None else _filled(step.playbook, place),
        inventory=None if step.inventory is None else _filled(step.inventory, place),
        workspace=None if step.workspace is None else _filled(step.workspace, place),
        variables=_all(step.variables, place),
        produces=_all(step.produces, place),
    )


def check_for(check: Check, place: Place) -> Check:
    """Return a check as it is for one environment."""
    return check._replace(
        command=_all(check.command, place),
        program=None if check.program is None else _program(check.program, place),
        url=None if check.url is None else _filled(check.url, place),
    )


def _program(program: Program, place: Place) -> Program:
    return program._replace(
        directory=_filled(program.directory, place), files=_all(program.files, place)
    )


def _all(texts: tuple[str, ...], place: Place) -> tuple[str, ...]:
    return tuple(_filled(text, place) for text in texts)


def _filled(text: str, place: Place) -> str:
    values = {"project": place.project, "stage": place.stage, "environment": place.environment}
    return re.sub(_FIELD, lambda match: values[match[1]], text)
