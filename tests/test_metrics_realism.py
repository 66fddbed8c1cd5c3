"""FID and the Inception Score against their formulas, on a classifier of our own."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from vidcolor.metrics import Extractor, Realism


class Glance(nn.Module):
    """Sees the mean colour of a picture, and calls it by three names."""

    def forward(self, pictures):
        vectors = pictures.mean(dim=(2, 3))
        return vectors, 8 * vectors


GLANCE = Extractor("Glance", 3, Glance())


def pictures(count=60, seed=0):
    coarse = torch.rand(count, 3, 1, 1, generator=torch.Generator().manual_seed(seed))
    return coarse.expand(-1, -1, 4, 4)


def grey(rgb):
    return rgb.mean(dim=1, keepdim=True).expand_as(rgb)


def scores(colored, truth, batch=17):
    realism = Realism(GLANCE)
    for pair in zip(colored.split(batch), truth.split(batch), strict=True):
        realism.update(*pair)
    return realism.scores()


def frechet(one, other):
    """Heusel et al. 2017, equation 6, of vectors (N, F)."""
    spread, other_spread = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = sqrtm(spread @ other_spread).real
    return np.square(one.mean(0) - other.mean(0)).sum() + np.trace(spread + other_spread - 2 * root)


def distinctness(logits):
    """Salimans et al. 2016: exp of the mean of KL(p(y|x) || p(y)), summed term by term."""
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    mean = shares.mean(0)
    return np.exp(np.mean([sum(p * np.log(p / q) for p, q in zip(share, mean, strict=True)) for share in shares]))


def test_the_scores_are_those_of_the_formulas() -> None:
    colored, truth = 0.2 + 0.5 * pictures(seed=1), pictures(seed=2)
    one, other = (rgb.mean(dim=(2, 3)).double().numpy() for rgb in (colored, truth))
    assert scores(colored, truth) == {
        "FID-Glance": pytest.approx(frechet(one, other), rel=1e-5),
        "IS-Glance": pytest.approx(distinctness(8 * one), rel=1e-5),
        "IS-Glance of the truth": pytest.approx(distinctness(8 * other), rel=1e-5),
    }


def test_the_truth_is_at_no_distance_from_itself() -> None:
    found = scores(pictures(), pictures())
    assert 0 <= found["FID-Glance"] < 1e-6
    assert found["IS-Glance"] == found["IS-Glance of the truth"]


def test_grey_is_found_out() -> None:
    truth = pictures()
    nearly, pale = scores(0.9 * truth + 0.1 * grey(truth), truth), scores(grey(truth), truth)
    assert pale["FID-Glance"] > 10 * nearly["FID-Glance"]
    assert pale["IS-Glance"] == pytest.approx(1)
    assert nearly["IS-Glance"] > 1.1


def test_the_same_pictures_score_the_same_again() -> None:
    assert scores(pictures(seed=1), pictures(seed=2), batch=7) == scores(pictures(seed=1), pictures(seed=2), batch=7)


def test_one_picture_is_not_enough() -> None:
    realism = Realism(GLANCE)
    assert realism.scores() == {}
    realism.update(pictures(1), pictures(1))
    assert realism.scores() == {}


def test_a_batch_may_hold_one_picture() -> None:
    assert scores(pictures(5), pictures(5, seed=1), batch=1) == pytest.approx(scores(pictures(5), pictures(5, seed=1)))


def test_what_was_not_measured_is_said() -> None:
    realism = Realism(GLANCE)
    realism.update(pictures(), pictures())
    inception, instead, few = realism.notes
    assert "FID-Inception" in inception
    assert "not measured" in inception
    assert instead.startswith("Glance's features are compared instead")
    assert "of 60 pictures" in few


def test_enough_pictures_need_no_excuse() -> None:
    realism = Realism(Extractor("Inception", 3, Glance()))
    realism.update(pictures(2048), pictures(2048, seed=1))
    assert realism.notes == ()
    assert set(realism.scores()) == {"FID-Inception", "IS-Inception", "IS-Inception of the truth"}


def test_without_a_classifier_there_is_a_note_and_no_score() -> None:
    realism = Realism()
    realism.update(pictures(), pictures())
    assert realism.scores() == {}
    assert [note.split(" and ")[0] for note in realism.notes] == ["FID-Inception"]
