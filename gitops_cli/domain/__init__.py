"""Pure values and functions: no git, no cluster, no clock, standard library only."""
