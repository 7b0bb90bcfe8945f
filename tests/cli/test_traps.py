"""No program is run that a repository names which others may have written.

Every service of a state repository has a source with one trap in it, and its own files are full of
them. The commands read all at once; a trap that runs leaves a mark. Where git itself steps into one
without us, that is shown, too: what cannot run at all would prove nothing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from gitops_cli.source.checkout import checkout_at
from tests.testbed.git import environment, git, init_bare
from tests.testbed.gitops import Gitops, gitops_with_home

MISSING = "d" * 40
SIGNATURES = {"pgp": "PGP SIGNATURE", "ssh": "SSH SIGNATURE", "x509": "SIGNED MESSAGE"}
Lay = Callable[[Path, Path], None]


class Trap(NamedTuple):
    """How to lay a trap in a checkout, and a command with which git steps into it."""

    lay: Lay
    proof: tuple[str, ...] = ()
    version: str = "main"
    """What is recorded, so asked for: a commit here, or MISSING."""


def configured(values: Mapping[str, str]) -> Lay:
    """Return what sets configuration; `{mark}` is a file to make, `{script}` what makes it."""

    def lay(checkout: Path, mark: Path) -> None:
        for key, value in values.items():
            told = {"mark": mark, "script": program(mark)}
            git(checkout, "config", "--add", key.format(**told), value.format(**told))

    return lay


def program(mark: Path) -> Path:
    """Return a program that makes the mark."""
    file = mark.with_name(f"{mark.name}.sh")
    file.write_text(f'#!/bin/sh\ntouch "{mark}"\nexit 1\n')
    file.chmod(0o755)
    return file


def partial(url: str, values: Mapping[str, str]) -> Trap:
    """Return a partial clone, which fetches what it lacks, from there."""
    clone = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": url,
    }
    return Trap(configured({**clone, **values}), ("cat-file", "-t", MISSING), MISSING)


EXT, ALLOWED = "ext::touch {mark}", {"protocol.ext.allow": "always"}


def included(name: str, key: str) -> Trap:
    """Return the same where another file has the configuration."""

    def lay(checkout: Path, mark: Path) -> None:
        partial(EXT, ALLOWED).lay(checkout, mark)
        config = checkout / ".git/config"
        config.rename(checkout / ".git" / name)
        git(checkout.parent, "init", "-q", checkout)
        git(checkout, "config", "core.repositoryFormatVersion", "1")
        git(checkout, "config", key, name if "path" in key else "true")

    return Trap(lay, ("cat-file", "-t", MISSING), MISSING)


def linked(checkout: Path, mark: Path) -> None:
    """Make it a linked worktree: its `.git` points to files whose common directory is another."""
    partial(EXT, ALLOWED).lay(checkout, mark)
    common = checkout.with_name(f"{checkout.name}-common")
    (checkout / ".git").rename(common)
    link = common / "worktrees" / "link"
    link.mkdir(parents=True)
    (link / "commondir").write_text("../..\n")
    (link / "gitdir").write_text(f"{checkout}/.git\n")
    (link / "HEAD").write_text("ref: refs/heads/main\n")
    (checkout / ".git").write_text(f"gitdir: {link}\n")


def borrowing(checkout: Path, mark: Path) -> None:
    """Let it borrow objects from another one, whose refs a program lists."""
    other = checkout.with_name(f"{checkout.name}-other")
    git(checkout.parent, "clone", "-q", "--bare", checkout, other)
    (checkout / ".git/objects/info/alternates").write_text(f"{other}/objects\n")
    configured({"core.alternateRefsCommand": "{script}"})(checkout, mark)


def hooks(directory: str, values: Mapping[str, str]) -> Lay:
    """Return what makes a program of every hook that reading could come by."""

    def lay(checkout: Path, mark: Path) -> None:
        configured(values)(checkout, mark)
        (checkout / directory).mkdir(parents=True, exist_ok=True)
        for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
            (checkout / directory / hook).symlink_to(program(mark))

    return lay


def attributes(text: str, values: Mapping[str, str]) -> Lay:
    """Return what gives the files attributes, a driver for them, and something to tell of."""

    def lay(checkout: Path, mark: Path) -> None:
        (checkout / ".gitattributes").write_text(text)
        configured(values)(checkout, mark)
        (checkout / "f").write_text("changed\n")

    return lay


def submodule(checkout: Path, mark: Path) -> None:
    """Give it a submodule that has a program of its own."""
    (checkout / ".gitmodules").write_text('[submodule "sub"]\npath = sub\nurl = ./sub\n')
    git(checkout, "init", "-q", "sub")
    git(checkout / "sub", "commit", "-q", "--allow-empty", "-m", "Begin")
    git(checkout, "add", "sub")
    configured({"core.fsmonitor": "{script}"})(checkout / "sub", mark)


SIGNED = {"log.showSignature": "true", "gpg.ssh.allowedSignersFile": "/dev/null"}
REF = ("update-ref", "refs/heads/x", "HEAD")
TRAPS = {
    "ext": partial(EXT, ALLOWED),
    "ext-as-all": partial(EXT, {"protocol.allow": "always"}),
    "ext-instead-of": partial("x:y", {**ALLOWED, "url.ext::touch {mark} .insteadOf": "x:"}),
    "ssh-command": partial("ssh://x.test/y", {"core.sshCommand": "touch {mark};"}),
    "git-proxy": partial("git://x.test/y", {"core.gitProxy": "{script}"}),
    "upload-pack": partial("/", {"remote.origin.uploadpack": "touch {mark};"}),
    "include": included("more", "include.path"),
    "include-if": included("more", "includeIf.gitdir:/**.path"),
    "worktree-config": included("config.worktree", "extensions.worktreeConfig"),
    "linked-worktree": Trap(linked, ("cat-file", "-t", MISSING), MISSING),
    "alternates": Trap(borrowing, ("rev-list", "--alternate-refs")),
    "fsmonitor": Trap(configured({"core.fsmonitor": "{script}"}), ("status",)),
    "hooks": Trap(hooks(".git/hooks", {}), REF),
    "hooks-path": Trap(hooks("own", {"core.hooksPath": "own"}), REF),
    "pgp": Trap(configured({**SIGNED, "gpg.program": "{script}"}), ("log", "pgp"), "pgp"),
    "openpgp": Trap(configured({**SIGNED, "gpg.openpgp.program": "{script}"}), (), "pgp"),
    "ssh": Trap(configured({**SIGNED, "gpg.ssh.program": "{script}"}), ("log", "ssh"), "ssh"),
    "x509": Trap(configured({**SIGNED, "gpg.x509.program": "{script}"}), ("log", "x509"), "x509"),
    "external-diff": Trap(attributes("", {"diff.external": "{script}"}), ("diff",)),
    "diff-driver": Trap(attributes("* diff=x\n", {"diff.x.command": "{script}"}), ("diff",)),
    "textconv": Trap(attributes("* diff=x\n", {"diff.x.textconv": "{script}"}), ("diff",)),
    "clean-filter": Trap(attributes("* filter=x\n", {"filter.x.clean": "{script}"}), ("add", "f")),
    "filter": Trap(attributes("* filter=x\n", {"filter.x.process": "{script}"}), ("add", "f")),
    "merge-driver": Trap(attributes("* merge=x\n", {"merge.x.driver": "{script}"})),
    "submodule": Trap(submodule, ("status",)),
    "alias": Trap(configured({"alias.x": "!{script}", "alias.log": "!{script}"}), ("x",)),
    "pager": Trap(configured({"core.pager": "{script}", "pager.log": "{script}"})),
    "trailer": Trap(configured({"trailer.x.cmd": "{script}", "trailer.x.ifmissing": "add"})),
    "editor": Trap(configured({"core.editor": "{script}", "sequence.editor": "{script}"})),
    "ask-pass": Trap(configured({"core.askPass": "{script}"}), ("credential", "fill")),
    "helper": Trap(configured({"credential.helper": "!{script}"}), ("credential", "fill")),
    "pack-objects-hook": Trap(configured({"uploadpack.packObjectsHook": "{script}"})),
}
# What a push can lay among the files of the state repository itself; drivers are not there.
PUSHED = {
    ".gitattributes": "* filter=x diff=x merge=x text\n",
    ".gitmodules": '[submodule "sub"]\npath = sub\nurl = ext::touch ran\nupdate = !touch ran\n',
    ".gitconfig": "[core]\nfsmonitor = touch ran\npager = touch ran\n",
    ".lfsconfig": "[lfs]\nurl = ssh://-oProxyCommand=touch/x\n",
    ".mailmap": "Proper <p@x.test> <t@x.test>\n",
    "hooks/post-checkout": "#!/bin/sh\ntouch ran\n",
    ".githooks/pre-push": "#!/bin/sh\ntouch ran\n",
    "commondir": "shop-dev\n",
    "gitdir": "shop-dev\n",
    "HEAD": "ref: refs/heads/main\n",
    "config": "[core]\nbare = true\nfsmonitor = touch ran\n",
}
READING = {
    "status": ("status",),
    "history": ("history", "ext", "-e", "shop-dev"),
    "promote": ("promote", "--all", "--from", "dev", "--to", "prod", "--dry-run"),
    "set": ("set", *(f"{name}={'e' * 40}" for name in TRAPS), "-e", "prod", "--dry-run"),
    "rollback": ("rollback", "ext", "-e", "shop-dev", "--dry-run"),
    "lock": ("lock", "ext", "-e", "dev", "-m", "why", "--dry-run"),
    "validate": ("validate",),
    "validate-staged": ("validate", "--staged"),
    "doctor": ("doctor",),
    "diff": ("diff", "--offline"),
    "env": ("env", "list"),
    "config": ("config", "list"),
}


def checkout_of(directory: Path) -> Path:
    """Make a checkout with a parent and signed commits on it."""
    git(directory.parent, "init", "-q", "--template=", directory)
    (directory / "f").write_text("f\n")
    git(directory, "add", "f")
    git(directory, "commit", "-q", "-m", "Begin")
    who = "A <a@x.test> 1793606400 +0000"
    head, tree = git(directory, "rev-parse", "HEAD", "HEAD^{tree}").split()
    for branch, name in SIGNATURES.items():
        text = f"tree {tree}\nparent {head}\nauthor {who}\ncommitter {who}\n"
        text += f"gpgsig -----BEGIN {name}-----\n \n iQ\n -----END {name}-----\n\nSigned\n"
        commit = git(directory, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text)
        git(directory, "update-ref", f"refs/heads/{branch}", commit)
    return directory


def laid(name: str, directory: Path) -> tuple[Path, Path]:
    """Return a checkout with a trap, and the mark that shows that somebody stepped into it."""
    mark = directory / f"{name}.ran"
    checkout = checkout_of(directory / name)
    TRAPS[name].lay(checkout, mark)
    return checkout, mark


@pytest.mark.parametrize("name", [name for name, trap in TRAPS.items() if trap.proof])
def test_git_itself_steps_into_it(name: str, tmp_path: Path) -> None:
    checkout, mark = laid(name, tmp_path)
    command = ["git", "-C", str(checkout), *TRAPS[name].proof]
    variables = environment() | {"GIT_TERMINAL_PROMPT": "0"}

    told = b"protocol=https\nhost=x.test\n\n"
    subprocess.run(command, env=variables, input=told, capture_output=True, check=False)

    assert mark.exists()


class Read(NamedTuple):
    """Which marks were there after each command."""

    marks: Mapping[str, frozenset[str]]
    codes: Mapping[str, int]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Lay all traps, and run all commands that read."""
    directory = tmp_path_factory.mktemp("traps")
    laid_out = {name: laid(name, directory) for name in TRAPS}
    victim = state_of({name: checkout for name, (checkout, _) in laid_out.items()}, directory)
    marks, codes = {}, {}

    def note(command: str) -> None:
        marks[command] = marked({name: mark for name, (_, mark) in laid_out.items()}, directory)

    for command, words in READING.items():
        codes[command] = victim(*words).code
        note(command)
    victim.using(_GITOPS_COMPLETE="complete_bash", COMP_WORDS="gitops status ex", COMP_CWORD="2")()
    note("completion")
    for checkout, _ in laid_out.values():
        checkout_at(checkout)
    note("standing in it")
    from_it = victim.at(laid_out["ext"][0]).using(GITOPS_REPO=directory / "state.git")
    codes["-R"] = from_it("status", "ext").code
    note("-R")
    return Read(marks, codes)


