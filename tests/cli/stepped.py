"""What tests of steps record: a command that keeps what it was told in a file of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.live import Live
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran

SCRIPT = """#!/bin/sh
# plan: 2 where the machine's file is not as wanted; apply: write it.
wanted=$(cat wanted)
case $1 in
plan) [ "$(cat "$2" 2>/dev/null)" = "$wanted" ] && echo "as wanted" && exit 0
  echo "would write $wanted"; exit 2 ;;
apply) echo "$wanted" >"$2"; echo "wrote $wanted" ;;
*) exit 9 ;;
esac
"""


def stage_of(live: Live) -> str:
    """Return the stage of the environment."""
    return live.namespace.rpartition("-")[2]


def table(live: Live, name: str, text: str, kind: str = "step") -> str:
    """Return a table of gitops.toml."""
    return f"[stage.{stage_of(live)}.{kind}.{name}]\n{text}\n"


def settings(live: Live, *tables: str) -> str:
    """Return a gitops.toml with the environment's stage and these tables."""
    return "\n".join([f'stages = ["{stage_of(live)}"]', *tables])


def command(live: Live, target: Path, name: str = "dns", more: str = "") -> str:
    """Return a step that keeps the content of infra/NAME/wanted in a file of the machine."""
    return table(
        live,
        name,
        f'plan = ["./write.sh", "plan", "{target}"]\n'
        f'apply = ["./write.sh", "apply", "{target}"]\ndirectory = "infra/{name}"\n{more}',
    )


def push(live: Live, files: dict[str, str | None], *, programs: tuple[str, ...] = ()) -> str:
    """Push files from the top of the repository, as a colleague with a clone does."""
    work = live.remote.parent / "colleague"
    if not work.exists():
        git(live.remote.parent, "clone", "-q", "--template=", live.remote, work)
    git(work, "pull", "-q")
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
            path.chmod(0o755 if name in programs or text.startswith("#!") else 0o644)
    git(work, "add", "-A")
    git(work, "commit", "-qm", "Change what is declared")
    git(work, "push", "-q")
    return git(work, "rev-parse", "HEAD")


def trust(gitops: Gitops) -> Ran:
    """Trust what the repository declares now, as a pipeline does with a digest it was given."""
    shown = gitops("trust", "-o", "json")
    found = shown.json()
    assert (shown.code, found["trusted"]) == (1, False)
    return gitops("trust", "--yes", "--digest", found["digest"]).ok()


def steps(done: Ran) -> dict[str, Any]:
    """Return the steps of the one environment in a document."""
    [environment] = done.json()["environments"]
    return {step["name"]: step for step in environment.get("steps", ())}


def states(done: Ran) -> dict[str, str]:
    """Return how each step is."""
    return {name: step["state"] for name, step in steps(done).items()}
