"""A service with its checkout, the state repository and an engine: what releases are made in."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gitops_cli.domain.image import parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from tests.node.watching import traced
from tests.testbed.engine import ContainerEngine
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.registry import Account, RealRegistry

ACCOUNT = Account("ci", "pa55-w0rd-of-the-registry")
DEV, PROD = "shop-development", "shop-production"
DOCKERFILE = """\
FROM scratch
ARG GREETING=hello
COPY busybox /bin/busybox
COPY greeting /greeting
CMD ["/bin/busybox", "cat", "/greeting"]
"""


@dataclass
class Company:
    """A service's checkout, the state repository, and the command that works on both."""

    gitops: Gitops
    checkout: Path
    state: Path
    registry: RealRegistry

    @property
    def head(self) -> str:
        return git(self.checkout, "rev-parse", "HEAD")

    def recorded(self, environment: str = DEV) -> str:
        return git(self.state, "show", f"main:{environment}/web.deployment")

    def digest(self, tag: str) -> str | None:
        """Return what the registry has under a tag."""
        rules = RegistryRules(self.registry.address, ca_file=self.registry.ca_file)
        environ = self.gitops.environment
        image = parse_image(f"{self.registry.address}/shop/web:{tag}")
        with closing(Registries({self.registry.address: rules}, environ)) as registries:
            return registries.digest(image)

    def traced(self, log: Path) -> Company:
        """Return the same, with all programs that the command starts added to a file."""
        return replace(self, gitops=self.gitops.under(*traced(log)))

    def commit(self, path: str, content: str) -> str:
        (self.checkout / path).write_text(content)
        git(self.checkout, "add", "--all")
        git(self.checkout, "commit", "-q", "-m", f"Change {path}")
        return self.head


def company(
    directory: Path, gitops: Gitops, engine: ContainerEngine, registry: RealRegistry
) -> Company:
    remote = init_bare(directory / "sources" / "web.git")
    git(directory, "clone", "-q", remote, "web")
    checkout = directory / "web"
    shutil.copy("/bin/busybox", checkout / "busybox")
    (checkout / "Dockerfile").write_text(DOCKERFILE)
    (checkout / "greeting").write_text("hello\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "Say hello")
    git(checkout, "push", "-q", "origin", "HEAD")
    state = init_bare(directory / "state.git")
    files: dict[str, str | None] = {
        f"{environment}/images_path": f"{registry.address}/shop/\n" for environment in (DEV, PROD)
    }
    files["gitops.toml"] = '[versions]\nnew_services = "allow"\n'
    add_commits(state, [Commit("start", files, 1_793_606_400)])
    variables = {**engine.variables, "GITOPS_REPO": str(state)}
    if registry.account is not None:
        log_in(gitops.home, registry)
        variables["REGISTRY_AUTH_FILE"] = str(gitops.home / ".docker" / "config.json")
    path = f"/usr/bin:{gitops.environment['PATH']}"
    return Company(gitops.at(checkout).using(PATH=path, **variables), checkout, state, registry)


def log_in(home: Path, registry: RealRegistry) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(registry.docker_config())
    assert registry.ca_file is not None
    trusted = home / ".config" / "containers" / "certs.d" / registry.address
    trusted.mkdir(parents=True)
    shutil.copy(registry.ca_file, trusted / "ca.crt")


def release(shop: Company, engine: ContainerEngine, *more: str) -> Ran:
    return shop.gitops("release", "-e", "dev", "--builder", engine.name, *more, timeout=200)
