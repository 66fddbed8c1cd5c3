"""Exit codes, beside click's 0 (all done) and 2 (wrong usage)."""

FAILED, DAMAGED = 1, 3
HUNG_UP, INTERRUPTED, TERMINATED = 129, 130, 143
