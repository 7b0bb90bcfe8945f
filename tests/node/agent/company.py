"""A company on the site: five environments, with an agent of every kind, and how to ask them."""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gitops_cli.agent.model.spec import CONTROLLER_NAMESPACE, NAME
from gitops_cli.operations.shell_agent import shell_agent
from tests.agent.world import apply
from tests.node.agent.site import Site
from tests.testbed.gitops import Gitops
from tests.testbed.kube import PATIENCE, Manifest, path
from tests.testbed.patience import eventually

BAKED, SEEDED, SHELL = "shop-development", "shop-staging", "shop-production"
CONTROLLED = ("store-development", "store-staging")
ALL = (BAKED, SEEDED, SHELL, *CONTROLLED)
INTERVAL = 3  # seconds, of the controller
_LOG = logging.getLogger(__name__)


def install_all(site: Site, gitops: Gitops) -> None:
    """Make the environments and install an agent for each: baked, seeded, shell, a controller."""
    for name in ALL:
        site.environment(name)
    for name in ALL:
        site.kube.wait_rolled_out("Deployment", name, "web")
    site.kube.create_namespace(CONTROLLER_NAMESPACE)
    strictest = {"pod-security.kubernetes.io/enforce": "restricted"}
    labels = {"metadata": {"labels": strictest}}
    site.kube.patch("Namespace", None, CONTROLLER_NAMESPACE, labels)
    where = ["--agent-repo", site.url]
    for name in (BAKED, SEEDED):
        make_key(site, gitops, name)
    make_key(site, gitops, CONTROLLED[0], "--mode=controller")
    # Only pods reach the registry at that address.
    baked = [*where, "--image", site.images["baked"], "--no-verify-image", "--yes"]
    gitops("agent", "install", BAKED, *baked, "--restrict").ok()
    stock = ["--seeded", "--image", site.images["stock"], "--seed-index", site.index]
    printed = gitops("agent", "manifests", SEEDED, *where, *stock).ok().stdout
    kubectl(site, "apply", "-f", "-", stdin=printed)
    one = ["--mode=controller", f"--interval={INTERVAL}s", *baked]
    gitops("agent", "install", CONTROLLED[0], *one, "--metrics", "9464").ok()
    # A process that is told to end before it has begun does not hear it, as the first of its pod.
    await_status(site, CONTROLLED[0], lambda said: said.get("commit"))
    gitops("agent", "install", CONTROLLED[1], *one).ok()
    _install_shell_agent(site, gitops)


def make_key(site: Site, gitops: Gitops, environment: str, *options: str) -> None:
    """Make a deploy key and register it at the git server."""
    where = ["--agent-repo", site.url, "--host-key", site.sshd.fingerprint()]
    ran = gitops("agent", "key", environment, *where, *options).ok()
    site.sshd.let_read(ran.stdout)


def _install_shell_agent(site: Site, gitops: Gitops) -> None:
    """Do what sync-agent/README.md says."""
    key = site.directory / "shell-key"
    ran = gitops("agent", "key", SHELL, "--agent-repo", site.url, "--out", key).ok()
    site.sshd.let_read(ran.stdout)
    files = shell_agent([SHELL], site.url, image=site.images["shell"])
    site.commit("Add the sync agent", dict(files))
    hosts = subprocess.run(
        ["ssh-keyscan", "-p", str(site.sshd.port), "127.0.0.1"], capture_output=True, check=True
    ).stdout.replace(b"127.0.0.1", b"10.96.0.1")
    known = site.directory / "known_hosts"
    known.write_bytes(hosts)
    pairs = (f"--from-file=identity={key}", f"--from-file=known_hosts={known}")
    kubectl(site, "-n", SHELL, "create", "secret", "generic", "sync-agent-deploy-key", *pairs)
    apply(site.kube, files[f"sync-agent/{SHELL}.yaml"])


