"""A paper's evaluation as data: which videos, what is measured, how it is averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

from ..errors import InputError, unknown
from .origin import ActionSource, Aggregation

#: What is done with the root that a network predicts: ``keep`` it as it is (VideoPose3D, MixSTE),
#: ``zero`` it and nothing else (D3DP, FinePOSE), ``subtract`` it from all joints (MotionBERT and
#: langlift's own protocols).
Root = Literal["keep", "zero", "subtract"]
#: What a network sees at a time: the whole ``track``, every frame counted once (ours, VideoPose3D);
#: or ``separate`` windows of its own length, the last one moved back so that the frames it shares
#: with the one before count twice, short videos padded with their last frame (MixSTE, D3DP); or
#: such windows ``averaged``: a frame of two windows counts once, with the mean of both errors
#: (MotionBERT).
Windows = Literal["track", "separate", "averaged"]
#: The groups whose frame means are averaged for the headline: class labels, videos as files name
#: them (TS1 ...), subjects within an action, or none (the frame mean is the headline).
Average = Literal["action", "sequence", "subject and action", "frame"]


@dataclass(frozen=True)
class ProtocolSpec:
    """An evaluation.

    Args:
        name: what users write after ``--protocol``.
        title: what it is, in a line.
        dataset: name in `langlift.datasets.registry.DATASETS`.
        variants: sets of labels whose figures are not comparable, so that whoever evaluates
            chooses; empty if there is only one.
        variant: the one of them that was chosen.
        skeleton: joints that are compared; those of the model if empty.
        train: training subjects.
        val: validation subjects, which no published figure used; taken from the training ones.
        test: test subjects.
        sources: kinds of 2D that figures are published for, the first being the default.
        metrics: names in `langlift.protocols.measures.MEASURES`, in the order of the columns.
        average: of the headline.
        beside: another average, which stands beside it under its own name.
        tail: actions whose mean is the "tail" of a metric; empty for none.
        root: what is done with the predicted root.
        windows: what a network sees at a time.
        flip: average with the lifted mirror image.
        action: where the action label comes from that a network uses.
        aggregation: how one pose is made of several hypotheses.
        own_unit: take joints in the network's own unit to the truth's by the recording's
            `metres_per_unit`.
        excluded: names of recordings (or their beginnings) that the protocol leaves out.
        actions: class labels, in the order of the columns.
        public_test: the test set is the one that authors of public weights chose them on.
        notes: what a reader has to know, a sentence each.
    """

    name: str
    title: str
    dataset: str
    skeleton: str
    test: tuple[str, ...]
    sources: tuple[str, ...]
    metrics: tuple[str, ...]
    average: Average
    beside: Average = "frame"
    train: tuple[str, ...] = ()
    val: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    variant: str = ""
    tail: tuple[str, ...] = ()
    root: Root = "keep"
    windows: Windows = "track"
    flip: bool = True
    action: ActionSource = "none"
    aggregation: Aggregation = "single"
    own_unit: bool = False
    excluded: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    public_test: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kinds = get_type_hints(ProtocolSpec)
        for name in ("root", "windows", "average", "beside", "action", "aggregation"):
            if getattr(self, name) not in get_args(kinds[name]):
                raise unknown(name, str(getattr(self, name)), get_args(kinds[name]))
        twice = [s for s in self.test if s in (*self.train, *self.val)]
        twice += [s for s in self.val if s in self.train]
        if twice:
            raise InputError(
                f"subject {twice[0]} is in two parts of protocol {self.name}; subjects must be "
                "in one only"
            )
