"""Runs that survive a kill, a power cut and a full disk: what is finished is kept, and gone on from."""

from vidcolor.resume.job import describe_job, digest_of
from vidcolor.resume.journal import Kept, is_whole
from vidcolor.resume.spans import SpanWriter, in_spans, open_spans

__all__ = ["Kept", "SpanWriter", "describe_job", "digest_of", "in_spans", "is_whole", "open_spans"]
