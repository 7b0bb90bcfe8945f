"""A process in the cluster that follows the repository: commands, manifests and its work."""
