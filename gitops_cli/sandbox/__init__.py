"""A practice ground on this machine: an emulated cluster and sample repositories."""
