"""What the repository records: environments, stages, locks, and what the team agreed."""
