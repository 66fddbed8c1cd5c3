"""What people see: bars and messages on stderr, results on stdout."""

from vidcolor.console.bars import RunBar, run_bar, steps_bar, training_bar
from vidcolor.console.outcomes import (
    print_comparison,
    print_export,
    print_hints,
    print_preview,
    print_run,
    print_training,
)
from vidcolor.console.streams import print_json
from vidcolor.console.tables import print_bench, print_environment, print_evaluation, print_media, print_models

__all__ = [
    "RunBar",
    "print_bench",
    "print_comparison",
    "print_environment",
    "print_evaluation",
    "print_export",
    "print_hints",
    "print_json",
    "print_media",
    "print_models",
    "print_preview",
    "print_run",
    "print_training",
    "run_bar",
    "steps_bar",
    "training_bar",
]
