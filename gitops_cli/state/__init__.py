"""The state repository: the only code that runs git for it, and the only one that writes it."""
