"""The two figures in the abstract of LangPose (Liao and Zheng, WACV 2026; first as ActionPose).

The abstract names neither protocol nor labels. Its encoder is MotionBERT's, which comes with that
paper's protocol, and its error on MPI-INF-3DHP is in the range of figures on the ``univ`` labels;
both are conclusions and marked so.
"""

from __future__ import annotations

from .row import Published

PAPER = "LangPose, WACV 2026"

ROWS = (
    Published(
        "langpose-human36m",
        PAPER,
        "abstract",
        "LangPose",
        "human36m-motionbert",
        "detected",
        {"MPJPE": 36.7},
        inferred="the protocol, from its encoder",
    ),
    Published(
        "langpose-mpi-inf-3dhp",
        PAPER,
        "abstract",
        "LangPose",
        "mpi-inf-3dhp",
        "gt",
        {"MPJPE": 15.5},
        variant="univ",
        average="frame",
        inferred="the set of labels, from the size of the error",
    ),
)
