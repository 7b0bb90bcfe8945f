"""The engine that is there: docker if its daemon answers, else podman."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gitops_cli.builder.process import Finished, Progress, ask, run
from gitops_cli.domain.errors import (
    BuilderUnreachable,
    BuildFailed,
    ConfigurationError,
    Denied,
    RegistryError,
)
from gitops_cli.domain.image import ImageRef, same_repository
from gitops_cli.domain.release.building import BuildRequest, CommitRequest, Engine
from gitops_cli.domain.release.containers import StartedWith, started_with
from gitops_cli.domain.text import one_line
from gitops_cli.domain.version import is_digest

_DENIED = re.compile(r"unauthorized|denied|authentication required|no basic auth", re.IGNORECASE)


class Builder(NamedTuple):
    """One engine; `progress` takes its lines, None lets it draw on our terminal.

    It is run in `directory`, which relative paths of secrets mean.
    """

    engine: Engine
    program: str
    environ: Mapping[str, str]
    progress: Progress | None
    directory: Path

    def build(self, image: ImageRef, request: BuildRequest, *, plain_http: bool) -> frozenset[str]:
        """Build an image and push it; return the digests it may have in the registry."""
        if len(request.platforms) > 1:
            return self._build_several(image, request, plain_http=plain_http)
        self._run("build", [*_build_words(request), "--tag", str(image), str(request.context)])
        return self.push(image, plain_http=plain_http)

    def look(self, container: str) -> StartedWith:
        """Return what a container was started with beside its image; nothing if there is none."""
        found = self._inspect("container", container)
        if not found:
            return StartedWith()  # committing it says why
        image = self._inspect("image", str(found.get("Image")))
        return started_with(found, image.get("Config") or {})

    def _inspect(self, kind: str, name: str) -> Mapping[str, Any]:
        said = ask([self.program, kind, "inspect", name], self.environ)
        [found] = json.loads(said or "[{}]")
        return found if isinstance(found, dict) else {}

    def commit(
        self, image: ImageRef, request: CommitRequest, *, plain_http: bool
    ) -> frozenset[str]:
        """Make an image of a container and push it; return its digests as `build` does."""
        changes = [word for change in request.changes for word in ("--change", change)]
        self._run("commit", [*changes, request.container, str(image)])
        return self.push(image, plain_http=plain_http)

    def push(self, image: ImageRef, *, plain_http: bool) -> frozenset[str]:
        """Push an image that the engine has; raises RegistryError or Denied."""
        if self.engine is Engine.DOCKER:
            self._push(["push", str(image)], image)
            return frozenset(self._docker_digests(image))
        with tempfile.TemporaryDirectory(prefix="gitops-") as directory:
            file = Path(directory, "digest")
            self._push(["push", *_tls(plain_http), "--digestfile", str(file), str(image)], image)
            return frozenset({file.read_text().strip()})

    def _build_several(
        self, image: ImageRef, request: BuildRequest, *, plain_http: bool
    ) -> frozenset[str]:
        """Build for several platforms: one index of images."""
        words = _build_words(request)
        with tempfile.TemporaryDirectory(prefix="gitops-") as directory:
            file = Path(directory, "digest")
            if self.engine is Engine.PODMAN:
                self._build_list(image, words, request)
                push = ["manifest", "push", "--all", *_tls(plain_http), "--digestfile", str(file)]
                self._push([*push, str(image), f"docker://{image}"], image)
                return frozenset({file.read_text().strip()})
            if ask([self.program, "buildx", "version"], self.environ) is None:
                raise ConfigurationError(
                    "docker builds for several platforms with its buildx plugin, which is missing",
                    hint="install docker-buildx, or use --builder podman",
                )
            file_words = ["--metadata-file", str(file), "--push", "--tag", str(image)]
            self._run("buildx", ["build", *words, *file_words, str(request.context)])
            digest = json.loads(file.read_text()).get("containerimage.digest", "")
            return frozenset({digest} if is_digest(digest) else ())

    def _build_list(self, image: ImageRef, words: Sequence[str], request: BuildRequest) -> None:
        """Let podman build a local index with an image for each platform; raises BuildFailed.

        podman 4 takes the layers of one platform for those of another where an image has no base,
        and makes an index that lacks one. So what it made is counted, and made anew without its
        cache.
        """
        wanted = len(set(request.platforms))
        for more in ([], ["--no-cache"]):
            ask([self.program, "manifest", "rm", str(image)], self.environ)  # of an earlier run
            self._run("build", [*more, *words, "--manifest", str(image), str(request.context)])
            said = ask([self.program, "manifest", "inspect", str(image)], self.environ)
            if len(json.loads(said or "{}").get("manifests") or ()) >= wanted:
                return
        raise BuildFailed(f"podman made an index that lacks some of {', '.join(request.platforms)}")

    def _docker_digests(self, image: ImageRef) -> Iterator[str]:
        words = ["image", "inspect", "--format", "{{json .RepoDigests}}", str(image)]
        listed = ask([self.program, *words], self.environ)
        for reference in json.loads(listed or "null") or []:
            repository, _, digest = reference.partition("@")
            if same_repository(repository, image.repository) and is_digest(digest):
                yield digest

    def _run(self, word: str, words: Sequence[str]) -> None:
        command = [self.program, word, *words]
        done = run(command, self._environ_for(words), self.progress, self.directory)
        if done.code != 0:
            raise BuildFailed(
                f"{self.engine} {word} ended with exit code {done.code}{_last(done)}",
                hint=_advice(done),
            )

    def _environ_for(self, words: Sequence[str]) -> Mapping[str, str]:
        # Docker 20.10 has BuildKit but does not use it by itself; secrets need it.
        wants = self.engine is Engine.DOCKER and "--secret" in words
        return {**self.environ, "DOCKER_BUILDKIT": "1"} if wants else self.environ

    def _push(self, words: Sequence[str], image: ImageRef) -> None:
        done = run([self.program, *words], self.environ, self.progress, self.directory)
        if done.code == 0:
            return
        message = f"{self.engine} could not push {image} (exit code {done.code}){_last(done)}"
        host = image.repository.partition("/")[0]
        if any(_DENIED.search(line) for line in done.last):
            raise Denied(message, hint=f"{self.engine} login {host}")
        raise RegistryError(message, hint=self._push_advice(done, host))

    def _push_advice(self, done: Finished, host: str) -> str:
        again = "run it again: what is done is not done twice"
        text = "\n".join(done.last)
        if not text:  # the terminal has it, and whoever sits there
            return f"where it was denied: {self.engine} login {host}; else {again}"
        if "HTTP response to HTTPS client" in text:
            return f'where plain HTTP is meant: "insecure-registries": ["{host}"] in daemon.json'
        if "x509:" in text or "certificate" in text:
            base = "docker" if self.engine is Engine.DOCKER else "containers"
            return f"{self.engine} reads a registry's authorities in /etc/{base}/certs.d/{host}/"
        return again


def find_builder(
    wanted: Engine | None,
    environ: Mapping[str, str],
    progress: Progress | None,
    directory: Path,
) -> Builder:
    """Return the wanted engine, or the first that is there and answers.

    Raises ConfigurationError if none is installed, BuilderUnreachable if none answers.
    """
    silent: list[str] = []
    for engine in Engine if wanted is None else (wanted,):
        program = shutil.which(engine, path=environ.get("PATH"))
        if program is None:
            continue
        if _answers(engine, program, environ):
            return Builder(engine, program, environ, progress, directory)
        silent.append(engine)
    if silent:
        raise BuilderUnreachable(
            f"{' and '.join(silent)} cannot reach the engine",
            hint=f"see why: {silent[0]} version",
        )
    raise ConfigurationError(
        f"{wanted or 'neither docker nor podman'} is {'not ' if wanted else ''}installed",
        hint="install docker or podman, or build elsewhere and record with `gitops set`",
    )


def _answers(engine: Engine, program: str, environ: Mapping[str, str]) -> bool:
    part = "Server" if engine is Engine.DOCKER else "Client"
    return bool(ask([program, "version", "--format", f"{{{{.{part}.Version}}}}"], environ))


def _build_words(request: BuildRequest) -> list[str]:
    words = [] if request.file is None else ["--file", str(request.file)]
    for arg in request.args:
        words += ["--build-arg", arg]
    for secret in request.secrets:
        words += ["--secret", secret]
    if request.platforms:
        words += ["--platform", ",".join(request.platforms)]
    for name, value in request.labels.items():
        words += ["--label", f"{name}={value}"]
    return words


def _tls(plain_http: bool) -> list[str]:
    return ["--tls-verify=false"] if plain_http else []


def _last(done: Finished) -> str:
    said = [one_line(line) for line in done.last if line.strip()]
    return f": {said[-1][:300]}" if said else ""


def _advice(done: Finished) -> str | None:
    text = "\n".join(done.last)
    if "unknown flag: --secret" in text or "requires BuildKit" in text:
        return "docker needs its buildx plugin (BuildKit) for that: install docker-buildx"
    return None
