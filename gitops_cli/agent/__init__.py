"""The agent, seen from outside the cluster: keys, host keys, packages, the shell agent."""
