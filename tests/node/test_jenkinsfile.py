"""The Jenkins recipe, judged by npm-groovy-lint; it needs Java, which tests/node/setup installs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.testbed.npm import npx

pytestmark = pytest.mark.node
RECIPES = Path(__file__).parents[2] / "gitops_cli" / "recipes"
LINTER = "npm-groovy-lint@15.2.2"


def test_jenkinsfile_by_npm_groovy_lint() -> None:
    program = npx()
    path = f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}"
    # Without --noserver it would leave a server behind.
    words = ("--noserver", "--no-insight", "--failon", "warning", "--path", RECIPES)

    done = subprocess.run(
        [program, "--yes", LINTER, *map(str, words), "--files", "**/Jenkinsfile"],
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 linted files" in done.stdout.replace("\x1b[1m", "").replace("\x1b[22m", "")
