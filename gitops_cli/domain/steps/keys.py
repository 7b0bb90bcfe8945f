"""The keys of steps and checks in gitops.toml, as `settings_keys.py` has all others."""

from __future__ import annotations

from gitops_cli.domain.setting import Key, SettingKind

STEP_KEYS = (
    Key(
        "stage.NAME.step.NAME",
        "tofu",
        SettingKind.TEXT,
        "none",
        "The step is OpenTofu's: the directory of its configuration, from the repository's "
        "root. What a step is made of must be trusted by `gitops trust` before it runs.",
        '"infra/network"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "terraform",
        SettingKind.TEXT,
        "none",
        "The same of Terraform.",
        '"infra/network"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "ansible",
        SettingKind.TEXT,
        "none",
        "The step is ansible's: its playbook. All that stands in the playbook's directory "
        "goes with it.",
        '"infra/hosts/site.yml"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "plan",
        SettingKind.LIST,
        "none",
        "The step is a command: its words, without a shell. It ends with 0 where nothing is "
        "to be done, with 2 where something is.",
        '["./dns.sh", "plan"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "apply",
        SettingKind.LIST,
        "none",
        "What does it, with `plan`. It ends with 0.",
        '["./dns.sh", "apply"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "directory",
        SettingKind.TEXT,
        "none",
        "Where a command works, and what goes with it.",
        '"infra/dns"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "inventory",
        SettingKind.TEXT,
        "ansible's own",
        "ansible's inventory, a file or a directory.",
        '"infra/inventories/{stage}"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "vars",
        SettingKind.LIST,
        "none",
        "Files of variables, for tofu, terraform and ansible.",
        '["infra/{environment}.tfvars"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "workspace",
        SettingKind.TEXT,
        "the default one",
        "tofu's or terraform's workspace; made if there is none.",
        '"{environment}"',
    ),
    Key(
        "stage.NAME.step.NAME",
        "files",
        SettingKind.LIST,
        "none",
        "More files and directories that the step reads, such as modules.",
        '["infra/modules"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "env",
        SettingKind.LIST,
        "none",
        "Variables of whoever runs it that the step gets, by name.",
        '["AWS_PROFILE"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "produces",
        SettingKind.LIST,
        "none",
        "Files that the step writes, for the steps after it; of tofu and terraform the "
        "outputs as JSON.",
        '["infra/hosts/network.json"]',
    ),
    Key(
        "stage.NAME.step.NAME",
        "timeout",
        SettingKind.TEXT,
        '"30m"',
        "How long each of its programs may take.",
        '"1h"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "command",
        SettingKind.LIST,
        "none",
        "The check is a command on the machine of who records: 0 lets the versions come. It "
        "reads what is to be recorded as JSON. It must be trusted by `gitops trust`.",
        '["./smoke.sh", "{environment}"]',
    ),
    Key(
        "stage.NAME.check.NAME",
        "directory",
        SettingKind.TEXT,
        "none",
        "Where the command works, and what goes with it.",
        '"checks"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "files",
        SettingKind.LIST,
        "none",
        "More files and directories that the command reads.",
        '["lib"]',
    ),
    Key(
        "stage.NAME.check.NAME",
        "env",
        SettingKind.LIST,
        "none",
        "Variables of whoever runs it that the command gets, by name.",
        '["SMOKE_TOKEN"]',
    ),
    Key(
        "stage.NAME.check.NAME",
        "url",
        SettingKind.TEXT,
        "none",
        "The check is a page: a status of 2xx lets the versions come. https, or http on this "
        "machine; no login and no redirect.",
        '"https://ci.example.com/api/e2e/{environment}"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "expect",
        SettingKind.TEXT,
        "nothing",
        "A JMESPath expression of the page's JSON, which must be true.",
        '"status == `passed`"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "job",
        SettingKind.TEXT,
        "none",
        "The check is a Job in the environment before: it must have completed since the "
        "version came there.",
        '"e2e"',
    ),
    Key(
        "stage.NAME.check.NAME",
        "timeout",
        SettingKind.TEXT,
        '"5m"',
        "How long it may take.",
        '"10m"',
    ),
)
