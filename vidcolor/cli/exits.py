"""Exit codes, beside click's 0 (all done) and 2 (wrong usage)."""

FAILED, DAMAGED, INTERRUPTED = 1, 3, 130
