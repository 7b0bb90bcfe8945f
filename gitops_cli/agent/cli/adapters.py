"""Builds what only the agent's commands need; each is imported when it is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_cli.cli.session import Session

if TYPE_CHECKING:
    from gitops_cli.agent.tip_reader import TipReader


def tip_reader(
    session: Session, url: str, *, branch: str | None, keys: Path, home: Path | None = None
) -> TipReader:
    """Return what reads the tip of a repository, with the deploy key in a directory.

    With a `home`, an empty one, it reads as a pod does, which knows nothing of this user.
    """
    from gitops_cli.agent.keys import ssh_for
    from gitops_cli.agent.tip_reader import TipReader
    from gitops_cli.git.environment import impersonal

    variables = None if home is None else impersonal(os.environ, str(home))
    reader = TipReader(
        url, branch=branch, ssh=ssh_for(keys), environment=variables, left=session.limits.left
    )
    session.at_end(reader.close)
    return reader
