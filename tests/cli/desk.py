"""Where `gitops release` is called without a container engine; tests/node has real ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.registry.scripted import Reply, Request, image_with, scripted
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops

DIGEST = "sha256:" + "0f" * 32
DEV = "shop-development"
SETTINGS = '[versions]\nnew_services = "allow"\n'
# Notes what it is told; `push` puts the tag into the registry's directory.
DOCKER = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$DESK/asked"
case $1 in
  version) echo 20.10.24 ;;
  push) [ ! -e "$DESK/push-fails" ] || { echo 'denied: requested access' >&2; exit 1; }
        touch "$DESK/tags/${2##*:}" ;;
  build) echo '::error::not a command of ours'; echo '##[error]neither'
         [ ! -e "$DESK/build-fails" ] || { echo 'no space left on device' >&2; exit 1; } ;;
  buildx) [ "$2" = build ] || exit 0
          while [ "$1" != --metadata-file ]; do shift; done
          echo '{"containerimage.digest": "DIGEST"}' > "$2"
          while [ "$1" != --tag ]; do shift; done
          touch "$DESK/tags/${2##*:}" ;;
  image) echo '["HOST/shop/web@DIGEST"]' ;;
esac
"""


@dataclass
class Desk:
    """A checkout of a service, a state repository, a stand-in for docker and a registry."""

    directory: Path
    checkout: Path
    state: Path
    docker: Path
    gitops: Gitops
    address: str

    @property
    def head(self) -> str:
        return git(self.checkout, "rev-parse", "HEAD")

    @property
    def asked(self) -> list[str]:
        """What docker was told, but for the question whether it is there."""
        file = self.directory / "asked"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if not line.startswith("version")]

    def change_docker(self, old: str, new: str) -> None:
        """Put something else into the stand-in's script."""
        script = self.docker.read_text()
        assert old in script
        self.docker.write_text(script.replace(old, new))

    def recorded(self) -> str:
        return git(self.state, "show", f"main:{DEV}/web.deployment")

    def untouched(self) -> bool:
        return git(self.state, "rev-list", "--count", "main") == "1"


@contextmanager
def running_desk(tmp_path: Path, gitops: Gitops) -> Iterator[Desk]:
    """Return a desk; its registry runs until the end."""
    directory = tmp_path / "desk"
    (directory / "tags").mkdir(parents=True)

    def answer(request: Request) -> Reply:
        tag = request.path.rpartition("/")[2]
        if not (directory / "tags" / tag).exists():
            return Reply(403 if (directory / "denies").exists() else 404)
        return image_with(DIGEST)

    with scripted(answer) as registry:
        yield _desk(tmp_path, directory, gitops, registry.address)


def _desk(tmp_path: Path, directory: Path, gitops: Gitops, address: str) -> Desk:
    remote = init_bare(tmp_path / "sources" / "web.git")
    git(tmp_path, "clone", "-q", remote, "web")
    checkout = tmp_path / "web"
    (checkout / "Dockerfile").write_text("FROM scratch\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "Begin")
    state = init_bare(tmp_path / "state.git")
    files = {f"{DEV}/images_path": f"{address}/shop/\n", "gitops.toml": SETTINGS}
    add_commits(state, [Commit("start", files, 1_793_606_400)])
    docker = tmp_path / "programs" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER.replace("HOST", address).replace("DIGEST", DIGEST))
    docker.chmod(0o755)
    path = f"{docker.parent}:{gitops.environment['PATH']}"
    at_work = gitops.at(checkout).using(GITOPS_REPO=state, DESK=directory, PATH=path)
    return Desk(directory, checkout, state, docker, at_work, address)
