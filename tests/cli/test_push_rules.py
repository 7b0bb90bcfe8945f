"""What servers demand of commits: a pattern of the first line, a sign-off; asked by a real hook."""

from __future__ import annotations

import pytest

from tests.cli.company import DEV, PROD, STAGING, trailers, with_settings
from tests.testbed.git import git

NEW = "b" * 40
SIGNED = "Signed-off-by: "


@pytest.fixture
def strict(company):
    """Return the company whose server takes first lines that begin with OPS-N, and signed ones."""

    def demand(settings: str):
        with_settings(company, settings)
        hook = company.remote / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            "#!/bin/sh\n"
            "while read old new ref; do\n"
            "  git log -1 --format=%s $new | grep -Eq '^OPS-[0-9]+ ' ||"
            " { echo 'first lines begin with OPS-N'; exit 1; }\n"
            "  by=$(git log -1 --format='%cn <%ce>' $new)\n"
            "  git log -1 --format='%(trailers:key=Signed-off-by,valueonly)' $new |"
            ' grep -Fqx "$by" || { echo "not signed off by $by"; exit 1; }\n'
            "done\n"
        )
        hook.chmod(0o755)
        return company

    return demand


@pytest.mark.parametrize(
    "words",
    [
        ("set", f"authentication={NEW}", "-e", "dev", "-p", "project1"),
        ("promote", "authentication", "--from", DEV, "--to", STAGING, "--yes"),
        ("promote", "authentication", "--to", PROD, "--yes", "--pr"),
        ("rollback", "authentication", "-e", PROD, "--yes"),
        ("lock", "authentication", "-e", PROD, "-m", "held"),
        ("remove", "authentication", "-e", DEV, "--yes"),
        ("env", "add", "shop-development", "--images-path", "reg.example/shop/"),
        ("env", "copy", DEV, "shop-development", "--yes"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_every_writer_keeps_to_the_template(strict, clone, words):
    company = strict('[commit]\nsubject = "OPS-1 {environment}: {summary}"\nsign_off = true\n')

    clone(*words).ok()

    refs = git(company.remote, "for-each-ref", "--format=%(refname)", "--sort=-committerdate")
    said = git(company.remote, "log", "-1", "--format=%B", "--all", "--grep", SIGNED)
    assert "refs/heads/main" in refs
    assert said.startswith("OPS-1 ")
    assert "Gitops-Action: " in said


def test_the_message_is_the_first_line(strict, clone):
    company = strict(
        '[commit]\nmessage_as_subject = true\nsign_off = true\nsubject = "no: {summary}"'
    )
    at_dev = ("set", f"authentication={NEW}", "-e", "dev", "-p", "project1")

    refused = clone(*at_dev)
    clone(*at_dev, "-m", "OPS-12 new login\nGitops-Env: elsewhere").ok()

    assert refused.code == 3
    assert "first lines begin with OPS-N" in refused.stderr
    assert trailers(company)["Gitops-Env"] == DEV
    assert trailers(company)["Gitops-Reason"].startswith("OPS-12 new login")
    body = git(company.remote, "log", "-1", "--format=%b", "main")
    assert body.startswith("project1-development: authentication ")
    history = clone("history", "authentication", "-e", DEV, "-o", "json").ok().json()
    assert history["entries"][0]["reason"].startswith("OPS-12")


def test_a_server_that_wants_a_sign_off_gets_the_committers(strict, clone):
    company = strict('[commit]\nsubject = "OPS-2 {summary}"\nsign_off = true\n')
    robot = {"CI": "true", "GIT_COMMITTER_NAME": "Robot", "GIT_COMMITTER_EMAIL": "r@example.com"}

    clone.using(**robot)("set", f"authentication={NEW}", "-e", DEV).ok()

    assert trailers(company)["Signed-off-by"] == "Robot <r@example.com>"


def test_a_branch_that_is_called_as_a_whole_ref_is_said_to_be_in_the_way(company, clone):
    git(company.remote, "update-ref", "refs/heads/refs/heads/main", "main")

    refused = clone("set", f"authentication={NEW}", "-e", DEV)

    assert refused.code == 3
    assert "has `refs/heads/main` as its name" in refused.stderr
