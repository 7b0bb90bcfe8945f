"""Fixtures of all tests."""

from __future__ import annotations

import gc
import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from gitops_cli.domain.release.ci import SYSTEMS
from tests.testbed import article as articles
from tests.testbed import groups
from tests.testbed import kube as clients
from tests.testbed.article import Article
from tests.testbed.controlplane import ControlPlane, Session
from tests.testbed.faults import ApiProxy
from tests.testbed.gitops import Gitops, gitops_with_home
from tests.testbed.quick import in_memory
from tests.testbed.sshd import Sshd
from tests.testbed.tcp import TcpProxy

# An example's time says nothing on a loaded machine. `make fuzz` takes the other profile.
# The same examples each time: a commit is not to fail for what another one has; fuzz is for luck.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=100_000)
hypothesis.settings.load_profile("tests")

_session = pytest.StashKey[Session]()

# What changes the answers of a program that somebody ran these tests with: CI, or a person's shell.
_TELLING = {"CI", "NO_COLOR", "FORCE_COLOR"}.union(*(system.marks for system in SYSTEMS))


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what all processes of this test session share."""
    # Until all is collected, in every process: looking for garbage in it took as long again.
    gc.disable()
    # A shell starts what it runs in the background with Ctrl-C ignored, and children inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [n for n in os.environ if n in _TELLING or n.startswith(("GITOPS_", "GIT_"))]:
        del os.environ[name]
    if shared := getattr(config, "workerinput", None):
        config.stash[_session] = Session(Path(shared["testbed"]))
        return
    told = config.option.basetemp or {"PYTEST_DEBUG_TEMPROOT", "TMPDIR"}.intersection(os.environ)
    place = None if told else in_memory()
    if place:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(place)  # pytest asks when the first test does
    # A short path: etcd's unix socket is in it.
    session = Session(Path(tempfile.mkdtemp(prefix="gitops-testbed-", dir=place)))
    session.open()
    config.stash[_session] = session


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the session's folder is."""
    node.workerinput["testbed"] = str(node.config.stash[_session].directory)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> groups.GroupScheduling | None:
    """Hand tests out by the groups that the workers find: see `groups`."""
    if config.getvalue("dist") not in ("load", "loadgroup"):  # `-n` alone is load
        return None
    return groups.GroupScheduling(config, log, config.stash[_session].directory)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the scheduler of the groups before pytest-xdist tells it that all is collected.

    What is collected stays to the end: to look through it for garbage again and again took a
    tenth of the time of tests without processes.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    if shared := getattr(session.config, "workerinput", None):
        groups.write(session.items, Path(shared["testbed"]), shared["workerid"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run what shares a fixture of its module, and what is too short to hand out.

    The tests of other modules go to whichever process is free, one by one.
    """
    for item in items:
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            module = item.nodeid.partition("::")[0]
            if module.startswith(groups.PURE) or _shares(item):
                item.add_marker(pytest.mark.xdist_group(module))


def _shares(item: pytest.Function) -> bool:
    """Tell whether the test has a fixture that its module makes once."""
    known = item._fixtureinfo.name2fixturedefs.values()
    return any(each[-1].scope in ("module", "package") for each in known)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the session started."""
    if session := config.stash.get(_session, None):
        session.close()


@pytest.fixture(scope="session")
def session_directory(pytestconfig: pytest.Config) -> Path:
    """Return the folder that all processes of this test session share."""
    return pytestconfig.stash[_session].directory


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> ControlPlane:
    """Return the real API server of this test session, started when first needed."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture
    with capture.global_and_fixture_disabled():  # a build takes minutes and says so
        return pytestconfig.stash[_session].control_plane()


@pytest.fixture(scope="session")
def kube(control_plane: ControlPlane) -> Iterator[clients.Kube]:
    """Return an administrator's client of the control plane."""
    client = clients.admin(control_plane)
    yield client
    client.close()


@pytest.fixture
def namespace(kube: clients.Kube) -> Iterator[str]:
    """Return a new namespace in which pods can be made."""
    name = f"test-{secrets.token_hex(4)}"
    kube.create_namespace(name)
    yield name
    kube.empty_namespace(name)


@pytest.fixture
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy of who runs the tests answer for servers of ours.

    Not for all tests: builds and downloads need it.
    """
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def gitops(tmp_path: Path) -> Gitops:
    """Return the installed command with a new home, run in the test's own directory."""
    return gitops_with_home(tmp_path / "home")


@pytest.fixture
def article(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Article]:
    """Return the article's repositories, with project names that no other test uses.

    What the test lets run in namespaces of theirs is removed.
    """
    built = articles.build(tmp_path / "article", prefix=f"p{secrets.token_hex(3)}-")
    yield built
    if "kube" in request.fixturenames:
        kube: clients.Kube = request.getfixturevalue("kube")
        for environment in built.environments:
            if kube.exists("Namespace", None, environment):
                kube.empty_namespace(environment)


@pytest.fixture(scope="session")
def admin_token(kube: clients.Kube) -> str:
    """Return a token that may do everything."""
    name = f"admin-{secrets.token_hex(4)}"  # every worker makes its own
    return kube.cluster_admin(name)


@pytest.fixture
def api_proxy(control_plane: ControlPlane, admin_token: str, tmp_path: Path) -> Iterator[ApiProxy]:
    """Return a proxy before the API server that can be told to answer wrongly."""
    with ApiProxy(control_plane, tmp_path, admin_token) as proxy:
        yield proxy


@pytest.fixture
def tcp_proxy(control_plane: ControlPlane) -> Iterator[TcpProxy]:
    """Return a proxy before the API server that delays, cuts, hangs and refuses."""
    with TcpProxy(control_plane.port) as proxy:
        yield proxy


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """Return a real sshd of Debian's openssh-server; for tests marked `node`."""
    with Sshd(tmp_path / "sshd") as server:
        yield server
