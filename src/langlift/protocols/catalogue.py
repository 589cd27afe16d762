"""The evaluations of the papers, as data: what ``--protocol`` takes for datasets that users own.

`mocap` and `robustness`, on the motion corpus, are modules of their own.
"""

from __future__ import annotations

from dataclasses import replace

from ..datasets.recorded.human36m import ACTIONS
from ..datasets.recorded.mpi_inf_3dhp import ANNOTATIONS
from ..errors import InputError, unknown
from ..skeletons import HUMAN36M_17, HUMANEVA_15, MPI_INF_3DHP_17
from .spec import Average, ProtocolSpec

_SELECTION = (
    "S8 chooses between weights here; published models train on S8 too, and most of them were "
    "chosen on the test subjects"
)
_HUMAN36M = ProtocolSpec(
    name="human36m",
    title="Human3.6M as VideoPose3D evaluates it: four cameras, subjects S9 and S11",
    dataset="human36m",
    skeleton=HUMAN36M_17.name,
    train=("S1", "S5", "S6", "S7"),
    val=("S8",),
    test=("S9", "S11"),
    sources=("cpn_ft_h36m_dbb", "gt", "hr", "detectron_ft_h36m", "sh_ft_h36m"),
    metrics=("MPJPE", "P-MPJPE", "N-MPJPE", "D-MPJPE", "MPJVE", "acceleration error"),
    average="action",
    tail=("Posing", "SittingDown", "Sitting"),
    actions=ACTIONS,
    public_test=True,
    notes=(
        _SELECTION,
        "MixSTE evaluates separate windows (--windows separate); D3DP and FinePOSE also put the "
        "predicted root at zero (--root zero)",
    ),
)

PROTOCOLS: dict[str, ProtocolSpec] = {
    "human36m": _HUMAN36M,
    "human36m-motionbert": replace(
        _HUMAN36M,
        name="human36m-motionbert",
        title="Human3.6M as MotionBERT evaluates it: image space, detections with confidence",
        dataset="human36m-motionbert",
        sources=("sh", "gt"),
        metrics=("MPJPE", "P-MPJPE"),
        tail=(),
        root="subtract",
        windows="averaged",
        own_unit=True,
        excluded=(
            "S9/Greeting 2",
            "S9/SittingDown 2",
            "S9/Waiting 1",
        ),
        notes=(
            _SELECTION,
            "truth and prediction are in the image's space, scaled to millimetres by a factor of "
            "each frame; three sequences of S9 with damaged 3D are left out",
            "MotionBERT stretches a video that is shorter than the network's window; here it is "
            "padded with its last frame",
            "as far as is known MotionBERT also leaves out the frames of a video after its last "
            "whole window; here the last window is moved back, so that they count",
        ),
    ),
    "humaneva": ProtocolSpec(
        name="humaneva",
        title="HumanEva-I: three cameras, the validation halves of S1, S2 and S3",
        dataset="humaneva",
        skeleton=HUMANEVA_15.name,
        train=("Train/S1", "Train/S2", "Train/S3"),
        test=("Validate/S1", "Validate/S2", "Validate/S3"),
        sources=("detectron_pt_coco", "gt"),
        metrics=("MPJPE", "P-MPJPE", "D-MPJPE"),
        average="subject and action",
        actions=("Walking", "Jog"),
        public_test=True,
        notes=(
            "ActionPrompt reports Walking and Jog; VideoPose3D's table has Box too (--actions "
            "Walking,Jog,Box)",
            "the data hold no subject that could choose between weights",
            "detections of 17 joints are converted to the 15 of the truth before a network sees "
            "them; VideoPose3D's networks that take 17 joints and give 15 cannot be imported",
        ),
    ),
    "mpi-inf-3dhp": ProtocolSpec(
        name="mpi-inf-3dhp",
        title="MPI-INF-3DHP's six test sequences, valid frames only, true 2D",
        dataset="mpi-inf-3dhp",
        skeleton=MPI_INF_3DHP_17.name,
        train=("S1", "S2", "S3", "S4", "S5", "S6", "S7"),
        val=("S8",),
        test=("TS1", "TS2", "TS3", "TS4", "TS5", "TS6"),
        sources=("gt",),
        metrics=("PCK", "AUC", "MPJPE"),
        average="sequence",
        root="zero",
        variants=ANNOTATIONS,
        public_test=True,
        notes=(
            "the sequence mean is what D3DP and FinePOSE report, the headline on annot3; the frame "
            "mean is the total of the MATLAB evaluator, which papers that follow P-STMO report, "
            "the headline on univ; both are shown",
            "D3DP and FinePOSE put the predicted root at zero; the MATLAB evaluator takes poses "
            "as relative to the root and subtracts nothing",
            "PCK and AUC count 14 joints, MPJPE all 17; the highest AUC that can be is 96.8",
        ),
    ),
    "egohumans": ProtocolSpec(
        name="egohumans",
        title="EgoHumans: the sequences tagging, lego and fencing",
        dataset="egohumans",
        skeleton=HUMAN36M_17.name,
        test=(),
        sources=(),
        metrics=("MPJPE", "P-MPJPE"),
        average="action",
        root="subtract",
        actions=("tagging", "lego", "fencing"),
        notes=(
            "how FinePOSE prepared these data is not published; the conversion to the joints of "
            "Human3.6M is ours, so its figures are not comparable",
        ),
    ),
    "custom": ProtocolSpec(
        name="custom",
        title="your own 2D and 3D: all videos, or those whose files say that they are of the test",
        dataset="custom",
        skeleton="",
        test=(),
        sources=(),
        metrics=("MPJPE", "P-MPJPE", "N-MPJPE", "D-MPJPE", "MPJVE", "acceleration error"),
        average="sequence",
        root="subtract",
    ),
}

#: What a set of labels changes: the average that is published on it.
_BY_VARIANT: dict[str, dict[str, Average]] = {"univ": {"average": "frame", "beside": "sequence"}}


def find_protocol(name: str, annotation: str | None = None) -> ProtocolSpec:
    """The protocol of that name, with the set of labels where it has several.

    Args:
        name: in `PROTOCOLS`.
        annotation: one of its `variants`, which have no default.

    Raises:
        InputError: for an unknown name, an annotation that is missing, unknown, or given to a
            protocol that has only one.
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    spec = PROTOCOLS[name]
    if not spec.variants:
        if annotation is not None:
            raise InputError(
                f"annotation is {annotation!r}, but protocol {name} has only one set of labels; "
                "leave --annotation out"
            )
        return spec
    if annotation is None:
        raise InputError(
            f"annotation is missing, and figures on the sets of labels of protocol {name} are not "
            f"comparable; choose one with --annotation {' or --annotation '.join(spec.variants)}"
        )
    if annotation not in spec.variants:
        raise unknown("annotation", annotation, spec.variants)
    return replace(spec, variant=annotation, **_BY_VARIANT.get(annotation, {}))
