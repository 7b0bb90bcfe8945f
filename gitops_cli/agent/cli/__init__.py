"""`gitops agent` and its subcommands."""
