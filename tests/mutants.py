"""How many small changes to `domain` its own tests find: python -m tests.mutants [HOW_MANY].

mutmut makes the mutants, runs for each the tests that reach it, and keeps what it found below
mutants/ as long as neither code nor tests change. A sample is drawn with a fixed seed, so the same
code gets the same one. Exits with 1 if too few are found.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

ENOUGH = 0.9
_ROOT = Path(__file__).resolve().parent.parent
_MUTMUT = Path(sys.executable).with_name("mutmut")
_SURVIVED = {0, 5, 33}
"""Exit codes that mutmut notes: the tests passed, there was none, or none reaches it."""


def main(how_many: int | None) -> int:
    """Try all mutants or a sample of them; list those that the tests did not notice."""
    if how_many is None:
        _run()
        chosen = _results()
    else:
        _run("gitops_cli.domain.version.*")  # makes all mutants, tries few
        names = sorted(_results())
        names = random.Random(7).sample(names, min(how_many, len(names)))  # noqa: S311
        _run(*names)
        chosen = {name: code for name, code in _results().items() if name in set(names)}
    missed = sorted(name for name, code in chosen.items() if code in _SURVIVED)
    for name in missed:
        print(f"not noticed: {name}")  # noqa: T201
    share = 1 - len(missed) / len(chosen)
    print(f"{share:.1%} of {len(chosen)} mutants found; mutmut show NAME")  # noqa: T201
    # A sample of nine tenths has fewer by chance: twice its deviation is no alarm.
    luck = 0.0 if how_many is None else 2 * (ENOUGH * (1 - ENOUGH) / len(chosen)) ** 0.5
    return int(share < ENOUGH - luck)


def _run(*names: str) -> None:
    """Try the mutants of these names, or all; who looks on sees how far it is."""
    command = [_MUTMUT, "run", *names]
    if sys.stdout.isatty():
        subprocess.run(command, cwd=_ROOT, check=True)
        return
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mutmut ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _results() -> dict[str, int | None]:
    """Return the exit code of each mutant's tests by its name; None where none has run."""
    found: dict[str, int | None] = {}
    for file in sorted((_ROOT / "mutants" / "gitops_cli" / "domain").rglob("*.meta")):
        found |= json.loads(file.read_text())["exit_code_by_key"]
    return found


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if sys.argv[1:] else None))
