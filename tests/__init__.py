"""The tests of gitops-cli."""
