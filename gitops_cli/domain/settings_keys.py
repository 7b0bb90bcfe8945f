"""Every key of gitops.toml and of the user's config, for people and their editors.

`gitops help gitops.toml`, docs/gitops-toml.md and the JSON Schemas are made from these tables. The
readers know the keys by themselves, because they are on the way of every command; a test holds the
tables against what they accept.
"""

from __future__ import annotations

from collections.abc import Mapping

from gitops_cli.domain.recorded.notify import Event
from gitops_cli.domain.recorded.signed_keys import SIGNED_KEYS
from gitops_cli.domain.setting import Key, SettingKind
from gitops_cli.domain.steps.keys import STEP_KEYS

TEAM_KEYS = (
    Key(
        "",
        "stages",
        SettingKind.LIST,
        '["development", "staging", "production"]',
        "The stages in their order: which short names mean one, where `promote --to` takes its "
        "versions from, and the order of columns.",
        '["development", "qa", "staging", "production"]',
    ),
    Key(
        "stage.NAME",
        "aliases",
        SettingKind.LIST,
        "none",
        "More names of this stage, wherever a command takes one. Each belongs to one stage only.",
        '["live"]',
    ),
    Key(
        "stage.NAME",
        "cluster",
        SettingKind.TEXT,
        "the user's context",
        "The kubeconfig's context for this stage. Another --context is refused (exit 6).",
        '"prod-eu"',
    ),
    Key(
        "stage.NAME",
        "cluster_uid",
        SettingKind.TEXT,
        "not checked",
        "The uid of the cluster's namespace kube-system: a context of the right name that leads to "
        "another cluster is refused (exit 6).",
        '"5a1c0b7e-3f0d-4b1e-9c55-2f1d8a6e7b90"',
    ),
    Key(
        "stage.NAME",
        "promote_from",
        SettingKind.LIST,
        "any stage",
        "From which stages `promote` and `env copy` may bring versions here.",
        '["staging"]',
    ),
    Key(
        "stage.NAME",
        "protected",
        SettingKind.FLAG,
        "false",
        "Writers ask for the environment's name and a reason; without a terminal --confirm ENV "
        "and -m.",
        "true",
    ),
    Key(
        "stage.NAME",
        "freeze",
        SettingKind.LIST,
        "none",
        "Windows, weekly or once, in which no version is recorded. `rollback` is never frozen.",
        '["Fri 16:00 - Mon 08:00 Europe/Warsaw", "2026-12-20 00:00 - 2027-01-02 00:00 UTC"]',
    ),
    Key(
        "stage.NAME",
        "require",
        SettingKind.LIST,
        "none",
        "What `promote` and `env copy` check first: `image`, that the registry has it; "
        "`live-in-source`, that the source environment runs it.",
        '["image", "live-in-source"]',
        ("image", "live-in-source"),
    ),
    Key(
        "stage.NAME",
        "mode",
        SettingKind.TEXT,
        '"push"',
        "`pr`: writers push a branch for a request instead of the commit itself. `rollback`, "
        "`lock`, `unlock` and `approve` write at once.",
        '"pr"',
        ("push", "pr"),
    ),
    Key(
        "stage.NAME",
        "branches",
        SettingKind.LIST,
        "any branch",
        "Of which branches (globs) of a service `set` and `release` may record commits in CI, or "
        "of a checkout's HEAD.",
        '["main", "release/*"]',
    ),
    Key(
        "stage.NAME",
        "require_ancestry",
        SettingKind.FLAG,
        "as [versions] says",
        "`set` and `release` believe only ancestry, not times, that a build is newer.",
        "true",
    ),
    Key(
        "stage.NAME",
        "manifests",
        SettingKind.TEXT,
        "manifests/ in the environment",
        "Where the Kubernetes objects of environments without `manifests/` stand, from the "
        "environment's directory. `{project}`, `{stage}` and `{environment}` are its own.",
        '"../{project}-base"',
    ),
    Key(
        "stage.NAME",
        "manifests_network",
        SettingKind.FLAG,
        "false",
        "Let kustomize fetch remote bases and Helm its dependencies when manifests are rendered.",
        "true",
    ),
    Key(
        "stage.NAME",
        "kubernetes",
        SettingKind.TEXT,
        "the newest release that gitops knows",
        "The release of the stage's cluster, as Helm charts see it (`.Capabilities.KubeVersion`).",
        '"1.33"',
    ),
    Key(
        "stage.NAME",
        "kubernetes_apis",
        SettingKind.LIST,
        "none",
        "What the cluster serves beside Kubernetes' own APIs, for charts that look "
        "(`.Capabilities.APIVersions.Has`): GROUP/VERSION or GROUP/VERSION/KIND.",
        '["monitoring.coreos.com/v1"]',
    ),
    Key(
        "stage.NAME",
        "prune",
        SettingKind.FLAG,
        "false",
        "`sync` and the agent remove objects that have left the manifests, as with --prune.",
        "true",
    ),
    Key(
        "stage.NAME",
        "drift",
        SettingKind.TEXT,
        '"correct"',
        "What the agent does about what people changed by hand: `correct` puts it back within a "
        "minute, `report` leaves it and says so (`gitops agent status` is `failing`, exit 1).",
        '"report"',
        ("correct", "report"),
    ),
    Key(
        "stage.NAME",
        "soak",
        SettingKind.TEXT,
        "none",
        "How long a version must have been recorded in the stage before (that of `promote_from`, "
        "if that is said): 30m, 2h, 1d. If that stage has a `cluster` that answers, it runs there, "
        "too.",
        '"2h"',
    ),
    Key(
        "stage.NAME",
        "approvals",
        SettingKind.NUMBER,
        "0",
        "How many others than the one who records it must have said yes to this very version, by "
        "`gitops approve`.",
        "1",
    ),
    Key(
        "stage.NAME",
        "signed_approvals",
        SettingKind.FLAG,
        "false",
        "Only approvals count whose commit has a good signature of a key that the one who records "
        "trusts (git's gpg.ssh.allowedSignersFile, or their GPG keyring).",
        "true",
    ),
    *STEP_KEYS,
    *SIGNED_KEYS,
    Key(
        "service.NAME",
        "source",
        SettingKind.TEXT,
        "none",
        "The repository that the service's versions are commits of, by https, ssh or file: for "
        "changelogs, numbers in `status`, stale builds, and to know a checkout.",
        '"git@git.example.com:acme/authentication.git"',
    ),
    Key(
        "service.NAME",
        "path",
        SettingKind.TEXT,
        "the whole source",
        "The service's directory in a source that holds several. Needs `source`.",
        '"services/authentication"',
    ),
    Key(
        "service.NAME",
        "container",
        SettingKind.EITHER,
        "all with the service's image",
        "Which containers of the workload get the image.",
        '["app", "worker"]',
    ),
    Key(
        "service.NAME",
        "workload",
        SettingKind.TEXT,
        "the service's name",
        "The workload's name in clusters, such as Helm's release gives it.",
        '"rel-authentication"',
    ),
    Key(
        "versions",
        "form",
        SettingKind.TEXT,
        '"commit"',
        "`commit`: versions are full commit hashes; `any`: whatever can be an image's tag.",
        '"any"',
        ("commit", "any"),
    ),
    Key(
        "versions",
        "require_ancestry",
        SettingKind.FLAG,
        "false",
        "The same as [stage.NAME] require_ancestry, for all stages that do not say it.",
        "true",
    ),
    Key(
        "versions",
        "new_services",
        SettingKind.TEXT,
        '"ask"',
        "What `set` and `release` do with a service that its project does not have: `ask` wants "
        "--new or a yes, `allow` records it unless its name is like another.",
        '"allow"',
        ("ask", "allow"),
    ),
    Key(
        "commit",
        "skip_ci",
        SettingKind.FLAG,
        "false",
        "End the first line of our commits with [skip ci]; never on branches to be merged.",
        "true",
    ),
    Key(
        "commit",
        "subject",
        SettingKind.TEXT,
        "our own first line",
        "A template of the first line of our commits, of {environment}, {action}, {services} and "
        "{summary}.",
        '"chore({environment}): {summary}"',
    ),
    Key(
        "commit",
        "sign_off",
        SettingKind.FLAG,
        "false",
        "Add Signed-off-by of the committer to our commits, as `git commit -s`.",
        "true",
    ),
    Key(
        "commit",
        "message_as_subject",
        SettingKind.FLAG,
        "false",
        "The reason of -m is the first line of our commits, where one is given.",
        "true",
    ),
    Key(
        "notify.NAME",
        "events",
        SettingKind.LIST,
        "none",
        "What is told to NAME, whose address is in the variable GITOPS_NOTIFY_NAME, or a file, of "
        "whoever sends it, and never here.",
        '["promoted", "failed", "rolled-back"]',
        tuple(Event),
    ),
    Key(
        "notify.NAME",
        "stages",
        SettingKind.LIST,
        "all",
        "Of which stages it is told.",
        '["production"]',
    ),
    Key(
        "notify.NAME",
        "template",
        SettingKind.TEXT,
        "our own words",
        "The line of text, of {event}, {environment}, {services}, {summary}, {by}, {reason} and "
        "{commit}.",
        '"{event}: {summary} ({by})"',
    ),
)

