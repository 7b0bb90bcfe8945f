"""Everything that somebody else writes, with something wrong in it.

`make test-sweep` tries a few hundred of each edge, the same every time; `make fuzz` as many as fit
in an hour. Allowed is a right answer or an expected error. An error nobody foresaw, a hang, or a
wrong answer is a defect.
"""
