"""The state repository: the only code that reads and writes it."""
