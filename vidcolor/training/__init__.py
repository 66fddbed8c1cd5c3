"""Training: everything between a folder of pictures and a model."""

from vidcolor.training.config import TrainConfig
from vidcolor.training.loop import TrainProgress, TrainReport, train
from vidcolor.training.setup import Setup, set_up
from vidcolor.training.validation import Scores

__all__ = ["Scores", "Setup", "TrainConfig", "TrainProgress", "TrainReport", "set_up", "train"]
