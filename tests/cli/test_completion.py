"""The shell completes what the repository holds, at once and without a sound."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.testbed.article import Article
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import EXECUTABLE, Gitops, Ran, Terminal


@pytest.fixture
def state(gitops: Gitops, article: Article) -> Gitops:
    return gitops.at(article.clone())


def complete(gitops: Gitops, line: str, shell: str = "bash") -> Ran:
    """Ask as the shell's script does; the word to complete is the last, perhaps empty, one."""
    variables = {"_GITOPS_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        variables |= {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    else:
        variables |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return gitops.using(**variables)()


def words(gitops: Gitops, line: str) -> list[str]:
    ran = complete(gitops, line).ok()
    assert ran.stderr == ""
    return ran.stdout.split()


def test_stages_and_environments(state: Gitops, article: Article) -> None:
    assert words(state, "gitops status -e prod") == ["production"]
    every = words(state, "gitops promote --to ")
    assert every == ["development", "staging", "production", *article.environments]
    assert words(state, f"gitops diff {article.prefix}project1-s") == [
        article.environment("staging")
    ]
    assert words(state, "gitops env remove ") == [*article.environments], "no stage is taken away"
    project = f"{article.prefix}project2"
    of_project = words(state, f"gitops status -p {project} -e ")
    assert of_project[3:] == [e for e in article.environments if "project2" in e]


def test_projects(state: Gitops, article: Article) -> None:
    expected = [f"{article.prefix}project1", f"{article.prefix}project2"]
    assert words(state, "gitops history -p ") == expected


def test_keys_of_the_users_config(state: Gitops) -> None:
    keys = ["repo", "project", "output", "context", "steps.env"]
    assert words(state, "gitops config set ") == keys


def test_services_of_what_the_line_names(state: Gitops, article: Article) -> None:
    services = ["authentication", "billing", "catalog", "frontend", "notifications", "orders"]
    assert words(state, "gitops lock ") == [*services, "search"]
    both = words(state, "gitops status ")
    assert both[:7] == [*services, "search"]
    assert both[7:10] == ["development", "staging", "production"]
    assert words(state, "gitops history bil") == ["billing"]
    assert words(state, f"gitops promote --from {article.environment('staging')} o") == ["orders"]
    of_two = words(state, f"gitops rollback -e {article.environment('staging', 'project2')} ")
    assert of_two == ["catalog", "frontend", "notifications", "search"]
    assert words(state, "gitops status billing bil") == [], "named already"


def test_recent_versions(state: Gitops, article: Article) -> None:
    commits = article.source("billing").commits
    production = article.environment("production")
    assert words(state, f"gitops rollback billing -e {production} --to ") == [
        commits[1],
        commits[0],
    ]
    assert words(state, f"gitops rollback billing -e {production} --to {commits[0][:5]}") == [
        commits[0]
    ]


def test_recent_commits(state: Gitops, article: Article) -> None:
    production = article.environment("production")
    every = git(article.remote, "log", "--first-parent", "--format=%H", "main").split()
    there = git(article.remote, "log", "--format=%H", "main", "--", production).split()
    assert 0 < len(there) < len(every)

    assert words(state, f"gitops rollback -e {production} --commit ") == there[:10]
    assert words(state, f"gitops wait {production} --commit ") == every[:10]
    assert words(state, f"gitops sync --rev {every[0][:6]}") == every[:1]


@pytest.mark.parametrize(
    "line", ["gitops set billing=", "gitops set billing =", "gitops set billing = "]
)
def test_versions_to_set(state: Gitops, article: Article, line: str) -> None:
    """bash splits at `=`; the other shells hand over one word."""
    recorded = set(article.source("billing").commits[1:])
    found = words(state, line)
    assert {word.removeprefix("billing=") for word in found} == recorded
    assert all(word.startswith("billing=") for word in found) == line.endswith("g=")


def test_the_repository_that_the_command_would_use(
    gitops: Gitops, article: Article, tmp_path: Path
) -> None:
    clone = article.clone()
    away = gitops.at(tmp_path)
    assert words(away, f"gitops -C {clone} status bil") == ["billing"]
    assert words(away, f"gitops status -C {clone} bil") == ["billing"]
    assert words(away, f"gitops status -R {clone} bil") == ["billing"]
    assert words(away.using(GITOPS_REPO=clone), "gitops status bil") == ["billing"]
    config = gitops.home / "config/gitops/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'repo = "{clone}"\n')
    assert words(away, "gitops status bil") == ["billing"]
    assert words(gitops.at(article.checkout("orders")), "gitops status bil") == ["billing"]


def test_the_network_is_not_asked(state: Gitops, article: Article) -> None:
    article.remote.rename(article.remote.with_suffix(".gone"))
    assert words(state, "gitops status bil") == ["billing"]


@pytest.mark.parametrize(
    "line", ["gitops status ", "gitops promote --to ", "gitops set x=", "gitops history -p "]
)
@pytest.mark.parametrize("trouble", ["no repository", "bad settings", "bad config", "no git"])
def test_trouble_is_silent(gitops: Gitops, article: Article, line: str, trouble: str) -> None:
    here = gitops.at(article.clone())
    match trouble:
        case "no repository":
            here = gitops.at(article.directory)
        case "bad settings":
            here = gitops.at(_with_bad_settings(article))
        case "bad config":
            config = gitops.home / "config/gitops/config.toml"
            config.parent.mkdir(parents=True)
            config.write_text("nonsense")
        case "no git":
            here = here.using(PATH="/nonexistent")
    ran = complete(here, line)
    assert (ran.code, ran.stderr) == (0, "")
    assert not ran.stdout.strip() or trouble.startswith("bad"), "what can be read completes"


def _with_bad_settings(article: Article) -> Path:
    now = int(git(article.remote, "log", "-1", "--format=%ct", "main"))
    add_commits(article.remote, [Commit("Settings", {"gitops.toml": "[stag]\n"}, now)])
    return article.clone("second")


def test_zsh_and_fish(state: Gitops, article: Article) -> None:
    zsh = complete(state, "gitops status bil", "zsh").ok()
    assert zsh.stdout.strip() == """_arguments '*: :(("billing"))'"""
    fish = complete(state, "gitops set billing=", "fish").ok()
    assert {f"billing={c}" for c in article.source("billing").commits[1:]} == set(
        fish.stdout.split()
    )


def test_the_past_cannot_command_the_shell(state: Gitops, article: Article) -> None:
    """zsh evaluates what is printed, bash expands it."""
    production = article.environment("production")
    article.push(production, {"billing": "$(touch pwned)`touch pwned` * ;"})
    article.push(production, {"billing": "c" * 40})
    git(state.directory, "pull", "-q")
    for shell in ("bash", "zsh", "fish"):
        out = complete(state, f"gitops rollback billing -e {production} --to ", shell).stdout
        assert "c" * 40 in out
        assert "touch" not in out


def test_in_a_real_bash(state: Gitops) -> None:
    bash = shutil.which("bash")
    assert bash is not None, "install bash"
    with Terminal(
        [bash, "--noprofile", "--norc", "-i"],
        state.directory,
        {**state.environment, "TERM": "xterm", "PS1": "ready> "},
        rows=20,
        columns=100,
    ) as terminal:
        terminal.wait_for("ready>")
        terminal.type('eval "$(_GITOPS_COMPLETE=source_bash gitops)"; echo lo""aded\r')
        terminal.wait_for("loaded")
        terminal.type("gitops history bil\t")
        terminal.wait_for("gitops history billing")
        # Ctrl-U, as Ctrl-C would take along what is typed before bash has heard of it.
        terminal.type("\x15gitops promote --to prod\t")
        terminal.wait_for("gitops promote --to production")


def test_the_script_installs(gitops: Gitops) -> None:
    (gitops.home / ".bashrc").touch()
    # The shell is recognised by the parent process; the second command keeps bash one.
    ran = subprocess.run(
        ["bash", "-c", '"$0" --install-completion; exit $?', str(EXECUTABLE)],
        env=gitops.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "completion" in (gitops.home / ".bashrc").read_text()
