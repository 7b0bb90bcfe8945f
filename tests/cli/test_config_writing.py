"""`gitops config get|set|unset|edit`, and a user's own names for command lines."""

from __future__ import annotations

import os
import tomllib
from contextlib import ExitStack
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.settings import write_user_config
from tests.cli.company import DEV
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

MINE = """\
# mine
output = "wide"   # as I like it

[registry."r.example.com:5000"]
insecure = true   # at home
"""


@pytest.fixture
def file(gitops: Gitops) -> Path:
    return gitops.home / "config/gitops/config.toml"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("project", "shop", {"project": "shop"}),
        ("output", "json", {"output": "json"}),
        ("alias.up", "promote --from dev", {"alias": {"up": "promote --from dev"}}),
        (
            "registry.a.example.com.ca_file",
            "~/ca.pem",
            {"registry": {"a.example.com": {"ca_file": "~/ca.pem"}}},
        ),
        (
            "registry.r.example.com:5000.insecure",
            "false",
            {"registry": {"r.example.com:5000": {"insecure": False}}},
        ),
    ],
)
def test_a_key_is_set_and_all_else_stays(
    gitops: Gitops, file: Path, key: str, value: str, expected: dict[str, object]
) -> None:
    write(file, MINE)
    before = tomllib.loads(MINE)

    gitops = gitops.using(GITOPS_OUTPUT="table")
    gitops("config", "set", key, value).ok()

    text = file.read_text()
    assert tomllib.loads(text) == merged(before, expected)
    assert "# mine\n" in text
    assert "# at home" in text
    again = gitops("config", "set", key, value).ok()
    assert again.stdout.startswith("nothing to do: ")
    assert file.read_text() == text
    gitops("config", "unset", key).ok()
    left = tomllib.loads(file.read_text())
    assert gitops("config", "unset", key).ok().stdout.startswith("nothing to do: ")
    assert left.keys() <= before.keys()


def merged(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    found = dict(one)
    for key, value in other.items():
        mine = found.get(key)
        both = isinstance(mine, dict) and isinstance(value, dict)
        found[key] = merged(mine, value) if both else value  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("outptu", "wide"), "`outptu` is not a key of config.toml"),
        (("output", "xml"), "output is one of table, wide, "),
        (("registry.r.example.com.insecure", "yes"), "is true or false, not `yes`"),
        (("registry.a/b.insecure", "true"), "`a/b` is not HOST or HOST:PORT"),
        (("repo", ""), "repo: must be a text"),
        (("forge.a.example.url", "http://a.example"), "not an address of https"),
        (("forge.a.example.url", "https://me:s3cret@a.example"), "not an address of http"),
        (("forge.a.example.url", "https://a.example/x?y=z"), "more than where"),
        (("alias.status", "env list"), "`gitops status` is a command"),
        (("alias.up", "nothing --at all"), "`nothing` is no command"),
        (("alias.up", "up"), "`up` is no command"),
        (("alias.up", "promote 'open"), "No closing quotation"),
        (("alias.up", ""), "stands for a command line"),
        (("alias.u p", "status"), "a word of letters, digits and `-`"),
        ((".", "x"), "`.` is not a key"),
    ],
)
def test_nothing_wrong_is_written(
    gitops: Gitops, file: Path, arguments: tuple[str, str], told: str
) -> None:
    write(file, MINE)
    ran = gitops("config", "set", *arguments)

    assert (ran.code, ran.stdout) == (2, "")
    assert told in ran.stderr
    assert file.read_text() == MINE


def test_a_new_file_is_the_users_alone_and_an_old_one_keeps_mode_and_link(
    gitops: Gitops, file: Path, tmp_path: Path
) -> None:
    gitops("config", "set", "project", "shop").ok()
    assert file.stat().st_mode & 0o777 == 0o600

    kept = tmp_path / "dotfiles.toml"
    file.rename(kept)
    kept.chmod(0o644)
    file.symlink_to(kept)
    gitops("config", "set", "project", "other").ok()
    assert file.is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o644
    assert tomllib.loads(kept.read_text()) == {"project": "other"}
    assert [path.name for path in file.parent.iterdir()] == [file.name], "nothing is left beside it"


