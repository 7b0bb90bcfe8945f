"""gitops: the versions of your services, in git, promoted and synced without a server."""

__version__ = "0.1.0"