USER_KEYS = (
    Key(
        "",
        "repo",
        SettingKind.TEXT,
        "the repository around you",
        "The state repository, a URL or a path, as -R and GITOPS_REPO, which come first.",
        '"git@git.example.com:acme/environments-state.git"',
    ),
    Key(
        "",
        "project",
        SettingKind.TEXT,
        "none",
        "The project that a stage's name means where several have it, as --project.",
        '"project1"',
    ),
    Key(
        "",
        "output",
        SettingKind.TEXT,
        '"table"',
        "The format of results, as --output.",
        '"wide"',
        ("table", "wide", "json", "yaml", "jsonl", "csv", "name", "markdown", "html"),
    ),
    Key(
        "",
        "context",
        SettingKind.TEXT,
        "the kubeconfig's current one",
        "The kubeconfig's context for stages without a `cluster`, as --context.",
        '"kind-kind"',
    ),
    Key(
        "alias",
        "NAME",
        SettingKind.EITHER,
        "none",
        "A short form of your own: `gitops NAME` is this command line, and what is typed after it "
        "follows. No shell reads it, and it is no other alias, nor has it a command's name.",
        '"promote --from dev"',
    ),
    Key(
        "registry.HOST",
        "ca_file",
        SettingKind.TEXT,
        "the system's authorities",
        "Authorities that this registry's certificate may be signed by.",
        '"~/acme.pem"',
    ),
    Key(
        "registry.HOST",
        "insecure",
        SettingKind.FLAG,
        "false",
        "Speak plain HTTP with this registry.",
        "true",
    ),
    Key(
        "forge.HOST",
        "kind",
        SettingKind.TEXT,
        "by the host's name",
        "What the forge is: `github`, `gitlab`, `gitea` (Forgejo too), `bitbucket` or `azure`.",
        '"gitea"',
        ("github", "gitlab", "gitea", "bitbucket", "azure"),
    ),
    Key(
        "forge.HOST",
        "token",
        SettingKind.TEXT,
        "none",
        "The variable of the environment that has the token for this host; it comes first.",
        '"ACME_FORGE_TOKEN"',
    ),
    Key(
        "forge.HOST",
        "url",
        SettingKind.TEXT,
        "https://HOST",
        "Where the forge's pages and its API begin, if that is a path of the host, or another port "
        "or host than that of git.",
        '"https://git.acme.example/bitbucket"',
    ),
    Key(
        "steps",
        "env",
        SettingKind.LIST,
        "none",
        "Variables of your environment that all steps get, of whatever repository you trust.",
        '["AWS_PROFILE"]',
    ),
)

FILES: Mapping[str, tuple[Key, ...]] = {"gitops.toml": TEAM_KEYS, "config.toml": USER_KEYS}

NOTES: Mapping[str, str] = {
    "gitops.toml": "At the top of the state repository, and optional: without it the defaults "
    "hold. An unknown key, or a value of another kind, is told with its line, and stops the writes "
    "that its section governs (exit 2); never reading, rollback, lock or unlock.",
    "config.toml": "In gitops/ below $XDG_CONFIG_HOME (~/.config), and optional. Options and "
    "variables come first; `gitops config list --show-origin` says where a value comes from. What "
    "is wrong in it is left out and told with its line, and stops only who would act on it (exit "
    "2); never reading, rollback, lock or unlock.",
}
