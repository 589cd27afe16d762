"""An invented person for the readers of motion files: 1.8 m, T-pose, y up, facing +z, centimetres.

The left side is at +x. Hips at 95 cm, ankles 6 cm above the floor, hands straight out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

#: HumanIK name -> parent and offset in centimetres; every parent before its children.
BODY: dict[str, tuple[str | None, tuple[float, float, float]]] = {
    "Hips": (None, (0, 0, 0)),
    "Spine": ("Hips", (0, 12, 0)),
    "Spine1": ("Spine", (0, 14, 0)),
    "Neck": ("Spine1", (0, 24, 0)),
    "Head": ("Neck", (0, 12, 0)),
    "LeftShoulder": ("Spine1", (3, 20, 0)),
    "LeftArm": ("LeftShoulder", (14, 0, 0)),
    "LeftForeArm": ("LeftArm", (28, 0, 0)),
    "LeftHand": ("LeftForeArm", (25, 0, 0)),
    "RightShoulder": ("Spine1", (-3, 20, 0)),
    "RightArm": ("RightShoulder", (-14, 0, 0)),
    "RightForeArm": ("RightArm", (-28, 0, 0)),
    "RightHand": ("RightForeArm", (-25, 0, 0)),
    "LeftUpLeg": ("Hips", (9, -5, 0)),
    "LeftLeg": ("LeftUpLeg", (0, -42, 0)),
    "LeftFoot": ("LeftLeg", (0, -42, 0)),
    "RightUpLeg": ("Hips", (-9, -5, 0)),
    "RightLeg": ("RightUpLeg", (0, -42, 0)),
    "RightFoot": ("RightLeg", (0, -42, 0)),
}
#: Where Human3.6M's joints of the T-pose are: metres, z up (left +x, facing -y), soles at z = 0.02.
H36M = {
    "pelvis": (0, 0, 0.90),
    "right_hip": (-0.09, 0, 0.90),
    "right_knee": (-0.09, 0, 0.48),
    "right_ankle": (-0.09, 0, 0.06),
    "left_hip": (0.09, 0, 0.90),
    "left_knee": (0.09, 0, 0.48),
    "left_ankle": (0.09, 0, 0.06),
    "spine": (0, 0, 1.21),
    "thorax": (0, 0, 1.45),
    "neck_nose": (0, -0.05, 1.60),
    "head_top": (0, 0, 1.75),
    "left_shoulder": (0.17, 0, 1.41),
    "left_elbow": (0.45, 0, 1.41),
    "left_wrist": (0.70, 0, 1.41),
    "right_shoulder": (-0.17, 0, 1.41),
    "right_elbow": (-0.45, 0, 1.41),
    "right_wrist": (-0.70, 0, 1.41),
}
END_OF_HEAD = (0, 18, 0)


def h36m_pose(lift: float = 0.02) -> np.ndarray:
    """(17, 3) of the T-pose; `lift` brings the ankles to 8 cm, where `placing` puts them."""
    return np.array(list(H36M.values())) + np.array([0, 0, lift])


def bvh_text(
    rows: list[dict[str, tuple[float, ...]]],
    order: str = "Zrotation Xrotation Yrotation",
    scale: float = 1.0,
    seconds: float = 0.02,
    prefix: str = "",
    z_up: bool = False,
    end: tuple[float, float, float] = END_OF_HEAD,
) -> str:
    """A BVH of the person.

    Args:
        rows: per frame the angles of the joints that turn; ``Hips`` may have six numbers.
        order: rotation channels of every joint.
        scale: factor on all lengths.
        seconds: per frame.
        prefix: before every name.
        z_up: offsets with z up, facing -y.
        end: End Site of the head.
    """
    lines: list[str] = []

    def turned(v: tuple[float, float, float]) -> str:
        x, y, z = v
        return " ".join(f"{scale * c:.6f}" for c in ((x, -z, y) if z_up else (x, y, z)))

    def write(name: str, depth: int) -> None:
        parent, offset = BODY[name]
        lines.append("  " * depth + f"{'JOINT' if parent else 'ROOT'} {prefix}{name}")
        lines.extend(["{", f"OFFSET {turned(offset)}"])
        positions = "" if parent else "Xposition Yposition Zposition "
        lines.append(f"CHANNELS {3 if parent else 6} {positions}{order}")
        children = [child for child, (above, _) in BODY.items() if above == name]
        for child in children:
            write(child, depth + 1)
        if not children:
            lines.extend(["End Site", "{", f"OFFSET {turned(end)}", "}"])
        lines.append("}")

    write("Hips", 0)
    names = [line.split()[1].removeprefix(prefix) for line in lines if "OFFSET" not in line and
             line.split()[0] in ("ROOT", "JOINT")]  # fmt: skip
    motion = []
    for row in rows:
        numbers: list[str] = []
        for name in names:
            angles = row.get(name, (0, 0, 0))
            if name == "Hips" and len(angles) == 3:
                numbers += [turned((0, 95, 0))]
            numbers += [str(a) for a in angles]
        motion.append(" ".join(numbers))
    head = ["HIERARCHY", *lines, "MOTION", f"Frames: {len(rows)}", f"Frame Time: {seconds}"]
    return "\n".join([*head, *motion, ""])


def write_bvh(path: Path, frames: int = 6, **options: object) -> Path:
    """A BVH file of the person turning slowly about the vertical."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"Hips": (0.0, 0.0, 2.0 * f)} for f in range(frames)]
    if options.get("z_up"):
        rows = [{"Hips": (2.0 * f, 0.0, 0.0)} for f in range(frames)]
    path.write_text(bvh_text(rows, **options))  # type: ignore[arg-type]
    return path


