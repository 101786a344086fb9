"""What each kind of request wants of a step, and what it makes of the outcome.

A job owns one sequence (a score job more, where its choices do not fit into one) and its request's ticket. The engine
asks it, chunk by chunk, which rows it needs, and hands the outcome back; the job never touches tensors, pages or other
jobs. `job.py` has what
all kinds share and what a step's rows and outcomes are; `generate.py`, `score.py` and `embed.py` a kind each.
"""

from __future__ import annotations

from .embed import EmbedJob
from .generate import GenerateJob
from .job import Drawn, SampleRow, Scored, ScoreRow
from .score import ScoreJob

AnyJob = GenerateJob | ScoreJob | EmbedJob

__all__ = ["AnyJob", "Drawn", "EmbedJob", "GenerateJob", "SampleRow", "ScoreJob", "ScoreRow", "Scored"]
