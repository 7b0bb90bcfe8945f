"""The seeded agent's script, where a real node would take a minute to show it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops_cli.domain.agent.seed import command


@pytest.mark.node
def test_told_to_end_while_it_installs_it_does_not_begin(tmp_path: Path) -> None:
    """The first process of a pod does not hear a SIGTERM for which it has no handler."""
    begun = tmp_path / "begun"
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\ncase "$*" in *pip*) kill -TERM 1 ;; *) touch {begun} ;; esac\n')
    python.chmod(0o755)

    done = subprocess.run(
        ["unshare", "--fork", "--pid", *command(["agent", "run"])],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SEED_PACKAGES": "git", "SEED_REQUIREMENTS": "x"},
        check=False,
        timeout=30,
    )

    assert done.returncode == 143
    assert not begun.exists()
