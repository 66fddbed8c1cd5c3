"""Runs that survive a kill, a power cut and a full disk: what is finished is kept, and gone on from."""

from vidcolor.resume.folder import is_whole, journal_of
from vidcolor.resume.job import Job, describe_job, differences, digest_of
from vidcolor.resume.journal import Kept
from vidcolor.resume.spans import SpanWriter, in_spans, open_spans
from vidcolor.resume.windows import Record, WindowFiles, WindowWriter, is_seamless

__all__ = [
    "Job",
    "Kept",
    "Record",
    "SpanWriter",
    "WindowFiles",
    "WindowWriter",
    "describe_job",
    "differences",
    "digest_of",
    "in_spans",
    "is_seamless",
    "is_whole",
    "journal_of",
    "open_spans",
]
