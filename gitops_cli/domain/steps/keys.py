"""The keys of steps and checks in gitops.toml, as `settings_keys.py` has all others."""

from __future__ import annotations

from gitops_cli.domain.setting import Key, Kind

STEP_KEYS = (
    Key(
        "stage.NAME.step.NAME",
        "tofu",
        Kind.TEXT,
        "none",
        "The step is OpenTofu's: the directory of its configuration, from the repository's "
        "root. What a step is made of must be trusted by `gitops trust` before it runs.",
        '"infra/network"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "terraform",
        Kind.TEXT,
        "none",
        "The same of Terraform.",
        '"infra/network"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "ansible",
        Kind.TEXT,
        "none",
        "The step is ansible's: its playbook. All that stands in the playbook's directory "
        "goes with it.",
        '"infra/hosts/site.yml"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "plan",
        Kind.LIST,
        "none",
        "The step is a command: its words, without a shell. It ends with 0 where nothing is "
        "to be done, with 2 where something is.",
        '["./dns.sh", "plan"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "apply",
        Kind.LIST,
        "none",
        "What does it, with `plan`. It ends with 0.",
        '["./dns.sh", "apply"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "directory",
        Kind.TEXT,
        "none",
        "Where a command works, and what goes with it.",
        '"infra/dns"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "inventory",
        Kind.TEXT,
        "ansible's own",
        "ansible's inventory, a file or a directory.",
        '"infra/inventories/{stage}"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "vars",
        Kind.LIST,
        "none",
        "Files of variables, for tofu, terraform and ansible.",
        '["infra/{environment}.tfvars"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "workspace",
        Kind.TEXT,
        "the default one",
        "tofu's or terraform's workspace; made if there is none.",
        '"{environment}"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "files",
        Kind.LIST,
        "none",
        "More files and directories that the step reads, such as modules.",
        '["infra/modules"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "env",
        Kind.LIST,
        "none",
        "Variables of whoever runs it that the step gets, by name.",
        '["AWS_PROFILE"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "produces",
        Kind.LIST,
        "none",
        "Files that the step writes, for the steps after it; of tofu and terraform the "
        "outputs as JSON.",
        '["infra/hosts/network.json"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "timeout",
        Kind.TEXT,
        '"30m"',
        "How long each of its programs may take.",
        '"1h"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "command",
        Kind.LIST,
        "none",
        "The check is a command on the machine of who records: 0 lets the versions come. It "
        "reads what is to be recorded as JSON. It must be trusted by `gitops trust`.",
        '["./smoke.sh", "{environment}"]',
    ),
    Key(
        "stage.NAME.check.NAME",
        "directory",
        Kind.TEXT,
        "none",
        "Where the command works, and what goes with it.",
        '"checks"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "files",
        Kind.LIST,
        "none",
        "More files and directories that the command reads.",
        '["lib"]',
    ),
    Key(
        "stage.NAME.check.NAME",
        "env",
        Kind.LIST,
        "none",
        "Variables of whoever runs it that the command gets, by name.",
        '["SMOKE_TOKEN"]',
    ),
    Key(
        "stage.NAME.check.NAME",
        "url",
        Kind.TEXT,
        "none",
        "The check is a page: a status of 2xx lets the versions come. https, or http on this "
        "machine; no login and no redirect.",
        '"https://ci.example.com/api/e2e/{environment}"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "expect",
        Kind.TEXT,
        "nothing",
        "A JMESPath expression of the page's JSON, which must be true.",
        '"status == `passed`"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "job",
        Kind.TEXT,
        "none",
        "The check is a Job in the environment before: it must have completed since the "
        "version came there.",
        '"e2e"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "timeout",
        Kind.TEXT,
        '"5m"',
        "How long it may take.",
        '"10m"',
    ),
)
