"""The keys of `[stage.X.signature]` and `[stage.X.attestation]`, beside `settings_keys.py`."""

from __future__ import annotations

from gitops_cli.domain.setting import Key, SettingKind

SIGNED_KEYS = (
    Key(
        "stage.NAME.signature",
        "key",
        SettingKind.TEXT,
        "none",
        "Only images come here that have a signature of this public key, a file of the repository, "
        "as `cosign sign --key` makes it; their digests are recorded.",
        '"keys/cosign.pub"',
    ),
    Key(
        "stage.NAME.signature",
        "identity",
        SettingKind.TEXT,
        "none",
        "Instead of a key: whom the certificate of a keyless signature names, a mail address or a "
        "workflow; `*` stands for what has neither `/` nor `@`. Needs `issuer`, and the extra "
        "`keyless` on the machine of who records.",
        '"https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main"',
    ),
    Key(
        "stage.NAME.signature",
        "issuer",
        SettingKind.TEXT,
        "none",
        "Who knows whom the identity is: the OIDC issuer that the certificate names.",
        '"https://token.actions.githubusercontent.com"',
    ),
    Key(
        "stage.NAME.signature",
        "trusted_root",
        SettingKind.TEXT,
        "Sigstore's public instance",
        "Whose certificates and logs count: a file of the repository, as `cosign trusted-root "
        "create` writes it. With it nobody but the registry is asked.",
        '"keys/trusted_root.json"',
    ),
    Key(
        "stage.NAME.attestation",
        "key",
        SettingKind.TEXT,
        "none",
        "The same of an attestation, as `cosign attest --key` makes it. Needs `type`.",
        '"keys/cosign.pub"',
    ),
    Key(
        "stage.NAME.attestation",
        "identity",
        SettingKind.TEXT,
        "none",
        "The same of an attestation without a key. Needs `issuer` and `type`.",
        '"https://github.com/acme/web/.github/workflows/*@refs/tags/v*"',
    ),
    Key(
        "stage.NAME.attestation",
        "issuer",
        SettingKind.TEXT,
        "none",
        "Who knows whom the identity is.",
        '"https://token.actions.githubusercontent.com"',
    ),
    Key(
        "stage.NAME.attestation",
        "trusted_root",
        SettingKind.TEXT,
        "Sigstore's public instance",
        "Whose certificates and logs count, likewise.",
        '"keys/trusted_root.json"',
    ),
    Key(
        "stage.NAME.attestation",
        "type",
        SettingKind.TEXT,
        "none",
        "The type of the attestation's predicate.",
        '"https://slsa.dev/provenance/v1"',
    ),
)
