"""Expected failures and their exit codes: the one table of both.

The domain and the adapters raise these; only `cli` turns them into an exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the shell sees. `gitops help exit-codes` prints this table."""

    OK = 0
    NO = 1
    USAGE = 2
    GIT = 3
    DENIED = 4
    API = 5
    BLOCKED = 6
    ROLLOUT_FAILED = 7
    TIMED_OUT = 8
    BUG = 70
    MACHINE = 74
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """Return one line for people."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done, or nothing to do, or no difference",
    ExitCode.NO: "the answer is no: difference, findings, stale agent, declined",
    ExitCode.USAGE: "usage or configuration",
    ExitCode.GIT: "git: remote unreachable, push refused, retries used up",
    ExitCode.DENIED: "not authenticated or not permitted",
    ExitCode.API: "cluster or registry unreachable, or an API error",
    ExitCode.BLOCKED: (
        "blocked: lock, freeze, stale build, missing image, bad signature, wrong cluster, "
        "--expect, the source moved, untrusted programs"
    ),
    ExitCode.ROLLOUT_FAILED: "rollout failed, or a step of infrastructure",
    ExitCode.TIMED_OUT: "timed out",
    ExitCode.BUG: "a bug in gitops; never 1",
    ExitCode.MACHINE: (
        "this machine: disk full, too many open files, or stdout did not take the answer"
    ),
    ExitCode.INTERRUPTED: "interrupted",
}

# Over several environments the first of these that occurred wins (spec, section 5).
_PRECEDENCE = (
    ExitCode.BUG,
    ExitCode.MACHINE,
    ExitCode.INTERRUPTED,
    ExitCode.USAGE,
    ExitCode.DENIED,
    ExitCode.API,
    ExitCode.GIT,
    ExitCode.ROLLOUT_FAILED,
    ExitCode.TIMED_OUT,
    ExitCode.BLOCKED,
    ExitCode.NO,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code that speaks for several outcomes; OK when there are none."""
    seen = set(codes)
    return next((code for code in _PRECEDENCE if code in seen), ExitCode.OK)


class GitOpsError(Exception):
    """An expected failure: what happened, and what to type next."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Bug(GitOpsError):
    """What nobody foresaw; for where the others of many must go on."""

    exit_code = ExitCode.BUG
    code = "bug"


class Declined(GitOpsError):
    """A person said no."""

    exit_code = ExitCode.NO
    code = "declined"


class Interrupted(GitOpsError):
    """Ctrl-C, or its equivalent in a prompt."""

    exit_code = ExitCode.INTERRUPTED
    code = "interrupted"


class MachineFailed(GitOpsError):
    """The operating system has no space, descriptors or processes left."""

    exit_code = ExitCode.MACHINE
    code = "machine"


class AnswerLost(MachineFailed):
    """stdout did not take what the command was asked for."""

    code = "answer-lost"


class UsageError(GitOpsError):
    """The command line asks for something that cannot be meant."""

    code = "usage"


class NoStateRepository(UsageError):
    """What was found is not a state repository: the error names the ways to say which one is."""

    code = "no-state-repository"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=f"{hint}{NAME_ONE}")


NAME_ONE = (
    "name yours: -C PATH, -R URL, GITOPS_REPO, or `repo` in your config (`gitops config list "
    "--show-origin`); `gitops init` makes one, `gitops sandbox up` makes one to practise on"
)


class ConfigurationError(GitOpsError):
    """gitops.toml, the user's config, a kubeconfig or the environment is wrong."""

    code = "configuration"


class InvalidState(GitOpsError):
    """The state repository holds something that cannot be deployed; names file and line."""

    code = "invalid-state"


class UnknownService(UsageError):
    """No such service where it was looked for."""

    code = "unknown-service"


class UnknownEnvironment(UsageError):
    """No such environment, or a short name that fits several."""

    code = "unknown-environment"


class GitError(GitOpsError):
    """git failed in a way that is neither a refusal nor a lost race."""

    exit_code = ExitCode.GIT
    code = "git"


class RemoteUnreachable(GitError):
    """The remote did not answer, or broke off."""

    code = "remote-unreachable"


class RemoteMissing(RemoteUnreachable):
    """Where the remote should be is no repository: trying again cannot help."""

    code = "remote-missing"


class PushRefused(GitError):
    """A hook or the server's own rules said no to the push."""

    code = "push-refused"


class RetriesExhausted(GitError):
    """The time for retrying a write is used up."""

    code = "retries-exhausted"


class Denied(GitOpsError):
    """Not authenticated or not permitted: by git, cluster, registry, forge or file system."""

    exit_code = ExitCode.DENIED
    code = "denied"


class ClusterError(GitOpsError):
    """The cluster is unreachable or answered with an error."""

    exit_code = ExitCode.API
    code = "cluster"


class ClusterUnreachable(ClusterError):
    """Nothing answered, or the connection broke."""

    code = "cluster-unreachable"


class UnknownKind(ClusterError):
    """The cluster has no such kind of object: what brings it is not installed."""

    code = "unknown-kind"


class RegistryError(GitOpsError):
    """The registry is unreachable or answered with an error; `wait`: seconds it asks to be left."""

    exit_code = ExitCode.API
    code = "registry"
    wait: float | None = None


class ForgeError(GitOpsError):
    """The forge is unreachable or answered with an error."""

    exit_code = ExitCode.API
    code = "forge"


class ForgeConflict(ForgeError):
    """The forge does not do it as things stand: a request is open already, or cannot be merged."""

    code = "forge-conflict"


class NotRunning(GitOpsError):
    """There is nothing to look into: no pod, no process in it, or no log of one."""

    exit_code = ExitCode.NO
    code = "not-running"


class BuildFailed(GitOpsError):
    """docker or podman could not make the image."""

    exit_code = ExitCode.NO
    code = "build-failed"


class BuilderUnreachable(GitOpsError):
    """docker's or podman's engine does not answer."""

    exit_code = ExitCode.API
    code = "builder-unreachable"


class Blocked(GitOpsError):
    """A rule forbids it; the message names the rule and where it stands."""

    exit_code = ExitCode.BLOCKED
    code = "blocked"


class Locked(Blocked):
    """The service or environment is held by a lock file."""

    code = "locked"


class Frozen(Blocked):
    """A freeze window is open."""

    code = "frozen"


class StaleBuild(Blocked):
    """The version is older than the recorded one."""

    code = "stale-build"


class PolicyRefused(Blocked):
    """gitops.toml's policy for the stage does not permit it."""

    code = "policy"


class ImageMissing(Blocked):
    """The registry does not have the image."""

    code = "image-missing"


class DirtyTree(Blocked):
    """The checkout holds changes that are not committed."""

    code = "dirty-tree"


class ImageDiffers(Blocked):
    """The registry holds another image under the tag than the one that was pushed."""

    code = "image-differs"


class UntrustedCommit(Blocked):
    """A required signature is missing or not by an allowed signer."""

    code = "untrusted-commit"


class WrongCluster(Blocked):
    """The environment belongs to another cluster."""

    code = "wrong-cluster"


class ExpectationFailed(Blocked):
    """`--expect` named another version than the recorded one."""

    code = "expectation-failed"


class SourceMoved(Blocked):
    """What was shown is no longer what would be written."""

    code = "source-moved"


class RolloutFailed(GitOpsError):
    """The cluster could not bring the new version up."""

    exit_code = ExitCode.ROLLOUT_FAILED
    code = "rollout-failed"


class TimedOut(GitOpsError):
    """It did not happen in time."""

    exit_code = ExitCode.TIMED_OUT
    code = "timed-out"
