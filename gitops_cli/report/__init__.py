"""The delivery page: what was delivered, what waits, and what holds it."""
