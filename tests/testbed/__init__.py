"""What the tests run against: a real control plane, real repositories, the installed command."""
