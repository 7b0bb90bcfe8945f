"""The seeded agent's script, where a real node would take a minute to show it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops_cli.agent.model.seed import command, variables
from gitops_cli.agent.model.spec import Seed
from tests.testbed.patience import PATIENCE


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
        timeout=PATIENCE,
    )

    assert done.returncode == 143
    assert not begun.exists()


def test_the_script_gives_apt_and_pip_the_very_words_that_were_asked_for(tmp_path: Path) -> None:
    """Debian's versions have a `~`, which the shell's own quoting takes for a home directory."""
    packages = ["git=1:2.47.1-1~bpo12+1", "openssh-client", "libstdc++6:amd64"]
    requirements = ["gitops-cli==0.1.0", "typer==0.20.0"]
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("apt-get", "python3", "mkdir", "dpkg-deb", "rm"):  # none writes to this machine
        (programs / name).write_text(f"#!/bin/sh\nprintf '%s\\n' {name} \"$@\" >>{tmp_path}/said\n")
        (programs / name).chmod(0o755)
    (programs / "grep").symlink_to("/usr/bin/grep")

    subprocess.run(
        ["/bin/sh", *command(["agent", "run"])[1:]],
        env={"PATH": str(programs), **variables(Seed(requirements, packages=packages))},
        check=True,
        timeout=PATIENCE,
    )

    said = (tmp_path / "said").read_text().split("apt-get\n")[2].splitlines()
    end = said.index("dpkg-deb")
    assert said[end - 3 : end] == packages
    assert said[-7:] == [*requirements, "python3", "-m", "gitops_cli", "agent", "run"]
