"""The agent as values: what is installed, its rights, and what it says about itself."""
