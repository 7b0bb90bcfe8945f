"""The cluster adapter against the real API server."""
