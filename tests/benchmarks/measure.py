"""Time whole commands beside each other and print their ratios.

hyperfine does the timing. Machines are noisy, so the commands take turns: several rounds of a few
runs each, and the median over all rounds is what counts. A figure is a ratio to a command that ran
in the same minutes, never a time.
"""

from __future__ import annotations

import json
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
GITOPS = str(BIN / "gitops")
FLOOR = [sys.executable, "-c", "import typer, rich.console"]


@dataclass(frozen=True, slots=True)
class Command:
    """One command line; `prepare` runs before each timing, `codes` are its good exit codes."""

    argv: Sequence[str]
    prepare: Sequence[str] | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        settings = [f"{name}={value}" for name, value in self.env.items()]
        return shlex.join(["env", *settings, *self.argv] if settings else self.argv)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one command over all rounds."""

    median: float
    minimum: float


def times(
    commands: Mapping[str, Command], *, rounds: int = 4, runs: int = 4, allow_failure: bool = False
) -> dict[str, Timing]:
    """Run the commands in turns and return the timing of each."""
    hyperfine = shutil.which("hyperfine")
    if hyperfine is None:
        sys.exit("hyperfine is missing: apt-get install hyperfine (or brew install hyperfine)")
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds):
        for name, command in commands.items():
            with tempfile.NamedTemporaryFile(suffix=".json") as result:
                options = [
                    "--shell=none",
                    "--style=none",
                    "--warmup=1" if turn == 0 else "--warmup=0",
                ]
                options += ["--runs", str(runs), "--export-json", result.name]
                if command.prepare:
                    options += ["--prepare", shlex.join(command.prepare)]
                if allow_failure:
                    options.append("--ignore-failure")
                done = subprocess.run(
                    [hyperfine, *options, command.line], capture_output=True, text=True, check=False
                )
                if done.returncode:
                    sys.exit(f"{name}: {command.line}\n{done.stderr}")
                seconds[name] += json.loads(Path(result.name).read_text())["results"][0]["times"]
    return {name: Timing(statistics.median(s), min(s)) for name, s in seconds.items()}


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured ratio beside its goal. `at_most` is False for "at least"."""

    what: str
    ratio: float
    goal: float
    detail: str
    at_most: bool = True

    def __str__(self) -> str:
        good = self.ratio <= self.goal if self.at_most else self.ratio >= self.goal
        sign = "≤" if self.at_most else "≥"
        verdict = "ok  " if good else "MISS"
        return f"{verdict} {self.ratio:7.2f}  {sign} {self.goal:<6g} {self.what}  ({self.detail})"


def milliseconds(**timings: Timing) -> str:
    """Return medians for the detail of a figure."""
    return ", ".join(f"{name} {timing.median * 1000:.0f} ms" for name, timing in timings.items())
