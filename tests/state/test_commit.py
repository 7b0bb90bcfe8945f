"""Trees and commits by plumbing: the same that git's own index would make."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.git.discovery import git_around
from gitops_cli.git.environment import git_environment
from gitops_cli.git.failures import failure, remote_said, spoken
from gitops_cli.git.objects import ObjectReader, parse_commit
from gitops_cli.git.process import Done
from tests.state.world import World, opened
from tests.testbed.git import git

# Names whose order in a tree differs from their order as text: `a` the directory sorts as `a/`.
NAMES = ("a", "a-b", "a.b", "a0", "ab", "b", "\u00e4", "a b", "Z")

SSH_ALWAYS = """\
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
and the repository exists.
"""


def random_edits(chance: random.Random, there: dict[str, bytes]) -> list[Edit]:
    """Return edits that a checkout could have: no file where a directory has to be."""
    now = dict(there)
    for _ in range(chance.randint(1, 6)):
        depth = chance.randint(1, 4)
        path = "/".join(chance.choices(NAMES, k=depth))
        above = {path.rsplit("/", n)[0] for n in range(1, depth)}
        in_the_way = above & now.keys() or any(name.startswith(f"{path}/") for name in now)
        above_before = above & there.keys()
        below_before = any(name.startswith(f"{path}/") for name in there)
        if not in_the_way and not above_before and not below_before:
            now[path] = chance.randbytes(chance.randint(0, 9))
        if now and chance.random() < 0.4:
            del now[chance.choice(sorted(now))]
    paths = sorted(now.keys() | there.keys())
    chance.shuffle(paths)
    return [Edit(p, there.get(p), now.get(p)) for p in paths if there.get(p) != now.get(p)]


@pytest.mark.parametrize("seed", range(4))
def test_trees_are_those_of_the_index(world: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    clone = world.clone()
    plain = world.clone("plain")
    with opened(clone) as repository:
        for _ in range(6):
            tip = repository.tip().commit
            edits = random_edits(chance, dict(repository.contents(tip)))
            proposal = Proposal(tuple(edits), "random")
            written = repository.write(lambda _, proposal=proposal: proposal)

            for edit in edits:
                file = plain / edit.path
                if edit.new is None:
                    file.unlink()
                else:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(edit.new)
            git(plain, "add", "-A")
            ours = git(world.remote, "rev-parse", f"{written.commit}^{{tree}}")
            assert ours == git(plain, "write-tree")
    git(world.remote, "fsck", "--strict")


def reader(directory: Path) -> ObjectReader:
    return ObjectReader(git_around(directory, git_environment()))


@pytest.mark.parametrize(
    ("author", "name", "email"),
    [
        ("Ada <ada@example.com> 1793606400 +0130", "Ada", "ada@example.com"),
        ("<ada@example.com> 1793606400 -0330", "", "ada@example.com"),
        ("A <b> 99999999999999 +0000", "A", "b"),
        ("A <b> -1 +9999", "A", "b"),
        ("nonsense", "unknown", ""),
    ],
)
def test_odd_commits_are_read(world: World, author: str, name: str, email: str) -> None:
    tree = git(world.remote, "rev-parse", "main^{tree}")
    raw = f"tree {tree}\nauthor {author}\ncommitter {author}\nencoding x-none\n\nsubject\xff\n"
    oid = git(
        world.remote,
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--literally",
        "--stdin",
        stdin=raw.encode("latin-1"),
    )
    objects = reader(world.remote)

    found = objects.commit(oid)
    objects.close()

    assert found is not None
    assert (found.author.name, found.author.email) == (name, email)
    assert found.subject.startswith("subject")
    assert found.authored_at.tzinfo is not None


def test_a_signed_commit_is_read(world: World) -> None:
    tree = git(world.remote, "rev-parse", "main^{tree}")
    who = "A <a@b> 1 +0000"
    raw = (
        f"tree {tree}\nauthor {who}\ncommitter {who}\ngpgsig -----BEGIN\n parent {'f' * 40}\n"
        " -----END\n\nsubject\n"
    )
    oid = git(world.remote, "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw)
    objects = reader(world.remote)
    found = objects.one(oid)
    objects.close()

    assert found is not None
    commit = parse_commit(found)
    assert (commit.parents, commit.subject) == ((), "subject")


def test_requests_larger_than_a_pipe(world: World) -> None:
    objects = reader(world.remote)
    specs = [f"main:shop-development/{name}" for name in ("auth.deployment", "none")] * 5000

    found = objects.many(specs, limit=3)
    objects.close()

    assert {None if each is None else each.data for each in found} == {b"aaa", None}
    assert len(found) == 10_000


@pytest.mark.parametrize(
    ("err", "name", "code"),
    [
        ("fatal: Authentication failed for 'https://u:p@h/x'", "Denied", 4),
        ("git@h: Permission denied (publickey).", "Denied", 4),
        ("Host key verification failed.", "Denied", 4),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "Denied", 4),
        ("error: The requested URL returned error: 403", "Denied", 4),
        ("remote: Repository not found.", "Denied", 4),
        ("fatal: detected dubious ownership in repository at '/x'", "Denied", 4),
        ("error: unable to create temporary file: Read-only file system", "Denied", 4),
        ("fatal: write error: No space left on device", "GitError", 3),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", "RemoteUnreachable", 3),
        ("kex_exchange_identification: Connection closed by remote host", "RemoteUnreachable", 3),
        (
            SSH_ALWAYS,
            "RemoteUnreachable",
            3,
        ),
        ("", "RemoteUnreachable", 3),
        ("fatal: '/x' does not appear to be a git repository", "RemoteMissing", 3),
        ("fatal: repository '/x' does not exist", "RemoteMissing", 3),
    ],
)
def test_what_a_person_is_told(err: str, name: str, code: int) -> None:
    error = failure(Done(128, b"", err), "cannot push", remote="https://u:p@h/x")

    assert (type(error).__name__, error.exit_code) == (name, code)
    assert "u:p" not in f"{error.message} {error.hint}"
    assert error.message.startswith("cannot push")


def test_words_of_others_are_made_safe() -> None:
    assert spoken("hint: x\nfatal: \x1b[31mred\nwarning: y\n") == "fatal: \\x1b[31mred"
    assert remote_said("remote: \x07one\nremote:   \nTo x\nremote: https://a:b@c two") == (
        "\\x07one\nhttps://***@c two"
    )
