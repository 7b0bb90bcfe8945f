"""What tests of writing commands do to the article's repository, and read of it."""

from __future__ import annotations

from tests.testbed.article import Article
from tests.testbed.git import git

DEV, STAGING, PROD = (f"project1-{stage}" for stage in ("development", "staging", "production"))
GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "octo",
    "GITHUB_REPOSITORY": "acme/authentication",
    "GITHUB_RUN_ID": "7",
    "GITHUB_REF_NAME": "main",
    "GITHUB_REF_TYPE": "branch",
}


def with_settings(company: Article, text: str) -> None:
    """Push a gitops.toml, as a colleague does."""
    work = company.clone("settings")
    (work / "gitops.toml").write_text(text)
    git(work, "add", "gitops.toml")
    git(work, "commit", "-qm", "Agree")
    git(work, "push", "-q")


def with_sources(company: Article, more: str = "") -> None:
    """Push a gitops.toml that says where project1's sources are."""
    names = sorted(name for project, name in company.sources if project == "project1")
    tables = (
        f'[service.{name}]\nsource = "file://{company.source(name).remote}"\n' for name in names
    )
    with_settings(company, more + "".join(tables))


def tip(company: Article) -> str:
    """Return the remote's commit."""
    return git(company.remote, "rev-parse", "main")


def trailers(company: Article) -> dict[str, str]:
    """Return the trailers of the remote's last commit."""
    text = git(company.remote, "log", "-1", "--format=%(trailers:only,unfold)", "main")
    return dict(line.split(": ", 1) for line in text.splitlines() if line)