def marked(marks: Mapping[str, Path], directory: Path) -> frozenset[str]:
    """Return whose marks are there, and take them away."""
    found = {name for name, mark in marks.items() if mark.exists()}
    pushed = [path for path in directory.rglob("ran") if path.is_file()]
    for mark in (*marks.values(), *pushed):
        mark.unlink(missing_ok=True)
    return frozenset({*found, *(["pushed"] if pushed else [])})


def state_of(checkouts: Mapping[str, Path], directory: Path) -> Gitops:
    """Return the command in a clone of a state repository with these sources."""
    remote = init_bare(directory / "state.git")
    git(directory, "clone", "-q", remote, "author")
    author, files = directory / "author", dict(PUSHED)
    files["gitops.toml"] = 'stages = ["dev", "prod"]\n' + "".join(
        f'[service.{name}]\nsource = "{checkout}"\n' for name, checkout in checkouts.items()
    )
    for stage in ("dev", "prod"):
        files[f"shop-{stage}/images_path"] = "registry.example.com/shop/\n"
        for name, checkout in checkouts.items():
            files[f"shop-{stage}/{name}.deployment"] = f"{tip_of(checkout, 'main')}\n"
    commit(author, files)
    for name, checkout in checkouts.items():
        wanted = TRAPS[name].version
        version = wanted if wanted == MISSING else tip_of(checkout, wanted)
        files[f"shop-dev/{name}.deployment"] = f"{version}\n"
    commit(author, files)
    git(author, "push", "-q", "origin", "HEAD:main")
    git(directory, "clone", "-q", remote, "victim")
    return gitops_with_home(directory / "home").at(directory / "victim")


def commit(author: Path, files: Mapping[str, str]) -> None:
    """Commit files."""
    for path, text in files.items():
        (author / path).parent.mkdir(exist_ok=True)
        (author / path).write_text(text)
    git(author, "add", "--all")
    git(author, "commit", "-q", "-m", "Record")


def tip_of(checkout: Path, branch: str) -> str:
    """Return a branch's commit, read from its file: git itself would step into the traps."""
    common = checkout.with_name(f"{checkout.name}-common")
    at = common if common.is_dir() else checkout / ".git"
    return (at / "refs/heads" / branch).read_text().strip()


@pytest.mark.parametrize("name", [*TRAPS, "pushed"])
def test_no_command_that_reads_steps_into_it(read: Read, name: str) -> None:
    assert [command for command, marks in read.marks.items() if name in marks] == []


def test_the_commands_did_read(read: Read) -> None:
    assert read.codes == dict.fromkeys([*READING, "-R"], 0) | {"diff": 2}