def test_a_config_that_is_wrong_can_be_mended_by_the_command(gitops: Gitops, file: Path) -> None:
    write(file, 'outptu = "wide"\nproject = 3\n')
    told = gitops("config", "list").ok()
    assert f"{file}:1: outptu: unknown key; {file}:2: project: must be a text" in told.stderr

    gitops("config", "unset", "outptu").ok()
    gitops("config", "set", "project", "shop").ok()
    assert file.read_text() == 'project = "shop"\n'


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('alias = "status"\n', "alias.up"),
        ('[[alias]]\nx = "status"\n', "alias.up"),
        ("registry = 1\n", "registry.h.insecure"),
        ("[registry]\nh = 3\n", "registry.h.insecure"),
    ],
)
def test_what_should_be_a_table_and_is_none_is_not_touched(
    gitops: Gitops, file: Path, text: str, key: str
) -> None:
    write(file, text)
    ran = gitops("config", "set", key, "status" if key == "alias.up" else "true")

    assert ran.code == 2, ran
    assert "must be a table" in ran.stderr
    assert file.read_text() == text


def test_two_that_set_something_at_once_lose_nothing(gitops: Gitops, file: Path) -> None:
    names = [f"a{number}" for number in range(6)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(gitops.start("config", "set", f"alias.{name}", "status"))
            for name in names
        ]
        assert [one.wait() for one in running] == [0] * len(names)
    assert sorted(tomllib.loads(file.read_text())["alias"]) == names


def test_a_device_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="no file that can be written anew"):
        write_user_config(pipe, b"")
    assert pipe.is_fifo()


def test_where_no_directory_can_be_made_it_is_said(gitops: Gitops, file: Path) -> None:
    write(file.parent, "a file\n")
    ran = gitops("config", "set", "project", "shop")
    assert ran.code == 2
    assert f"{file.parent}: File exists" in ran.stderr


def test_what_is_no_toml_is_not_touched(gitops: Gitops, file: Path) -> None:
    write(file, "project = [\n")
    ran = gitops("config", "set", "output", "wide")

    assert ran.code == 2
    assert f"{file}:" in ran.stderr
    assert file.read_text() == "project = [\n"


def test_get_prints_what_is_in_force(clone: Gitops, file: Path) -> None:
    write(file, MINE)
    assert clone("config", "get", "output").ok().stdout == "wide\n"
    assert (
        clone.using(GITOPS_OUTPUT="json")("config", "get", "output").ok().json()["value"] == "json"
    )
    assert clone("config", "get", "versions.form", "-o", "json").ok().json()["origin"] == "default"
    ran = clone("config", "get", "project")
    assert (ran.code, ran.stdout) == (1, "")


def test_dry_run_writes_nothing(gitops: Gitops, file: Path) -> None:
    ran = gitops("config", "set", "project", "shop", "--dry-run").ok()

    assert "project would be `shop`" in ran.stdout
    assert not file.exists()


def test_an_editor_is_asked_again_until_it_is_right(
    gitops: Gitops, file: Path, tmp_path: Path
) -> None:
    write(file, MINE)
    script = tmp_path / "my editor"
    script.write_text(
        '#!/bin/sh\nif grep -q outptu "$1"; then echo \'project = "shop"\' > "$1"; '
        'else echo "outptu = 1" > "$1"; fi\n'
    )
    script.chmod(0o755)
    there = gitops.using(GIT_EDITOR=f"'{script}'")
    with there.terminal("config", "edit") as terminal:
        terminal.wait_for("Edit it again?")
        assert "outptu" in terminal.text.replace("\n", "")  # the file's path may fill the line
        assert file.read_text() == MINE
        terminal.type("y")
        terminal.press("enter")
        assert terminal.finish() == 0
    assert file.read_text() == 'project = "shop"\n'


def edits(gitops: Gitops, shell: str) -> tuple[int, str]:
    there = gitops.using(GIT_EDITOR=f"f() {{ {shell}; }}; f")
    with there.terminal("config", "edit") as terminal:
        code = terminal.finish()
        return code, "".join(terminal.text.split())


def test_an_editor_that_takes_the_file_away_changes_nothing(gitops: Gitops, file: Path) -> None:
    write(file, MINE)
    code, told = edits(gitops, 'rm "$1"')
    assert code == 2
    assert "leftnofiletoread" in told
    assert file.read_text() == MINE


def test_what_changed_while_somebody_edited_stays_and_their_text_is_kept(
    gitops: Gitops, file: Path
) -> None:
    write(file, MINE)
    code, told = edits(gitops, f"echo >>'{file}'; echo 'project = \"mine\"' > \"$1\"")
    assert code == 2
    assert "waschangedmeanwhile" in told
    assert file.read_text() == f"{MINE}\n"
    assert tomllib.loads(file.with_name("config.toml.edited").read_text()) == {"project": "mine"}


