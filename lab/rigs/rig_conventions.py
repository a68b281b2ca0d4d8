"""What makers of motion capture and animation programs call the joints of a person.

Names as documented by the makers or met in public files. A trunk is pelvis, three joints of the
spine, neck, head; a limb is collar, shoulder, elbow, wrist, hip, knee, ankle, toe; "*" stands for
the side's word, "-" for a joint that the rig lacks, "~" for a blank in a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lab.rigs.rig_examples import Z_UP, SyntheticRig, rest_frames

_PARTS = ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")
_TRUNK = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")


@dataclass(frozen=True)
class Convention:
    """Joint names of one maker, with what else its files have.

    Attributes:
        trunk, limb: see the module.
        sides: the words for left and right.
        prefix: before every name.
        above: joints without a bone of their own, by the canonical joint that they are above.
        more: joints of hands, face and helpers, by the canonical joint that they hang on.
        units: per metre.
        arms: degrees that the arms hang down at rest.
        z_up: whether the file's rest pose has +Z up.
        order: of the rotation channels.
    """

    trunk: str
    limb: str
    sides: tuple[str, str] = ("Left", "Right")
    prefix: str = ""
    above: dict[str, str] = field(default_factory=dict)
    more: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: float = 100.0
    arms: float = 0.0
    z_up: bool = False
    order: str = "ZXY"

    @property
    def names(self) -> dict[str, str]:
        """From canonical joints."""
        found = dict(zip(_TRUNK, self.trunk.split(), strict=True))
        for side, word in zip(("left", "right"), self.sides, strict=True):
            for part, name in zip(_PARTS, self.limb.split(), strict=True):
                found[f"{side}_{part}"] = name.replace("*", word)
        return {
            part: (self.prefix + name).replace("~", " ")
            for part, name in found.items()
            if name != "-"
        }

    @property
    def rig(self) -> SyntheticRig:
        """On the canonical skeleton."""
        rest = rest_frames(self.arms, Z_UP if self.z_up else np.eye(3))
        above = {part: self.prefix + name for part, name in self.above.items()}
        more = {
            part: tuple(self.prefix + name for name in names) for part, names in self.more.items()
        }
        return SyntheticRig(self.names, rest, above, self.order, more)


AUTODESK = "*Shoulder *Arm *ForeArm *Hand *UpLeg *Leg *Foot *ToeBase"
_SPINES = "Hips Spine Spine1 Spine2 Neck Head"
_FINGERS = {
    "left_wrist": ("LeftHandThumb1", "LeftHandIndex1", "LeftHandPinky1"),
    "right_wrist": ("RightHandThumb1", "RightHandIndex1", "RightHandPinky1"),
}
_LR, _lr, _LOWER = ("L", "R"), ("l", "r"), ("left", "right")
_XSENS = "*Collar *Shoulder *Elbow *Wrist *Hip *Knee *Ankle *Toe"
_UNREAL = "clavicle_* upperarm_* lowerarm_* hand_* thigh_* calf_* foot_* ball_*"
_CC = "*_Clavicle *_Upperarm *_Forearm *_Hand *_Thigh *_Calf *_Foot *_ToeBase"
_UNITY = "*Shoulder *UpperArm *LowerArm *Hand *UpperLeg *LowerLeg *Foot *Toes"
_BIPED = "*~Clavicle *~UpperArm *~Forearm *~Hand *~Thigh *~Calf *~Foot *~Toe0"
_RIGIFY = "shoulder.* upper_arm.* forearm.* hand.* thigh.* shin.* foot.* toe.*"
_KINECT = "- Shoulder* Elbow* Wrist* Hip* Knee* Ankle* Foot*"
_SMPL = "*Collar *Shoulder *Elbow *Wrist *Hip *Knee *Ankle *Foot"
_POSER = "*Collar *Shldr *ForeArm *Hand *Thigh *Shin *Foot *Toe"
_CMU_INCH = 0.45 / 0.0254

CONVENTIONS = {
    "Mixamo": Convention(_SPINES, AUTODESK, prefix="mixamorig:", more=_FINGERS, order="ZYX"),
    "Mixamo, numbered": Convention(_SPINES, AUTODESK, prefix="mixamorig12_", arms=45),
    "Mixamo, bare": Convention(_SPINES, AUTODESK, units=1),
    "Ready Player Me": Convention(_SPINES, AUTODESK, units=1, more={"head": ("LeftEye",)}),
    "MotionBuilder": Convention(_SPINES, AUTODESK, prefix="Character1_",
                                above={"pelvis": "Reference"}),
    "Maya HumanIK": Convention(_SPINES, AUTODESK, prefix="QuickRigCharacter_",
                               above={"pelvis": "Reference"}),
    "Maya Advanced Skeleton": Convention(
        "Root_M Spine1_M Spine2_M Chest_M Neck_M Head_M",
        "Scapula_* Shoulder_* Elbow_* Wrist_* Hip_* Knee_* Ankle_* Toes_*", _LR, arms=30,
    ),
    "3ds Max Biped": Convention("Pelvis Spine Spine1 Spine2 Neck Head", _BIPED, _LR, "Bip01~",
                                above={"pelvis": "COM"}, arms=70, z_up=True),
    "3ds Max Biped, underscores": Convention(
        "Pelvis Spine Spine1 Spine2 Neck Head", _BIPED.replace("~", "_"), _LR, "Bip001_",
    ),
    "Valve Source": Convention("Pelvis Spine Spine1 Spine2 Neck1 Head1", _BIPED.replace("~", "_"),
                               _LR, "ValveBiped.Bip01_", units=39.37),
    "CMU, cgspeed": Convention(
        "hip abdomen - chest neck head", _POSER.replace("*Toe", "-"), _lr,
        above={"left_hip": "lButtock", "right_hip": "rButtock"},
        more={"head": ("leftEye", "rightEye"), "left_wrist": ("lThumb1", "lIndex1")},
        units=_CMU_INCH,
    ),
    "CMU, MotionBuilder": Convention(
        "Hips LowerBack Spine Spine1 Neck Head", AUTODESK,
        above={"left_hip": "LHipJoint", "right_hip": "RHipJoint"},
        more={"left_wrist": ("LeftFingerBase", "LThumb"), "right_wrist": ("RThumb",)},
        units=_CMU_INCH,
    ),
    "CMU, ASF names": Convention(
        "root lowerback upperback thorax lowerneck head",
        "*clavicle *humerus *radius *wrist *femur *tibia *foot *toes", _lr, units=_CMU_INCH,
    ),
    "HDM05, ASF names": Convention(
        "root lowerback upperback thorax upperneck head",
        "*clavicle *humerus *radius *hand *femur *tibia *foot *toes", _lr,
        more={"left_wrist": ("lfingers", "lthumb"), "right_wrist": ("rfingers", "rthumb")},
    ),
    "LaFAN1": Convention(_SPINES, AUTODESK.replace("ToeBase", "Toe"), order="ZYX"),
    "Rokoko Newton": Convention(
        "Hips Spine1 Spine2 Spine4 Neck Head",
        "*Shoulder *Arm *ForeArm *Hand *Thigh *Shin *Foot *Toe", units=1,
        more={"left_wrist": ("LeftFinger1Metacarpal",)},
    ),
    "Xsens": Convention("Hips Chest Chest3 Chest4 Neck Head", _XSENS, order="YXZ", arms=85),
    "Xsens segments": Convention(
        "Pelvis L5 T12 T8 Neck Head",
        "*Shoulder *UpperArm *ForeArm *Hand *UpperLeg *LowerLeg *Foot *Toe", z_up=True,
    ),
    "100STYLE": Convention("Hips Chest Chest2 Chest4 Neck Head", _XSENS, order="YXZ"),
    "Vicon Shogun": Convention("Hips Spine Spine1 Spine3 Neck1 Head", AUTODESK, units=1000),
    "OptiTrack Motive": Convention(
        "Hip Ab - Chest Neck Head",
        "*Shoulder *UArm *FArm *Hand *Thigh *Shin *Foot *Toe", _LR, units=1, order="XYZ",
    ),
    "OptiTrack, an actor's name": Convention(
        "Hip Ab - Chest Neck Head",
        "*Shoulder *UArm *FArm *Hand *Thigh *Shin *Foot *Toe", _LR, "Skeleton_01:",
    ),
    "MakeHuman": Convention(
        "root spine05 spine03 spine01 neck01 head",
        "clavicle.* upperarm01.* lowerarm01.* wrist.* upperleg01.* lowerleg01.* foot.* toe1-1.*",
        _LR, units=10, arms=35,
        more={"head": ("jaw", "eye.L", "eye.R"), "left_elbow": ("lowerarm02.L",)},
    ),
    "MocapNET": Convention(
        "hip abdomen - chest neck head", "*collar *shoulder *elbow *hand *hip *knee *foot -", _lr,
        more={"head": ("__jaw", "lips", "eye.l"), "left_wrist": ("finger2-1.l",)},
    ),
    "DAZ Genesis 8": Convention(
        "hip abdomenLower abdomenUpper chestUpper neckLower head",
        "*Collar *ShldrBend *ForearmBend *Hand *ThighBend *Shin *Foot *Toe", _lr,
        above={"left_knee": "lThighTwist", "right_knee": "rThighTwist",
               "left_elbow": "lShldrTwist", "right_elbow": "rShldrTwist"},
    ),
    "DAZ Genesis 2": Convention("hip abdomen abdomen2 chest neck head", _POSER, _lr, arms=20),
    "Poser": Convention("Hip Abdomen - Chest Neck Head", _POSER, _lr, units=39.37),
    "Character Creator": Convention(
        "Hip Waist Spine01 Spine02 NeckTwist01 Head", _CC, _LR, "CC_Base_",
        above={"left_hip": "Pelvis"},
        more={"head": ("FacialBone",), "left_elbow": ("L_ForearmTwist01", "L_ElbowShareBone")},
    ),
    "iClone": Convention("Hip Waist Spine01 Spine02 Neck Head", _CC, _LR, "RL_", arms=45),
    "Unreal mannequin": Convention(
        "pelvis spine_01 spine_02 spine_03 neck_01 head", _UNREAL, _lr, above={"pelvis": "root"},
        more={"left_hip": ("thigh_twist_01_l",), "left_wrist": ("ik_hand_l", "index_01_l")},
        z_up=True, arms=50,
    ),
    "Unreal MetaHuman": Convention(
        "pelvis spine_01 spine_03 spine_05 neck_02 head", _UNREAL, _lr,
        more={"left_shoulder": ("upperarm_correctiveRoot_l", "upperarm_twist_01_l")},
    ),
    "Unity humanoid": Convention("Hips Spine Chest UpperChest Neck Head", _UNITY, units=1),
    "VRM": Convention("hips spine chest upperChest neck head", _UNITY, _LOWER, units=1),
    "VRoid": Convention(
        "C_Hips C_Spine C_Chest C_UpperChest C_Neck C_Head",
        "*_Shoulder *_UpperArm *_LowerArm *_Hand *_UpperLeg *_LowerLeg *_Foot *_ToeBase", _LR,
        "J_Bip_", more={"head": ("L_Eye", "R_Eye")},
    ),
    "Rigify": Convention(
        "spine spine.001 spine.002 spine.003 spine.004 spine.006", _RIGIFY, _LR, units=1,
        more={"pelvis": ("pelvis.L", "pelvis.R"), "left_ankle": ("heel.02.L",)}, z_up=True,
    ),
    "Rigify, deforming bones": Convention(
        "spine spine.001 spine.002 spine.003 spine.004 spine.006", _RIGIFY, _LR, "DEF-",
        above={"left_elbow": "upper_arm.L.001", "left_knee": "thigh.L.001"}, units=1,
    ),
    "Blender human": Convention("hips spine - chest neck head", _RIGIFY, _LR, units=1, arms=40),
    "Auto-Rig Pro": Convention(
        "root.x spine_01.x spine_02.x spine_03.x neck.x head.x",
        "shoulder.* arm_stretch.* forearm_stretch.* hand.* thigh_stretch.* leg_stretch.* foot.*"
        " toes_01.*", _lr, units=1,
    ),
    "FreeMoCap": Convention("pelvis spine - spine.001 neck face",
                            _RIGIFY.replace("toe.*", "-"), _LR, units=1, order="XYZ"),
    "DeepMotion": Convention(
        "hips_JNT spine_JNT spine1_JNT spine2_JNT neck_JNT head_JNT",
        "*_shoulder_JNT *_arm_JNT *_forearm_JNT *_hand_JNT *_upleg_JNT *_leg_JNT *_foot_JNT"
        " *_toebase_JNT", _lr,
    ),
    "Move.ai": Convention("Hips Spine Spine1 Spine2 Neck Head", AUTODESK, prefix="Move_",
                          above={"pelvis": "Root"}, units=1),
    "Plask": Convention("hips spine spine1 spine2 neck head", AUTODESK, _LOWER),
    "Cascadeur": Convention(
        "pelvis stomach - chest neck head",
        "clavicle_* arm_* forearm_* hand_* thigh_* calf_* foot_* toe_*", _lr,
    ),
    "Perception Neuron": Convention(
        "Hips Spine Spine1 Spine2 Neck Head", AUTODESK.replace("*ToeBase", "-"),
        more={"left_wrist": ("LeftInHandIndex", "LeftHandThumb1")}, order="YXZ",
    ),
    "Perception Neuron, robot": Convention("Hips Spine Spine1 Spine3 Neck Head", AUTODESK,
                                           prefix="Robot_"),
    "Kinect 1": Convention("HipCenter Spine - ShoulderCenter - Head", _KINECT, units=1,
                           more={"left_wrist": ("HandLeft",), "right_wrist": ("HandRight",)}),
    "Kinect 2": Convention("SpineBase SpineMid - SpineShoulder Neck Head", _KINECT, units=1000,
                           more={"left_wrist": ("HandLeft", "ThumbLeft")}),
    "Azure Kinect": Convention(
        "PELVIS SPINE_NAVEL - SPINE_CHEST NECK HEAD",
        "CLAVICLE_* SHOULDER_* ELBOW_* WRIST_* HIP_* KNEE_* ANKLE_* FOOT_*", ("LEFT", "RIGHT"),
        more={"head": ("NOSE", "EYE_LEFT", "EAR_RIGHT")},
    ),
    "NuiTrack": Convention(
        "waist torso - collar neck head",
        "*_collar *_shoulder *_elbow *_wrist *_hip *_knee *_ankle *_foot", _LOWER, units=1000,
    ),
    "Truebones": Convention("Hips Chest - Chest2 Neck Head", _XSENS, units=39.37),
    "MocapBank": Convention("Hips Chest - Chest2 Neck Head", _XSENS.replace("*Toe", "-")),
    "SMPL": Convention("Pelvis Spine1 Spine2 Spine3 Neck Head",
                       _SMPL.replace("*", "*_"), _LR, units=1),
    "SMPL-X": Convention("pelvis spine1 spine2 spine3 neck head", _SMPL.replace("*", "*_").lower(),
                         _LOWER, units=1, more={"head": ("jaw", "left_eye_smplhf")}),
    "Bandai's names, another rest": Convention(
        "Hips Spine - Chest Neck Head",
        "Shoulder_* UpperArm_* LowerArm_* Hand_* UpperLeg_* LowerLeg_* Foot_* Toes_*", _LR, units=1,
    ),
    "PyMO, one joint in the spine": Convention("Hips - - Spine - Head", AUTODESK),
    "MikuMikuDance": Convention(
        "center lower_body upper_body upper_body2 neck head",
        "shoulder_* arm_* elbow_* wrist_* leg_* knee_* ankle_* toe_*", _LR, units=12.5, arms=38,
    ),
    "numbered limbs": Convention(
        "pelvis spine1 spine2 spine3 neck head",
        "- arm1_* arm2_* arm3_* leg1_* leg2_* leg3_* -", _lr,
    ),
    "limbs without a word": Convention(
        "Base Bone1 Bone2 Bone3 Bone4 Bone5", "*_A *_B *_C *_D *_K *_L *_M *_N", _LR, "fig_",
        more={"left_wrist": ("L_E", "L_F"), "right_wrist": ("R_E", "R_F")},
    ),
    "qualifiers behind": Convention(
        "hips_bind spine_bind - chest_bind neck_bind head_bind",
        "*_clav_bind *_arm_upper_bind *_arm_lower_bind *_hand_bind *_leg_up_bind *_leg_low_bind"
        " *_foot_bind *_ball_bind", _lr,
    ),
    "Sony mocopi": Convention(
        "root torso_1 torso_4 torso_7 neck_1 head",
        "*_shoulder *_up_arm *_low_arm *_hand *_up_leg *_low_leg *_foot *_toes", _lr, units=1,
    ),
}  # fmt: skip
