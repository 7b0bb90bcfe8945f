"""Forges: pull and merge requests, opened and kept up to date through their HTTP APIs."""
