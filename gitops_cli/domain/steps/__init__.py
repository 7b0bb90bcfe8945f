"""Programs that a repository declares: what they may read, and what came of them."""
