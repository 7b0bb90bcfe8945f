"""What a repository may decide over the git that looks at it: the one rule, and who is spared it.

Whoever can write in a directory writes the configuration, the hooks and the attributes of a
repository there, and these name programs: hooks, transports, filters, textconv, fsmonitor, pagers,
signature programs, credential helpers. So it depends on whose the repository is.

Anybody's (`OBEYING_NOTHING`, `NOBODY`): a service's source, wherever it is. No program that it
names is run, and nobody is connected to, not even for an object that a partial clone lacks.

Ours (`OURS`): the mirrors, the agent's repository, the sandbox. We wrote what is configured there;
the hooks that a user has for all repositories are not meant for them.

The user's own clone, whose `.git` no push can reach. What `git commit`, `git pull` and `git push`
would do there by hand holds for us:

    user.*, author.*, committer.*      the commit is theirs
    commit.gpgSign, gpg.*, user.*Key   so is its signature
    credential.*, http.*, protocol.*   how they log in, and to what they connect
    core.sshCommand, ssh.variant       with which key
    url.*.insteadOf                    what the URLs mean that they configured
    remote.*.promisor                  a partial clone fetches what it lacks, from its own remote
    pre-push                           the team's last check before others see it
    filters, post-merge                when their files follow what was pushed

A repository among the files of another one is nobody's: it is none (`gitops_cli.git.discovery`).
"""

from __future__ import annotations

# For every git. Nothing of ours starts work in the background of a repository, reads replaced
# objects, rewrites the index to refresh it, opens a pager, or speaks by a command of its own.
EVERYWHERE = (
    "--no-pager",
    "--no-replace-objects",
    "--no-optional-locks",
    *("-c", "maintenance.auto=false"),
    *("-c", "gc.auto=0"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "protocol.fd.allow=never"),
)

OURS = ("-c", "core.hooksPath=/dev/null")

OBEYING_NOTHING = (
    *OURS,
    *("-c", "log.showSignature=false"),
    *("-c", "log.mailmap=false"),  # of a bare one it is a file of HEAD's tree
    *("-c", "gpg.program=false"),
    *("-c", "gpg.openpgp.program=false"),
    *("-c", "gpg.x509.program=false"),
    *("-c", "gpg.ssh.program=false"),
    *("-c", "i18n.logOutputEncoding=UTF-8"),
)

# The first wins over `protocol.NAME.allow` of the repository, which wins over `-c protocol.allow`.
# Older versions of git do not know the second. Grafts make up ancestors.
NOBODY = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_GRAFT_FILE": "/dev/null",
}

# A bare repository that was named, or is around somebody, and is not among another one's files.
NAMED_BARE = ("-c", "safe.bareRepository=all")
