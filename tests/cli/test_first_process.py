"""As the first process of a container, which hears no signal that it has no handler for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.node
def test_told_to_end_it_ends(tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nkill -TERM 1\nexec sleep 60\n")
    git.chmod(0o755)
    gitops = Path(sys.executable).with_name("gitops")

    done = subprocess.run(
        ["unshare", "--fork", "--pid", "--kill-child", gitops, "status", "--repo", tmp_path],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        check=False,
        timeout=50,
    )

    assert done.returncode == 143
