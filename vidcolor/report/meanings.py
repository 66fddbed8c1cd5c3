"""What each metric says, which way is better, and what it is fooled by: no number stands on the page without it."""

from dataclasses import dataclass, replace

BESIDE = {"_unsmoothed": "without filter", "_of_truth": "original", "_of_grey": "grey"}
"""Suffix of a field -> what its value is the measure of; the field stands beside the one it is named after."""


@dataclass(frozen=True)
class Meaning:
    """How a metric is shown and read."""

    name: str
    better: str
    says: str
    fooled_by: str
    unit: str = ""
    digits: int = 3

    def show(self, value: float) -> str:
        """The value as it stands in a table; the unit is said beside the name."""
        return f"{value * 100:.{self.digits}f}" if self.unit == "%" else f"{value:.{self.digits}f}"


LOWER, HIGHER, NEAR = "lower is better", "higher is better", "nearest the original is best"
STEADY = "lower is steadier; the original’s is the mark"

MEANINGS = {
    "mse": Meaning(
        "Mean squared error",
        LOWER,
        "How far R′G′B′ is from the original, in 0..1; PSNR is its logarithm.",
        "grey, as PSNR is; and a few badly wrong pictures outweigh many good ones.",
        digits=5,
    ),
    "psnr": Meaning(
        "PSNR",
        HIGHER,
        "How near R′G′B′ is to the original, pixel by pixel. What counts is the distance to grey.",
        "grey: a timid picture scores above a bold one that guessed another colour. Read it with the colourfulness.",
        "dB",
        digits=2,
    ),
    "ssim": Meaning(
        "SSIM",
        HIGHER,
        "How alike small structures are, 1 at most.",
        "the lightness, which is the original’s own: a picture without any colour scores high as well.",
        digits=4,
    ),
    "ciede2000": Meaning(
        "CIEDE2000",
        LOWER,
        "Mean difference in colour as the eye judges it: 1 can just be seen, black to white is 100.",
        "grey: a muted guess is never far off.",
        "ΔE",
        digits=2,
    ),
    "colorfulness": Meaning(
        "Colourfulness",
        NEAR,
        "How strong and how varied the colours are (Hasler and Süsstrunk 2003): 0 is grey, photos lie about 40.",
        "any colour in any place: noise is colourful too.",
        digits=1,
    ),
    "auc": Meaning(
        "AuC",
        HIGHER,
        "Share of pixels within t of the true a*b*, averaged over t = 0..150 (Zhang 2016).",
        "grey: most of every picture is dull, so that no colour at all scores high.",
        "%",
        digits=1,
    ),
    "auc_rebalanced": Meaning(
        "AuC, rebalanced",
        HIGHER,
        "The same with rare colours weighing as much as common ones.",
        "few pictures: a colour that one pixel has weighs as much as all of grey.",
        "%",
        digits=1,
    ),
    "larger_channel": Meaning(
        "Larger channel",
        HIGHER,
        "Share of pixels on the original’s side of a* = b*: red, magenta and blue on one, yellow, green, cyan on the "
        "other.",
        "one faint yellow for every pixel, which does better than chance, and chance has half.",
        "%",
        digits=1,
    ),
    "lpips": Meaning(
        "LPIPS",
        LOWER,
        "Distance between the features that a network sees in the picture and in the original.",
        "the lightness, which is the original’s own: all values are small.",
        digits=4,
    ),
    "cdc": Meaning(
        "CDC",
        STEADY,
        "How far the colour histograms of frames 1, 2 and 4 apart diverge, in nats (Liu 2021).",
        "grey, and by a frozen cast: histograms do not see where a colour is.",
        digits=5,
    ),
    "flicker": Meaning(
        "Flicker",
        STEADY,
        "Mean |Δab| from frame to frame where the luma changes by at most 2 of 255, so where nothing moves.",
        "grey, which never flickers; the original does, by its grain.",
        "a*b* units",
    ),
    "warp_error": Meaning(
        "Warp error",
        STEADY,
        "Mean squared Δab along the motion, where the motion is consistent.",
        "grey, which scores 0. It agrees poorly with people: a guard, not a goal.",
        "(a*b* units)²",
    ),
    "cut_lag": Meaning(
        "Lag after a cut",
        LOWER,
        "Frames after a cut until the colours are as near to the original as later in the shot.",
        "a shot that is wrong to its end, which has no lag; a film without a cut has none to measure.",
        "frames",
        digits=1,
    ),
}
"""Field of PictureScores or FilmScores -> its meaning, in the order they are declared."""

REALISM = {
    "FID": Meaning(
        "FID",
        LOWER,
        "Distance between the distributions of a network’s features over all pictures, coloured and original.",
        "small numbers of pictures, which raise it. Only values of the same network on the same pictures compare: "
        "FID-MobileNetV2 is not the published FID, which is of Inception v3.",
        digits=2,
    ),
    "IS": Meaning(
        "Inception Score",
        HIGHER,
        "How surely, and into how many kinds, a network sorts the pictures; it never compares them with the originals.",
        "small numbers of pictures, which lower it. Only values of the same network on the same pictures compare.",
        digits=2,
    ),
}
"""First part of a name like FID-MobileNetV2 -> its meaning."""


def meaning_of(field: str) -> Meaning:
    """Of a field, or of a measure of realism, which keeps the name of its network."""
    return MEANINGS[field] if field in MEANINGS else replace(REALISM[field.split("-")[0]], name=field)


def stem(field: str) -> str:
    """The field beside which a field stands: psnr of psnr_of_grey, and psnr of itself."""
    for suffix in BESIDE:
        field = field.removesuffix(suffix)
    return field
