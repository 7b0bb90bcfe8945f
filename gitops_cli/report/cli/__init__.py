"""The command of the delivery page."""
