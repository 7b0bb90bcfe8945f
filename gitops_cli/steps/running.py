"""Plans and applies steps: each tool's own words, and what its exit codes say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.steps.declared import Step, Tool
from gitops_cli.domain.steps.report import StepFailed
from gitops_cli.domain.text import plural
from gitops_cli.git.cache import cache_directory, make_private
from gitops_cli.steps.private import PrivateCopy
from gitops_cli.steps.process import Heard, StepEnd, run, surroundings, tail

CHANGES = 2
"""What `plan` of a command ends with where something is to be done, as that of OpenTofu does."""
_RECAP = r"^\S.*?\s:\s+ok=\d+\s+changed=(\d+)\s+unreachable=\d+\s+failed=\d+"
_ANSIBLE = {
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_RETRY_FILES_ENABLED": "0",
    # Its recap says whether something changed; a callback of somebody's own need not have one.
    "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
}
_NONE: Mapping[str, str] = MappingProxyType({})
_TOFU = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}


class Said(NamedTuple):
    """What a program found or did: in short, and its lines."""

    changes: bool
    says: str
    lines: tuple[str, ...]


class Runner(NamedTuple):
    """Runs the steps of one environment on one private copy; `heard` takes each line."""

    copy: PrivateCopy
    environ: Mapping[str, str]
    names: tuple[str, ...]
    """Variables that the user's own config passes to all steps."""

    def plan(self, step: Step, heard: Heard) -> Said:
        """Return what a step would change. Raises StepFailed, ConfigurationError, TimedOut."""
        match step.tool:
            case Tool.COMMAND:
                done = self._run(step, step.plan, heard)
                if done.code not in (0, CHANGES):
                    raise _failed(step, "plan", done)
                return Said(done.code == CHANGES, _last(done.lines), done.lines)
            case Tool.ANSIBLE:
                return self._play(step, ["--check", "--diff"], heard)
            case _:
                return self._tofu_plan(step, heard)

    def apply(self, step: Step, heard: Heard) -> Said:
        """Do what was planned. Raises likewise, and StepFailed if what it produces is missing."""
        match step.tool:
            case Tool.COMMAND:
                done = self._run(step, step.apply, heard)
                if done.code != 0:
                    raise _failed(step, "apply", done)
                said = Said(True, _last(done.lines), done.lines)
            case Tool.ANSIBLE:
                said = self._play(step, [], heard)
            case _:
                done = self._tofu(step, ["apply", str(self._plan_file(step))], heard)
                if done.code != 0:
                    raise _failed(step, "apply", done)
                self._write_outputs(step)
                said = Said(True, _summary(done.lines), done.lines)
        self._check_produced(step)
        return said

    # --- commands and ansible

    def _run(
        self,
        step: Step,
        words: Sequence[str],
        heard: Heard,
        *,
        more: Mapping[str, str] = _NONE,
        quiet: bool = False,
    ) -> StepEnd:
        around = surroundings((*self.names, *step.program.env), self.environ, more)
        where = self.copy.files / step.program.directory
        return run(words, where, around, seconds=step.program.seconds, heard=heard, quiet=quiet)

    def _play(self, step: Step, mode: Sequence[str], heard: Heard) -> Said:
        assert step.playbook is not None
        words = ["ansible-playbook", *mode]
        if step.inventory is not None:
            words += ["--inventory", str(self.copy.files / step.inventory)]
        for path in step.variables:
            words += ["--extra-vars", f"@{self.copy.files / path}"]
        # ansible keeps its own files in the home of who runs it, but for these.
        made = {"ANSIBLE_LOCAL_TEMP": str(self.copy.aside / "ansible")}
        playbook = str(self.copy.files / step.playbook)
        done = self._run(step, [*words, "--", playbook], heard, more={**_ANSIBLE, **made})
        if done.code != 0:
            raise _failed(step, "check" if mode else "apply", done)
        changed = recap_changes(done.lines)
        if changed is None:
            error = StepFailed("ansible-playbook ended without a recap")
            error.output = done.lines
            raise error
        return Said(bool(changed), f"{changed} changed", done.lines)

    # --- OpenTofu and Terraform

    def _tofu(
        self, step: Step, words: Sequence[str], heard: Heard, *, quiet: bool = False
    ) -> StepEnd:
        more = dict(_TOFU)
        if "TF_PLUGIN_CACHE_DIR" not in self.environ:
            cache = make_private(cache_directory(self.environ) / "tofu-plugins")
            more["TF_PLUGIN_CACHE_DIR"] = str(cache)
        command, *rest = words
        options = [] if quiet else ["-no-color"]
        if command in ("init", "plan", "apply"):
            options += ["-input=false"]
        whole = [step.tool.value, command, *options, *rest]
        return self._run(step, whole, heard, more=more, quiet=quiet)

    def _tofu_plan(self, step: Step, heard: Heard) -> Said:
        where = self.copy.files / step.program.directory
        # What is trusted is what runs: init may choose no other version of a provider.
        locked = (where / ".terraform.lock.hcl").exists()
        done = self._tofu(step, ["init", *(["-lockfile=readonly"] if locked else [])], heard)
        if done.code != 0:
            raise _failed(step, "init", done)
        check_backend(step, where)
        if step.workspace is not None:
            self._select(step, step.workspace, heard)
        variables = [f"-var-file={self.copy.files / path}" for path in step.variables]
        plan = self._plan_file(step)
        words = ["plan", "-detailed-exitcode", f"-out={plan}", *variables]
        done = self._tofu(step, words, heard)
        if done.code not in (0, CHANGES):
            raise _failed(step, "plan", done)
        if done.code == 0:
            self._write_outputs(step)
        return Said(done.code == CHANGES, _summary(done.lines), done.lines)

    def _select(self, step: Step, workspace: str, heard: Heard) -> None:
        words = ["workspace", "select", "-or-create", workspace]
        done = self._run(step, [step.tool.value, *words], heard, more=_TOFU)
        if done.code != 0:
            raise _failed(step, "workspace", done)

    def _plan_file(self, step: Step) -> Path:
        return self.copy.aside / f"{step.name}.plan"

    def _write_outputs(self, step: Step) -> None:
        """Write the outputs to the file that the step produces, for the steps after it."""
        for path in step.produces:
            done = self._tofu(step, ["output", "-json"], lambda line: None, quiet=True)
            if done.code != 0:
                raise _failed(step, "output", StepEnd(done.code, ()))
            place = self.copy.files / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("\n".join(done.lines))

    def _check_produced(self, step: Step) -> None:
        for path in step.produces:
            if not (self.copy.files / path).is_file():
                raise StepFailed(
                    f"was applied, and did not produce {path}",
                    hint="it has to write that file of its private copy, from the root of it",
                )