#: CMU-like skeleton: bone -> parent, direction * length (the units of CMU), axis, dof.
BONES = {
    "lhipjoint": ("root", (1.6, -1.6, 0), (0, 0, 0), ""),
    "lfemur": ("lhipjoint", (0, -7.4, 0), (0, 0, 20), "rx ry rz"),
    "ltibia": ("lfemur", (0, -7.4, 0), (0, 0, 20), "rx"),
    "rhipjoint": ("root", (-1.6, -1.6, 0), (0, 0, 0), ""),
    "rfemur": ("rhipjoint", (0, -7.4, 0), (0, 0, -20), "rx ry rz"),
    "rtibia": ("rfemur", (0, -7.4, 0), (0, 0, -20), "rx"),
    "lowerback": ("root", (0, 2, 0), (0, 0, 0), "rx ry rz"),
    "thorax": ("lowerback", (0, 4.4, 0), (0, 0, 0), "rx ry rz"),
    "head": ("thorax", (0, 5, 0), (0, 0, 0), "rx ry rz"),
    "lclavicle": ("thorax", (3, 0, 0), (0, 0, 0), "ry rz"),
    "lhumerus": ("lclavicle", (5, 0, 0), (180, 30, 90), "rx ry rz"),
    "lwrist": ("lhumerus", (5, 0, 0), (180, -30, 120), "ry"),
    "rclavicle": ("thorax", (-3, 0, 0), (0, 0, 0), "ry rz"),
    "rhumerus": ("rclavicle", (-5, 0, 0), (180, 30, -90), "rx ry rz"),
    "rwrist": ("rhumerus", (-5, 0, 0), (180, -30, -120), "ry"),
}


def asf_text(length: float = 0.45) -> str:
    """An ASF skeleton of `BONES`."""
    lines = ["# invented", ":version 1.10", ":name VICON", ":units", "  mass 1.0"]
    lines += [f"  length {length}", "  angle deg", ":documentation", "  invented person", ":root"]
    lines += ["  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0"]
    lines += [":bonedata"]
    for number, (name, (_, vector, axis, dof)) in enumerate(BONES.items(), 1):
        size = float(np.linalg.norm(vector))
        lines += ["  begin", f"    id {number}", f"    name {name}"]
        lines += ["    direction " + " ".join(f"{v / size:.9f}" for v in vector)]
        lines += [f"    length {size:.9f}", "    axis " + " ".join(map(str, axis)) + "  XYZ"]
        if dof:
            lines += [f"    dof {dof}", "    limits (-180 180)"]
            lines += ["           (-180 180)"] * (len(dof.split()) - 1)
        lines += ["  end"]
    parents = dict.fromkeys(parent for parent, *_ in BONES.values())
    tree = [" ".join([p, *(b for b, (above, *_) in BONES.items() if above == p)]) for p in parents]
    return "\n".join([*lines, ":hierarchy", "  begin", *tree, "  end", ""])


def amc_text(frames: list[dict[str, tuple[float, ...]]]) -> str:
    """AMC frames; bones that are not named have zeros, the root stands 16.6 units up."""
    lines = ["#!OML:ASF invented", ":FULLY-SPECIFIED", ":DEGREES"]
    for number, frame in enumerate(frames, 1):
        root = frame.get("root", (0, 16.6, 0, 0, 0, 0))
        lines += [str(number), "root " + " ".join(map(str, root))]
        for bone, (_, _, _, dof) in BONES.items():
            if dof:
                values = frame.get(bone, (0,) * len(dof.split()))
                lines.append(f"{bone} " + " ".join(map(str, values)))
    return "\n".join([*lines, ""])


#: Where the 22 body joints of SMPL are in `H36M`'s person; what is not there is in between.
_SMPL = {
    "spine1": (0, 0, 1.0),
    "spine2": (0, 0, 1.21),
    "spine3": (0, 0, 1.3),
    "neck": (0, 0, 1.45),
    "head": (0, -0.05, 1.54),
    "left_foot": (0.09, -0.12, 0.0),
    "right_foot": (-0.09, -0.12, 0.0),
    "left_collar": (0.05, 0, 1.4),
    "right_collar": (-0.05, 0, 1.4),
}


def smpl_pose(names: tuple[str, ...]) -> np.ndarray:
    """(j, 3) metres, z up, of joints of SMPL by name."""
    return np.array([(_SMPL | H36M)[name] for name in names])


def babel(feature: str, seq: list[dict], frames: list[dict] | None = None) -> dict:
    """One recording of a BABEL file."""
    return {
        "babel_sid": 1,
        "feat_p": feature,
        "dur": 4.0,
        "seq_ann": {"labels": seq},
        "frame_ann": None if frames is None else {"labels": frames},
    }


def label(raw: str, categories: list[str] | None, *times: float) -> dict:
    """One label of BABEL, of a span where it has times."""
    entry: dict = {"raw_label": raw, "proc_label": raw.lower(), "act_cat": categories}
    return entry | dict(zip(("start_t", "end_t"), times, strict=False))


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path
