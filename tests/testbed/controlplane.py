"""Build, start and stop the control plane of tests/controlplane.

python -m tests.testbed.controlplane build [kubelet|kubectl] | start DIR [-- FLAGS] | stop DIR
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.testbed import golang
from tests.testbed.golang import FLAGS
from tests.testbed.patience import PATIENCE

SOURCES = Path(__file__).resolve().parent.parent / "controlplane"


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """One running control plane and the folder that holds its certificates, log and data."""

    directory: Path

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of an administrator, context "test"."""
        return self.directory / "kubeconfig"

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def url(self) -> str:
        [url] = re.findall(r"server: (\S+)", self.kubeconfig.read_text())
        return str(url)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        return int((self.directory / "pid").read_text())


# --- build


def binary(program: str = "controlplane") -> Path:
    """Return the program, also "kubelet" or "kubectl"; built first if a source has changed."""
    directory = golang.cache_directory() / f"controlplane-{_hash_of_sources()}"
    out = directory / program
    directory.mkdir(parents=True, exist_ok=True)
    with golang.locked(directory / f"{program}.lock"):  # of two builds at once the second waits
        if not out.exists():
            _build(program, out)
            golang.remove_unused("controlplane-*", keep=directory)
    os.utime(directory)
    return out


def _hash_of_sources() -> str:
    return golang.hash_of([*SOURCES.glob("*.go"), SOURCES / "go.mod", SOURCES / "go.sum"], FLAGS)


def _build(program: str, out: Path) -> None:
    version = re.findall(r"k8s\.io/kubernetes (v1\.(\d+)\.\d+)", _go_mod())[0]
    stamp = {"gitVersion": version[0], "gitMajor": "1", "gitMinor": version[1]}
    stamp["gitTreeState"] = "clean"
    names = " ".join(f"-X k8s.io/component-base/version.{k}={v}" for k, v in stamp.items())
    package = "." if program == "controlplane" else f"k8s.io/kubernetes/cmd/{program}"
    golang.say(f"building {program} {version[0]}: up to eight minutes on two cores the first time")
    golang.build(program, ["-ldflags", f"-s -w {names}", package], out, module=SOURCES)


def _go_mod() -> str:
    return (SOURCES / "go.mod").read_text()


def make_certificates(directory: Path) -> Path:
    """Write a new CA (ca.crt) and a certificate of it for 127.0.0.1 and localhost (server.crt,
    server.key) into a directory; return that.
    """
    golang.call("making certificates", str(binary()), "-dir", str(directory), "-certificates")
    return directory


# --- run

_children: dict[Path, subprocess.Popen[bytes]] = {}


def start(
    directory: Path, *flags: str, owner: Path | None = None, timeout: float = PATIENCE
) -> ControlPlane:
    """Start a new, empty cluster with its state in `directory`; return when it is ready.

    With `owner`, a named pipe, it ends by itself, and removes the directory, when nobody holds
    the pipe open for writing any more. Without, it runs until `stop`.
    """
    program = binary()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    plane = ControlPlane(directory.resolve())
    with (directory / "lock").open("a") as lock:
        if not _try_lock(lock.fileno()):
            raise golang.GoError(f"a control plane runs in {directory} already")
        for left_over in ("etcd.sock", "kubeconfig", "pid"):
            (directory / left_over).unlink(missing_ok=True)
        shutil.rmtree(directory / "etcd", ignore_errors=True)
        process = _spawn([str(program), "-dir", str(plane.directory), *flags], plane, lock, owner)
        (directory / "pid").write_text(str(process.pid))
    if owner:  # it may outlive this process, which then leaves it behind on purpose
        threading.Thread(target=process.wait, daemon=True).start()
    else:
        _children[plane.directory] = process
    deadline = time.monotonic() + timeout
    while not plane.kubeconfig.exists():  # its appearance tells that all is ready
        if process.poll() is not None or time.monotonic() > deadline:
            log = (directory / "log").read_text().splitlines()
            stop(directory)
            raise golang.GoError(
                "the control plane did not start; its log ends with\n" + "\n".join(log[-20:])
            )
        time.sleep(0.02)
    return plane


def _spawn(
    command: list[str], plane: ControlPlane, lock: IO[str], owner: Path | None
) -> subprocess.Popen[bytes]:
    with (plane.directory / "log").open("w") as log:
        stdin = os.open(owner or os.devnull, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(stdin, True)
        try:
            return subprocess.Popen(
                [*command, "-owned"] if owner else command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                # Memory is there: looking for garbage was an eighth of its time.
                env={**os.environ, "GOGC": "400"},
                start_new_session=True,  # Ctrl-C in the tests is not for it
                pass_fds=[lock.fileno()],  # inherited: the lock is held as long as it lives
            )
        finally:
            os.close(stdin)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_running(directory: Path) -> bool:
    """Tell whether a control plane runs in the directory, whoever started it."""
    try:
        with (directory / "lock").open() as lock:
            return not _try_lock(lock.fileno())
    except FileNotFoundError:
        return False


def stop(directory: Path) -> None:
    """End the control plane of the directory, if one runs; its data goes, its log stays."""
    directory = directory.resolve()
    for kind in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 5
        if is_running(directory):
            os.kill(ControlPlane(directory).pid, kind)
        while is_running(directory) and time.monotonic() < deadline:
            time.sleep(0.01)
    if process := _children.pop(directory, None):
        process.wait()
    shutil.rmtree(directory / "etcd", ignore_errors=True)
    for name in ("etcd.sock", "kubeconfig", "pid"):
        (directory / name).unlink(missing_ok=True)


# --- one per test session


class Session:
    """The control plane that all processes of one test session share.

    The session's main process makes the folder and holds a named pipe open in it; whichever
    process first needs the control plane starts it. It ends with the main process, even if that
    one is killed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._owner: int | None = None

    @property
    def _pipe(self) -> Path:
        return self.directory / "owner"

    def open(self) -> None:
        """Own the session: called by its main process only."""
        os.mkfifo(self._pipe, 0o600)
        self._owner = os.open(self._pipe, os.O_RDWR)  # O_WRONLY would wait for a reader

    def control_plane(self) -> ControlPlane:
        """Return the session's control plane, started if this is the first to ask."""
        plane = ControlPlane(self.directory)
        with golang.locked(self.directory / "start.lock"):
            if not plane.kubeconfig.exists():
                start(self.directory, owner=self._pipe)
        return plane

    def close(self) -> None:
        """End the session's control plane and remove the folder."""
        if self._owner is not None:
            stop(self.directory)
            os.close(self._owner)
            shutil.rmtree(self.directory, ignore_errors=True)


def main() -> None:
    """Run one command: build, start or stop."""
    parser = argparse.ArgumentParser(prog="python -m tests.testbed.controlplane")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build it if a source has changed; print its path")
    build.add_argument("program", nargs="?", default="controlplane")
    run = commands.add_parser(
        "start", help="start it; print the kubeconfig's path when it is ready"
    )
    run.add_argument("directory", type=Path)
    run.add_argument("flags", nargs="*", help="after --, for the control plane itself")
    end = commands.add_parser("stop", help="end it")
    end.add_argument("directory", type=Path)
    asked = parser.parse_args()
    try:
        if asked.command == "build":
            sys.stdout.write(f"{binary(asked.program)}\n")
        elif asked.command == "start":
            sys.stdout.write(f"{start(asked.directory, *asked.flags).kubeconfig}\n")
        else:
            stop(asked.directory)
    except golang.GoError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
