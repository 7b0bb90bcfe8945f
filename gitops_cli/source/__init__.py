"""A service's source repository, read only: commits between two versions, and their order."""
