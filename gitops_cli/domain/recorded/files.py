"""Files of the repository as they come: a path, its bytes, and how many may be read."""

from __future__ import annotations

from enum import StrEnum

from gitops_cli.domain.values import NamedTuple

SETTINGS = "gitops.toml"
LOCK_SUFFIX = ".lock"
APPROVAL_SUFFIX = ".approval"
MANIFESTS = "manifests"  # the directory of an environment's objects, in its own
MAX_SETTINGS_BYTES = 1 << 18  # of gitops.toml: two thousand services, with room
MAX_BYTES = 4096  # of a version file, images_path or a lock: one line, with room


class FileType(StrEnum):
    """What git says a path is; only regular files hold state."""

    REGULAR = "file"
    SYMLINK = "symbolic link"
    DIRECTORY = "directory"
    SUBMODULE = "submodule"


class HeldFile(NamedTuple):
    """A file of the repository whole, with its mode as git writes it; of a link, where it leads."""

    mode: str
    data: bytes


class RawFile(NamedTuple):
    """A path of the repository and its bytes, cut after one more than it may have."""

    path: str
    data: bytes = b""
    type: FileType = FileType.REGULAR