def test_what_is_right_is_written_and_said(gitops: Gitops, file: Path) -> None:
    code, told = edits(gitops, 'echo \'project = "shop"\' > "$1"')
    assert (code, "waschanged" in told or "changed" in told) == (0, True)
    assert file.read_text() == 'project = "shop"\n'
    assert file.stat().st_mode & 0o777 == 0o600

    code, told = edits(gitops, "true")
    assert (code, "nothingtodo" in told) == (0, True)


@pytest.mark.parametrize("answer", ["n", "ctrl-c"])
def test_what_is_refused_is_kept_beside_it(gitops: Gitops, file: Path, answer: str) -> None:
    write(file, MINE)
    there = gitops.using(EDITOR="f() { echo 'project = [' > \"$1\"; }; f")
    with there.terminal("config", "edit", columns=60) as terminal:
        terminal.wait_for("Edit it again?")
        assert "error: config.toml:2: " in terminal.text, "the file that they see, by its line"
        if answer == "n":
            terminal.type("n")
            terminal.press("enter")
        else:
            terminal.press(answer)
        assert terminal.finish() == (1 if answer == "n" else 130)
        assert "what you wrote is in" in " ".join(terminal.text.split())
    assert file.read_text() == MINE
    assert file.with_name("config.toml.edited").read_text() == "project = [\n"


@pytest.mark.parametrize(("written", "left"), [("project = 'x'\n", True), ("", False)])
def test_an_editor_that_fails_changes_nothing_and_loses_nothing(
    gitops: Gitops, file: Path, written: str, left: bool
) -> None:
    write(file, MINE)
    code, told = edits(gitops, f'printf "{written}" >> "$1"; return 3')
    assert code == 2
    assert "endedwith3" in told
    assert file.read_text() == MINE
    assert file.with_name("config.toml.edited").exists() == left
    assert ("whatyouwroteisin" in told) == left


def test_an_editor_needs_a_terminal(gitops: Gitops) -> None:
    ran = gitops("config", "edit")
    assert ran.code == 2
    assert "gitops config set KEY VALUE" in ran.stderr


@pytest.fixture
def named(clone: Gitops, file: Path) -> Gitops:
    write(
        file,
        '[alias]\nup = "promote --from dev --to staging"\nst = ["status", "--columns", "service"]\n'
        'names = "-o name"\nstatus = "env list"\nloop = "loop"\ntwice = "up"\n'
        'histroy = "version"\n',
    )
    return clone


def test_an_alias_is_a_command_line_and_what_follows_it(named: Gitops, company: Article) -> None:
    done = named("up", "billing", "--dry-run", "-p", "project1").ok()
    assert "Promote from project1-development to project1-staging" in done.stdout
    assert named("-o", "json", "up", "billing", "--dry-run", "-p", "project1").ok().json()
    assert named("histroy").ok().stdout.startswith("gitops ")
    assert named("help", "up").ok().stdout == named("promote", "--help").stdout


def test_an_alias_is_no_other_command_no_other_alias_and_no_shell(
    named: Gitops, file: Path, tmp_path: Path
) -> None:
    assert "SERVICE" in named("status").ok().stdout, "a command is what it is"
    for name in ("loop", "twice", "names"):
        ran = named(name)
        assert ran.code == 2
        assert f"alias {name}: " in ran.stderr
    write(file, f'[alias]\nx = "version; touch {tmp_path}/shell; $(touch {tmp_path}/shell)"\n')
    assert named("x").code == 2
    assert not (tmp_path / "shell").exists()


def test_help_completion_and_slips_know_an_alias(named: Gitops) -> None:
    assert "Your aliases:\n" in named("--help").ok().stdout
    assert "  up       gitops promote --from dev --to staging\n" in named("--help").stdout
    assert "did you mean `up`?" in named("upp").stderr

    def completed(words: str, at: int) -> list[str]:
        words_of = {"COMP_WORDS": words, "COMP_CWORD": str(at)}
        return named.using(**words_of, _GITOPS_COMPLETE="complete_bash")().stdout.split()

    assert "up" in completed("gitops u", 1)
    assert "billing" in completed("gitops up bil", 2)


def test_a_repository_brings_no_alias(clone: Gitops, company: Article) -> None:
    (clone.directory / "config.toml").write_text('[alias]\nup = "promote"\n')
    git(clone.directory, "config", "alias.up", "status")

    ran = clone("up", "-e", DEV)
    assert ran.code == 2
    assert "`gitops` has no command `up`" in ran.stderr
