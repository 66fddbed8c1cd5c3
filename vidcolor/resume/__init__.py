"""Runs that survive a kill, a power cut and a full disk: what is finished is kept, and gone on from."""

from vidcolor.resume.description import Description, describe, differences, digest_of
from vidcolor.resume.folder import is_whole, journal_of
from vidcolor.resume.journal import Kept
from vidcolor.resume.spans import SpanWriter, in_spans, open_spans
from vidcolor.resume.windows import Record, WindowFiles, WindowWriter, is_seamless

__all__ = [
    "Description",
    "Kept",
    "Record",
    "SpanWriter",
    "WindowFiles",
    "WindowWriter",
    "describe",
    "differences",
    "digest_of",
    "in_spans",
    "is_seamless",
    "is_whole",
    "journal_of",
    "open_spans",
]
