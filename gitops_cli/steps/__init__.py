"""Runs what a repository declares as programs, after somebody trusted it on this machine."""