def kubectl(site: Site, *arguments: str, stdin: str | None = None) -> str:
    """Run the real kubectl as administrator; return what it prints."""
    done = subprocess.run(
        ["kubectl", *arguments],
        env={**os.environ, "KUBECONFIG": str(site.node.kubeconfig)},
        input=stdin,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def status(site: Site, environment: str) -> dict[str, str]:
    """Return what an environment's agent wrote last."""
    data: dict[str, str] = site.kube.get("ConfigMap", environment, NAME).get("data") or {}
    return data


def health(gitops: Gitops, *names: str) -> dict[str, str]:
    """Return the one word of `agent status` for each environment."""
    ran = gitops("agent", "status", *names, "-o", "json")
    found = {agent["environment"]: agent["health"] for agent in ran.json()["agents"]}
    assert ran.code == (0 if set(found.values()) == {"ok"} else 1)
    return found


def await_health(gitops: Gitops, word: str, *names: str) -> None:
    """Wait until `agent status` has the same word for all these environments."""
    eventually(lambda: health(gitops, *names) == dict.fromkeys(names, word))


def await_status(
    site: Site,
    environment: str,
    until: Callable[[dict[str, str]], object],
    *,
    timeout: float = PATIENCE,
) -> dict[str, str]:
    """Return the status of which `until` was true; else fail with what the controller logged.

    The next round may write another one at any time.
    """
    said: dict[str, str] = {}

    def look() -> object:
        nonlocal said
        said = status(site, environment)
        return until(said)

    try:
        eventually(look, timeout=timeout)
    except TimeoutError:
        raise AssertionError(f"{said}\n{site.log(CONTROLLER_NAMESPACE)}") from None
    return said


def await_commit(site: Site, environment: str, commit: str, **how: float) -> dict[str, str]:
    """Wait until a commit is followed, without an error."""
    return await_status(
        site, environment, lambda said: said.get("commit") == commit and "error" not in said, **how
    )


def await_controller(site: Site) -> Manifest:
    """Return the one pod of the controller, once it has said what its first round found.

    Before that a signal to end may come too early to be heard: it is the first process of its pod.
    """
    found: list[Manifest] = []

    def look() -> object:
        found[:] = site.kube.pods(CONTROLLER_NAMESPACE)
        running = [pod for pod in found if pod["status"]["phase"] == "Running"]
        return running == found and len(found) == 1 and site.log(CONTROLLER_NAMESPACE)

    eventually(look)
    return found[0]


def await_running(site: Site, environment: str, version: str) -> None:
    """Wait until ready pods run this version and no other."""
    eventually(lambda: {i[-40:] for i in site.running(environment)} == {version})


@dataclass(frozen=True)
class ByHand:
    """Runs a CronJob's job on call, beside its schedule."""

    site: Site
    environment: str

    def __call__(self, **changed: Any) -> int:
        """Run it and return the exit code of its container."""
        return self.ended(self.start(**changed))

    def start(self, *, image: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Create the job, with another image or more variables; return its name."""
        cronjob = self.site.kube.get("CronJob", self.environment, NAME)
        spec = cronjob["spec"]["jobTemplate"]["spec"]
        [container] = spec["template"]["spec"]["containers"]
        container["image"] = image or container["image"]
        container["env"] += [{"name": k, "value": v} for k, v in (env or {}).items()]
        name = f"by-hand-{secrets.token_hex(4)}"
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}
        self.site.kube.create(body, self.environment)
        return name

    def ended(self, name: str) -> int:
        """Wait for the end of a job and return the exit code of its container."""
        self.site.kube.wait(
            "Job",
            self.environment,
            name,
            lambda job: job["status"].get("succeeded") or job["status"].get("failed"),
        )
        [pod] = self.site.kube.find("Pod", self.environment, labels=f"job-name={name}")
        [container] = pod["status"]["containerStatuses"]
        code: int = container["state"]["terminated"]["exitCode"]
        log = f"{path('Pod', self.environment, pod['metadata']['name'])}/log"
        _LOG.info("%s ended with %s: %s", name, code, self.site.kube.request("GET", log))
        return code


@contextmanager
def suspended(site: Site, environment: str, name: str = NAME) -> Iterator[None]:
    """Suspend an agent's CronJob, and wait until none of its jobs runs."""
    kube = site.kube
    kube.patch("CronJob", environment, name, {"spec": {"suspend": True}})
    _await_controller_of(site, environment, name)
    eventually(lambda: not _unfinished(site, environment, name))
    try:
        yield
    finally:
        kube.patch("CronJob", environment, name, {"spec": {"suspend": False}})


def _await_controller_of(site: Site, environment: str, name: str) -> None:
    """Wait until the controller of a CronJob has seen it as it is now.

    One that looked at it just before may make one more Job. It looks at a CronJob once at a time,
    and removes from `active` what there is no Job of.
    """
    kube = site.kube
    nobody = {"apiVersion": "batch/v1", "kind": "Job", "namespace": environment}
    nobody |= {"name": f"nobody-{secrets.token_hex(4)}", "uid": str(uuid.uuid4())}
    target = f"{path('CronJob', environment, name)}/status"
    content_type = "application/merge-patch+json"
    kube.request("PATCH", target, {"status": {"active": [nobody]}}, content_type=content_type)
    eventually(lambda: nobody["uid"] not in str(kube.request("GET", target)["status"]))


def _unfinished(site: Site, environment: str, name: str) -> list[Manifest]:
    """Return the Jobs of a CronJob that have not ended."""
    owner = site.kube.get("CronJob", environment, name)["metadata"]["uid"]
    return [
        job
        for job in site.kube.find("Job", environment)
        if any(one["uid"] == owner for one in job["metadata"].get("ownerReferences", ()))
        if not {"Complete", "Failed"} & {one["type"] for one in job["status"].get("conditions", ())}
    ]
