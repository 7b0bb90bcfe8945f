"""The one site of these tests, with an agent of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.node.agent.company import BAKED, ByHand, install_all, suspended
from tests.node.agent.site import Site, running_site
from tests.testbed.gitops import Gitops


# Not longer than this package: there is one node per machine, and others want theirs.
@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="package")
def gitops(site: Site) -> Gitops:
    return site.gitops.using(GITOPS_REPO=site.sshd.url(site.remote))


@pytest.fixture(scope="package")
def company(site: Site, gitops: Gitops) -> Site:
    """Return the site with an agent of every kind installed."""
    install_all(site, gitops)
    return site


@pytest.fixture
def by_hand(company: Site) -> Iterator[ByHand]:
    """Return what runs the baked CronJob's job on call; its schedule is suspended meanwhile."""
    with suspended(company, BAKED):
        yield ByHand(company, BAKED)
