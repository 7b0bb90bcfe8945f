"""Where a sandbox keeps its files."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from gitops_cli.git.cache import user_cache
from gitops_cli.sandbox.samples import YOU


class SandboxPlace(NamedTuple):
    """The directory of one sandbox, absolute."""

    directory: Path

    @property
    def marker(self) -> Path:
        """The file that says that the directory is a sandbox, and whole."""
        return self.directory / ".gitops-sandbox"

    @property
    def lock(self) -> Path:
        """The file that one `up` or `down` at a time holds."""
        return self.directory / ".lock"

    @property
    def remote(self) -> Path:
        """The bare state repository."""
        return self.directory / "environments-state.git"

    @property
    def state(self) -> Path:
        return self.directory / "environments-state"

    @property
    def sources(self) -> Path:
        """The directory of the services' repositories."""
        return self.directory / "sources"

    def source(self, service: str) -> Path:
        return self.sources / service

    def source_url(self, service: str) -> str:
        """The same as a URL for gitops.toml, which any path can be."""
        return f"file://{quote(str(self.source(service)))}"

    @property
    def kubeconfig(self) -> Path:
        """The way to the emulated cluster; it holds a secret."""
        return self.directory / "kubeconfig"

    @property
    def record(self) -> Path:
        """The file in which the server says who it is; removing it stops the server."""
        return self.directory / "server.json"

    @property
    def log(self) -> Path:
        """What the server had to complain about."""
        return self.directory / "server.log"

    @property
    def home(self) -> Path:
        """What commands of the demo keep instead of the user's cache and config."""
        return self.directory / "home"

    @property
    def own_environment(self) -> dict[str, str]:
        """The variables of commands that no setting of the user's may change."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GITOPS_")}
        home = str(self.home)
        return {
            **kept,
            "XDG_CACHE_HOME": home,
            "XDG_CONFIG_HOME": home,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{role}_NAME": YOU.name for role in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{role}_EMAIL": YOU.email for role in ("AUTHOR", "COMMITTER")},
        }

    @property
    def agents_environment(self) -> dict[str, str]:
        """The variables of the agents' rounds: what one leaves that is killed goes with `home`."""
        temporary = self.home / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {**self.own_environment, "TMPDIR": str(temporary)}

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that a sandbox makes. The marker is first: what is left is not whole. The
        lock is last: until then nobody else begins.
        """
        return (
            self.marker,
            self.record,
            self.kubeconfig,
            self.log,
            self.state,
            self.remote,
            self.sources,
            self.home,
            self.lock,
        )

    def remove(self) -> None:
        """Remove everything that a sandbox makes; files of somebody else stay."""
        for path in self.files:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # something else is in it
            self.directory.rmdir()


def cache_directory() -> Path:
    """Return the user's cache of this program, whether it exists or not."""
    return user_cache(os.environ) / "gitops"


def default_place() -> SandboxPlace:
    """Return where the sandbox is if nothing else was said."""
    return SandboxPlace(cache_directory() / "sandbox")
