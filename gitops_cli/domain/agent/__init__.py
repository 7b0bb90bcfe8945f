"""The agent as plain values: what is installed, what it may do, what it reports."""
