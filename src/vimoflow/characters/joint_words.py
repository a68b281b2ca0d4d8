"""What the name of a joint says: its side, and which part of the body it may be.

Names are taken apart at case, digits and separators; what all joints of a file share (a prefix such
as ``mixamorig:`` or ``Bip01``, a suffix such as ``_JNT``) says nothing and is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_]+")
_MIXAMO = re.compile(r"mixamorig\d*[_:]?(?=[A-Z])")
_SIDES = {
    "l": "left", "lft": "left", "left": "left", "r": "right", "rgt": "right", "right": "right",
    "links": "left", "linke": "left", "linker": "left", "linkes": "left", "gauche": "left",
    "izquierda": "left", "izquierdo": "left", "izq": "left", "esquerda": "left",
    "esquerdo": "left", "sinistra": "left", "sinistro": "left", "sx": "left", "左": "left",
    "rechts": "right", "rechte": "right", "rechter": "right", "rechtes": "right",
    "droite": "right", "droit": "right", "derecha": "right", "derecho": "right", "der": "right",
    "direita": "right", "direito": "right", "destra": "right", "destro": "right", "dx": "right",
    "右": "right",
}  # fmt: skip
_SHARED = 0.7  # a word in more of the names than this is the rig's, not the joint's

# Joints that only help: they carry a share of a rotation, or none.
_HELPER = re.compile(
    r"twist|roll|ctrl|helper|nub$|weapon|prop$|effector|_end$|endsite|^ik|_ik|\.ik|[^a-z]ik$|捩"
)


def _tier(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WHICH = _tier("up upper u low lower lo down fore")

_NO_MEANING = _tier(
    "jnt joint bone bones def org bind skin fk drv c m x mid center centre character stretch"
)

# For each part what it is called, the plainest names first; the later ones are also other parts'.
PARTS: dict[str, tuple[frozenset[str], ...]] = {
    "hip": (
        _tier(
            "thigh upleg upperleg uleg femur upperthigh uppleg thighbend"
            " oberschenkel cuisse muslo coxa coscia 足 大腿 もも"
        ),
        _tier("hip hipjoint buttock upperlegs hips"),
        _tier("leg"),
    ),
    "knee": (
        _tier(
            "knee shin calf lowerleg lowleg loleg downleg lleg tibia shank kneejoint"
            " unterschenkel knie mollet genou pantorrilla rodilla panturrilha joelho perna"
            " polpaccio ginocchio ひざ 膝 小腿 すね"
        ),
        _tier("leg foreleg jambe pierna gamba"),
    ),
    "ankle": (
        _tier(
            "foot ankle anklejoint footjoint fuß fuss knöchel pied cheville pie tobillo pé pe"
            " tornozelo piede caviglia 足首 脚 脚踝"
        ),
    ),
    "toe": (
        _tier(
            "toe toes toebase ball football bigtoe forefoot foottoe toejoint zehe zehen orteil"
            " orteils dedos punta つま先 足先 脚趾"
        ),
        _tier("foot metatarsal metatarsals"),
    ),
    "shoulder": (
        _tier(
            "arm upperarm uparm uarm humerus shldr shldrbend bicep upperarms"
            " oberarm bras brazo braço braccio 腕 上腕 上臂"
        ),
        _tier("shoulder shoulderjoint"),
    ),
    "elbow": (
        _tier(
            "forearm forarm lowerarm lowarm loarm downarm farm elbow radius forearmbend"
            " unterarm ellbogen avantbras coude antebrazo codo antebraço cotovelo avambraccio"
            " gomito ひじ 肘 前腕 前臂"
        ),
        _tier("ulna"),
    ),
    "wrist": (
        _tier(
            "hand wrist palm handjoint wristjoint handgelenk main poignet mano muñeca mão pulso"
            " polso 手首 手"
        ),
    ),
}
HEADS = ("head", "skull", "face", "kopf", "tête", "tete", "cabeza", "cabeça", "testa", "頭", "头")
NECKS = ("neck", "head", "hals", "cou", "cuello", "pescoço", "collo", "首")
_LIMB_WORDS = frozenset().union(*(tier for tiers in PARTS.values() for tier in tiers)) | _tier(
    "collar clavicle scapula"
)


@dataclass(frozen=True)
class JointName:
    """A joint's name, understood.

    Attributes:
        word: what is left without side, prefixes and digits, in lower case, such as "upleg".
        side: "left", "right", or "" if the name has none.
        helper: whether it names no joint of the body (twist bones, end sites, controls).
    """

    word: str
    side: str
    helper: bool


def bare_name(joint_name: str) -> str:
    """A joint's name without a namespace: "mixamorig:Hips" and "rig|Hips" are "Hips"."""
    return _MIXAMO.sub("", re.split(r"[:|]", joint_name)[-1])


def understood(names: Sequence[str]) -> list[JointName]:
    """All names of a file, each in the light of the others."""
    taken_apart = [[w.lower() for w in _WORD.findall(bare_name(name))] for name in names]
    own = [words for name, words in zip(names, taken_apart, strict=True) if not _ends(name)]
    count = Counter(word for words in own for word in set(words))
    often = {w for w, n in count.items() if n > _SHARED * len(own)}
    shared = (often | _NO_MEANING) - _SIDES.keys()
    return [
        _understood(name, [w for w in words if w not in shared] or words)
        for name, words in zip(names, taken_apart, strict=True)
    ]


def _ends(name: str) -> bool:
    return name.endswith("_end")


def _understood(name: str, words: list[str]) -> JointName:
    helper = _HELPER.search(bare_name(name).lower()) is not None
    sides = [_SIDES[w] for w in words if w in _SIDES]
    own = [w for w in words if w not in _SIDES]
    # "leg_upper" as "upper_leg"; sorting keeps the order of all else.
    word = "".join(sorted(own, key=lambda w: w not in _WHICH))
    if sides:
        return JointName(word, sides[0], helper)
    for spelt, side in _SIDES.items():  # written together: lthigh, leftarm, handl
        for rest in (word.removeprefix(spelt), word.removesuffix(spelt)):
            if rest != word and rest in _LIMB_WORDS:
                return JointName(rest, side, helper)
    return JointName(word, "", helper)
