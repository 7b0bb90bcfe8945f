"""Tests of rendering manifests."""
