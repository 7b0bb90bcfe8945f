"""What a fork runs whose command is code: its only argument, as `python -c` would run it."""

import sys

exec(sys.argv[1])
