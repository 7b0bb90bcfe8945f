"""git's configuration, read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.environment import as_environment, can_ask, ssh_batch
from gitops_cli.git.process import Git, RunningGit

_TRUE = frozenset({"true", "yes", "on"})
# What a connection needs that may stand in one repository's own configuration.
_CONNECTION = ("http.", "credential.", "url.", "ssh.", "protocol.")


class Config(NamedTuple):
    """All values by key, in git's order: the last one counts. None: a key without `=`.

    `own` are those of the repository itself.
    """

    values: Mapping[str, tuple[str | None, ...]]
    own: Mapping[str, tuple[str | None, ...]]

    def get(self, key: str) -> str | None:
        """Return the value of a key (section and name in lower case), or None."""
        found = self.values.get(key)
        return found[-1] if found else None

    def all(self, key: str) -> tuple[str, ...]:
        """Return every value of a key."""
        return tuple(value for value in self.values.get(key, ()) if value is not None)

    def flag(self, key: str) -> bool:
        """Return a boolean; a key without a value is true, a missing one false."""
        if key not in self.values:
            return False
        value = self.get(key)
        if value is None:
            return True
        digits = value.removeprefix("-")
        return value.lower() in _TRUE or (digits.isdecimal() and bool(digits.strip("0")))

    @property
    def rewrites_urls(self) -> bool:
        """Tell whether git takes other URLs than those configured: `url.BASE.insteadOf`."""
        return any(key.startswith("url.") and key.endswith(".insteadof") for key in self.values)

    def names(self, section: str, key: str) -> list[str]:
        """Return the NAMEs of all `section.NAME.key`, sorted."""
        head, tail = f"{section}.", f".{key}"
        return sorted(
            entry[len(head) : -len(tail)]
            for entry in self.values
            if entry.startswith(head) and entry.endswith(tail) and len(entry) > len(head + tail)
        )

    def connection(self) -> Iterator[tuple[str, str]]:
        """Yield what the repository itself says on how to connect and with which credentials."""
        for key, values in self.own.items():
            if key.startswith(_CONNECTION) or key == "core.sshcommand":
                for value in values:
                    yield key, "" if value is None else value


def without_questions(environment: Mapping[str, str], config: Config) -> dict[str, str]:
    """Return the environment with an ssh that fails instead of asking, where nobody could answer.

    git itself does not ask there anyhow (`git_environment`).
    """
    if can_ask(environment):
        return {**environment}
    return {**environment, **ssh_batch(environment, config.get("core.sshcommand"))}


def handed_on(environment: Mapping[str, str], config: Config) -> dict[str, str]:
    """Return the environment with a clone's own way to its remotes, for a mirror of them."""
    return {**environment, **as_environment(config.connection(), environment)}


def read_config(git: Git) -> Config:
    """Return the configuration that git would use in its directory."""
    with start_listing(git) as listing:
        return finish_listing(listing)


def start_listing(git: Git) -> RunningGit:
    """Start git's listing of the configuration, for `finish_listing` to read."""
    return git.start("config", "--list", "-z", "--includes", "--show-scope")


def finish_listing(listing: RunningGit) -> Config:
    """Return the configuration that git has listed; raises ConfigurationError."""
    out, err = listing.communicate()
    if listing.returncode != 0:
        raise ConfigurationError(f"git's configuration: {one_line(err.decode(errors='replace'))}")
    values: dict[str, tuple[str | None, ...]] = {}
    own: dict[str, tuple[str | None, ...]] = {}
    fields = out.decode(errors="surrogateescape").split("\0")
    for scope, entry in zip(fields[::2], fields[1::2], strict=False):
        key, has_value, value = entry.partition("\n")
        found = value if has_value else None
        values[key] = (*values.get(key, ()), found)
        if scope in {"local", "worktree"}:
            own[key] = (*own.get(key, ()), found)
    return Config(values, own)
