"""A small state repository: a bare remote and clones, and proposals to write to it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.domain.errors import Locked
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.state.opening import open_repository
from gitops_cli.state.repository import StateRepository
from tests.testbed.git import Commit, add_commits, git, init_bare

OLD = "a" * 40
NEW = "b" * 40
OTHER = "c" * 40
DEV, PROD = EnvironmentName("shop-development"), EnvironmentName("shop-production")
AUTH, WEB = ServiceName("auth"), ServiceName("web")
FILES = {
    f"{environment}/{name}": f"{content}\n"
    for environment in (DEV, PROD)
    for name, content in {
        "images_path": "registry.example.com/shop/",
        "auth.deployment": OLD,
        "web.deployment": OLD,
    }.items()
}
START = 1_793_606_400  # 2026-11-02 08:00 UTC


@dataclass(frozen=True, slots=True)
class World:
    """A directory with a bare remote and clones of it."""

    directory: Path
    remote: Path

    def clone(self, name: str = "clone", *options: str) -> Path:
        """Clone the remote; returns the clone."""
        target = self.directory / name
        git(self.directory, "clone", "-q", *options, "--", str(self.remote), str(target))
        return target

    def commit(self, files: Mapping[str, str | None], subject: str = "By hand") -> str:
        """Commit straight into the remote, as somebody else's push would."""
        count = int(git(self.remote, "rev-list", "--count", "--all"))
        return add_commits(self.remote, [Commit(subject, files, START + 60 * count)])[-1]

    def tip(self, branch: str = "main") -> str:
        """Return the remote's commit."""
        return git(self.remote, "rev-parse", f"refs/heads/{branch}")

    def read(self, path: str, branch: str = "main") -> str:
        """Return a file's content at the remote, without white space around it."""
        return git(self.remote, "show", f"{branch}:{path}").strip()

    def count(self, branch: str = "main") -> int:
        """Return how many commits the remote's branch has."""
        return int(git(self.remote, "rev-list", "--count", branch))


def make_world(directory: Path) -> World:
    """Make the remote with its first commit."""
    remote = init_bare(directory / "remote.git")
    add_commits(remote, [Commit("Begin", FILES, START)])
    return World(directory, remote)


def path_of(service: str, environment: str = DEV) -> str:
    """Return the path of a service's version file."""
    return f"{environment}/{service}.deployment"


def setting(
    service: ServiceName = AUTH, value: str = NEW, environment: EnvironmentName = DEV
) -> Callable[[Snapshot], Proposal]:
    """Return what `gitops set` would propose; refused by a lock."""

    def propose(snapshot: Snapshot) -> Proposal:
        found = snapshot.environment(environment)
        if service in found.locks:
            raise Locked(f"{service} is locked")
        seen = found.versions.get(service)
        old = None if seen is None else f"{seen}\n".encode()
        edit = Edit(path_of(service, environment), old, f"{value}\n".encode())
        subject = f"{environment}: {service} {str(seen)[:7]} → {value[:7]}"
        return Proposal((edit,), subject, trailers=(("Gitops-Action", "set"),))

    return propose


def fixed(*edits: Edit) -> Proposal:
    """Return what makes these edits, whatever stands there."""
    return Proposal(edits, "Change files")


def opened(where: Path, **options: object) -> StateRepository:
    """Open the repository of a directory."""
    return open_repository(where, **options)  # type: ignore[arg-type]


def opened_url(url: Path | str, **options: object) -> StateRepository:
    """Open a repository through the mirror."""
    return open_repository(Path("/"), url=str(url), **options)  # type: ignore[arg-type]


def fingerprint(root: Path, *, objects: bool = True) -> dict[str, str]:
    """Return a digest of every file below a directory, links and modes included."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            file = Path(directory, name)
            relative = file.relative_to(root).as_posix()
            if not objects and "objects/" in relative:
                continue
            data = str(file.readlink()).encode() if file.is_symlink() else file.read_bytes()
            mode = file.lstat().st_mode
            found[relative] = f"{mode:o} {hashlib.sha256(data).hexdigest()}"
    return found


NOBODY = 65534
# Modules first: the interpreter's own files may be readable to root alone.
_MODULES = "os, tempfile, gitops_cli.state.transaction, gitops_cli.state.mirror_branch"
AS_NOBODY = f"import {_MODULES}; os.setuid({NOBODY}) if os.getuid() == 0 else None; "


def failure_of(world: World, code: str) -> dict[str, object]:
    """Run code in a process of its own and return the error it must end with."""
    program = (
        "import json\nfrom tests.state.world import *\n"
        f"try:\n    {code}\nexcept Exception as e:\n"
        "    print(json.dumps({'name': type(e).__name__, 'code': int(e.exit_code), "
        "'message': e.message, 'hint': e.hint}))"
    )
    home = world.directory / "nobody"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    for parent in [world.directory, *world.directory.parents]:
        if "pytest-of-" in str(parent):  # made by pytest for its user alone
            parent.chmod(0o755)
    variables = {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=os.environ | variables,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, object] = json.loads(done.stdout)
    return found