def check_backend(step: Step, directory: Path) -> None:
    """Refuse a state that would be lost: on a private copy the default one is."""
    try:
        found: Any = json.loads((directory / ".terraform" / "terraform.tfstate").read_bytes())
        backend = found["backend"]
        kind, config = backend["type"], backend.get("config") or {}
    except (OSError, ValueError, KeyError, TypeError):
        kind, config = None, {}
    places = [config.get("path"), config.get("workspace_dir")]
    wanted = places if step.workspace is not None else places[:1]
    lost = kind is None or (
        kind == "local" and not all(place and Path(place).is_absolute() for place in wanted)
    )
    if lost:
        raise ConfigurationError(
            f"{step.program.directory} declares no backend that keeps its state: "
            "steps run on a private copy of the files, which is gone afterwards",
            hint='declare one: terraform { backend "s3" { … } }, or "local" with absolute paths',
        )


def recap_changes(lines: Sequence[str]) -> int | None:
    """Return how many tasks changed something, by the last recap; None: there is none."""
    at = [number for number, line in enumerate(lines) if line.startswith("PLAY RECAP ")]
    if not at:
        return None
    found = (re.match(_RECAP, line) for line in lines[at[-1] + 1 :])
    return sum(int(match[1]) for match in found if match is not None)


def _summary(lines: Sequence[str]) -> str:
    """Return the line in which OpenTofu says how much it would do, or did."""
    for beginning in ("Apply complete!", "Plan: ", "No changes.", "Changes to Outputs"):
        for line in lines:
            if line.startswith(beginning):
                return line.strip().removesuffix(":")
    return _last(lines)


def _last(lines: Sequence[str]) -> str:
    return next(tail(lines, 1), "").strip()


def _failed(step: Step, what: str, done: StepEnd) -> StepFailed:
    said = _last(done.lines)
    error = StepFailed(
        f"{what} ended with exit code {done.code}"
        if done.code >= 0
        else f"{what} was ended by signal {-done.code}",
        hint=f"-v shows its {plural(len(done.lines), 'line')}" if said else None,
    )
    error.output = done.lines
    return error
