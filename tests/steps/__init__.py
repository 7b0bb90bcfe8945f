"""Tests of running what is trusted."""
