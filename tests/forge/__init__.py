"""Forges."""
