"""Bounds on the work and room of one constraint, all counted; and which parts of the engine are on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the work and room of one constraint. All are counted, never timed.

    Attributes:
        compile_steps: work to load a constraint.
        mask_steps: work to find one mask, or to take one token.
        nodes: expressions a store may hold before new constraints begin another one.
        masks: token masks kept at once (each of a bit a token).
        heads: masks of units kept at once.
    """

    compile_steps: int = 20_000_000
    mask_steps: int = 5_000_000
    nodes: int = 400_000
    masks: int = 4096
    heads: int = 1024


@dataclass(frozen=True, slots=True)
class Switches:
    """Parts of the engine that change how fast a mask is found, and never the mask: each can be switched off."""

    heads: bool = True
    slices: bool = True
    masks: bool = True


LIMITS = Limits()
SWITCHES = Switches()
