"""Drum patterns, one character per step.

g is a ghost note, o soft, x plain, X accented, 2 and 3 are rolls. Options run from sparse to dense.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Groove:
    """Core layers always play; extra layers play if the piece is busier than their threshold."""

    core: dict[str, list[str]]
    extra: dict[str, tuple[float, list[str]]] = field(default_factory=dict)
    weight: float = 1.0
    energy: float | None = None  # the energy the groove suits; None suits all
    four: bool = False  # four on the floor: variations leave the kick unchanged


_FOUR = ["X...X...X...X..."]
_BACK = ["....X.......X..."]
_OFF = ["..x...x...x...x."]
_HAT16 = ["..x...x...x...x.", "o.x.o.x.o.x.o.x.", "x.xxx.xxx.xxx.xx", "oxXooxXooxXooxXo", "xoXoxoXoxoXoxoXo"]
_HAT8 = ["x...x...x...x...", "X.o.X.o.X.o.X.o.", "X.x.X.x.X.x.X.x.", "X.o.XoxoX.o.Xoxo", "XoxoXoxoXoxoXoxo"]

GROOVES: dict[str, dict[str, list[Groove]]] = {
    "techno": {"4": [
        Groove({"kick": _FOUR, "closed_hat": _HAT16},
               {"open_hat": (0.35, _OFF), "clap": (0.42, _BACK), "rim": (0.5, ["...x......x.....", "...x..x....x..x.", "..xx..x...xx..x."]),
                "ride": (0.72, ["x...x...x...x...", "x.x.x.x.x.x.x.x."]), "perc": (0.6, ["......x......x..", "...x..x..x..x..x"]),
                "shaker": (0.68, ["oxoooxoooxoooxoo", "ooxoooxoooxoooxo"])}, 3, None, True),
        Groove({"kick": _FOUR, "open_hat": _OFF, "closed_hat": ["o...o...o...o...", "o.oxo.oxo.oxo.ox", "xo.oxo.oxo.oxo.o"]},
               {"clap": (0.4, _BACK), "rim": (0.5, ["...x..x....x..x.", "......x..x......"]), "perc": (0.6, ["..........x..x..", "x..x..x..x..x..."]),
                "low_tom": (0.68, ["..........o.....", "...o......o.....", "...o..o....o..o."]), "ride": (0.75, ["x.x.x.x.x.x.x.x."])}, 2, 0.7, True),
        Groove({"kick": _FOUR, "rim": ["......x.........", "...x......x.....", "...x..x...x..x..", "x..x..x..x..x.x."],
                "closed_hat": ["..o...o...o...o.", "..x...x...x...x.", "..x..ox...x..ox.", "o.x.o.xoo.x.o.xo"]},
               {"shaker": (0.5, ["ooxoooxoooxoooxo"]), "clap": (0.6, ["............X...", "....X.......X..."]), "perc": (0.55, [".......x.....x.."])},
               2, 0.3, True),
        Groove({"kick": ["X.....x...X.....", "X..X..X...X.....", "X..X..X...X..x..", "X.x..xX...X..x.."], "closed_hat": _HAT16,
                "clap": ["............X...", "....X.......X..."]},
               {"rim": (0.5, ["...x..x....x..x."]), "open_hat": (0.5, ["......x.......x."]), "ride": (0.75, ["x.x.x.x.x.x.x.x."])}, 0.8, 0.6),
    ]},
    "house": {"4": [
        Groove({"kick": _FOUR, "clap": _BACK, "open_hat": _OFF},
               {"closed_hat": (0.3, ["o...o...o...o...", "o.o.o.o.o.o.o.o.", "xo.xxo.xxo.xxo.x", "xo.oxo.oxo.oxooo"]),
                "shaker": (0.55, ["oxoooxoooxoooxoo", "xoxoxoxoxoxoxoxo"]), "perc": (0.55, ["...x..x.......x.", "..x..x....x..x.x"]),
                "rim": (0.62, [".......x.......x", "...x......x..x.."]), "ride": (0.8, ["..x...x...x...x."])}, 4, None, True),
        Groove({"kick": _FOUR, "closed_hat": ["..x...x...x...x.", "..xo..xo..xo..xo", "oxXooxXooxXooxXo"], "rim": ["...x..x.........", "...x..x....x....", "x..x..x...x.x..."]},
               {"clap": (0.3, _BACK), "open_hat": (0.5, _OFF), "perc": (0.5, [".......x.....x..", "..x..x.x..x..x.x"]), "shaker": (0.6, ["ooxoooxoooxoooxo"])}, 2, 0.35, True),
        Groove({"kick": ["X...X...X...X...", "X...X...X...X..o", "X..oX...X..oX..."], "clap": ["....X.......X...", "....X.......X..o", "....X..o....X..o"],
                "closed_hat": ["x.ox..oxx.ox..ox", "xoxoxoxoxoxoxoxo"], "open_hat": ["..x...x...x...x."]},
               {"perc": (0.5, ["x..x..x...x.x..."]), "shaker": (0.6, ["xoxoxoxoxoxoxoxo"]), "crash": (0.97, ["x..............."])}, 2, 0.7, True),
        Groove({"kick": ["X......X..X.....", "X..X......X..x..", "X.....xX..X....."], "snare": ["....X.......X...", "....X..g....X..g", "....X..o.o..X..."],
                "closed_hat": ["..x...x...x...x.", "x.xxx.xxx.xxx.xx"]},
               {"open_hat": (0.5, ["......x.......x.", "..x......x....x."]), "perc": (0.6, ["..........x..x.."])}, 1, 0.6),
    ]},
    "hiphop": {"4": [
        Groove({"kick": ["X.......X.......", "X.........X.....", "X......x..X.....", "X..x......X.....", "X..x...x..X.....", "X.x....x..X..x..", "X..x..x...Xx..x."],
                "snare": _BACK, "closed_hat": ["x...x...x...x...", "x.o.x.o.x.o.x.o.", "x.o.x.oox.o.x.o.", "x.oox.o.xoo.x.oo", "xoxoxoxoxoxoxoxo"]},
               {"open_hat": (0.6, ["..............x.", "......x.........", "......x.......x."]), "rim": (0.7, [".......x.....x.."]),
                "shaker": (0.7, ["o.x.o.x.o.x.o.x."]), "perc": (0.75, ["..........x....."])}, 4),
        Groove({"kick": ["X.....x.........|X.........x.....", "X.........x.....|X..x......X.....", "X......xx.......|X..x...x..x.....", "X..x....x.x.....|X..x..x...x..x.."],
                "snare": _BACK, "closed_hat": ["x.x.x.x.x.x.x.x.", "x.o.x.o.x.oox.o.", "x.oxx.o.x.oxxxo."]},
               {"open_hat": (0.55, ["..............x.", "......x........."]), "shaker": (0.7, ["o.x.o.x.o.x.o.x."])}, 3),
        Groove({"kick": ["X.........x.....", "X......x........", "X..x......x....."], "rim": ["....X.......X...", "....X......xX..."], "closed_hat": ["x...o...x...o...", "x.o.x.o.x.o.x.o."]},
               {"shaker": (0.45, ["o.x.o.x.o.x.o.x."]), "perc": (0.65, ["......o......o.."]), "open_hat": (0.65, ["..............o."])}, 1.6, 0.2),
    ]},
    "trap": {"4": [
        Groove({"kick": ["X...............", "X.........x.....", "X......x..x.....", "X..x......x.....", "X.....x...X..x..", "X..x..x...x..x..", "X..x.x....xx..x."],
                "snare": ["........X......."], "closed_hat": ["x...x...x...x...", "x.x.x.x.x.x.x.x.", "x.x.x.x.x.x.x.x.", "x.x.xxx.x.x.xxx.", "xoxoxoxoxoxoxoxo"]},
               {"clap": (0.35, ["........X......."]), "open_hat": (0.5, ["..............x.", "......x.........", "......x.......x."]), "rim": (0.6, ["...........x....", "....x......x..x."]),
                "perc": (0.6, ["......x......x..", "...x.........x.."])}, 4),
        Groove({"kick": ["X.........x.....|X......x........", "X.....x.........|X..x......x.....", "X......x..x.....|X..x.....xx..x..", "X..x..x.........|x.x....x..x..x.."],
                "clap": ["........X......."], "closed_hat": ["x.x.x.x.x.x.x.x.", "x.x.x.x.x.xxx.x.", "x.xxx.x.x.xxx.x."]},
               {"snare": (0.4, ["........X......."]), "open_hat": (0.5, ["......x.........", "..............x."]), "perc": (0.6, ["....x......x...."]), "low_tom": (0.75, ["............x.x."])}, 4),
        Groove({"kick": ["X......x..x.....", "X..x..x...x....."], "snare": ["....X.......X...", "....X.......X..o"], "closed_hat": ["xxx.xxx.xxx.xxx.", "x.xx.xx.x.xx.xx."]},
               {"open_hat": (0.5, ["..............x."]), "rim": (0.6, ["...x......x....."])}, 1, 0.7),
    ]},
    "dnb": {"4": [
        Groove({"kick": ["X.........X.....", "X.........X.....", "X.........X..x..", "X.x.......X.....", "X..x......X.....", "X.x.......Xx...."], "snare": ["....X.......X...", "....X.......X...", "....X..g.g..X...", "....X..g.g..X..g"],
                "closed_hat": ["x...x...x...x...", "x.x.x.x.x.x.x.x.", "x.x.x.x.x.x.x.x.", "X.xoX.xoX.xoX.xo", "XoxoXoxoXoxoXoxo"]},
               {"ride": (0.66, ["x...x...x...x...", "x.x.x.x.x.x.x.x."]), "shaker": (0.6, ["xoxoxoxoxoxoxoxo"]), "open_hat": (0.6, ["..x.......x.....", "..............x."]), "perc": (0.7, [".......x.....x.."])}, 4),
        Groove({"kick": ["X.X.......X.....|X.X.......X.....", "X.X.......XX....|X.X.......X.....", "X.X.......XX....|..X.......X....."], "snare": ["....X..g.g..X...|....X..g.g....X.", "....X..g.g..X..g|.g..X..g.g....X."],
                "closed_hat": ["x.x.x.x.x.x.x.x.", "X.x.X.x.X.x.X.x."]},
               {"ride": (0.6, ["x.x.x.x.x.x.x.x."]), "crash": (0.98, ["x..............."]), "shaker": (0.7, ["xoxoxoxoxoxoxoxo"])}, 2.2, 0.7),
        Groove({"kick": ["X...............", "X.........x.....", "X..x......x.....", "X.....x...x..x.."], "snare": ["........X.......", "........X.....g."], "closed_hat": ["x...x...x...x...", "x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo"]},
               {"shaker": (0.6, ["xoxoxoxoxoxoxoxo"]), "rim": (0.55, ["......x....x....", "...x..x....x..x."]), "open_hat": (0.6, ["..............x."])}, 1.2, 0.25),
    ]},
    "rock": {
        "4": [
            Groove({"kick": ["X.......X.......", "X.......X.......", "X.......X.x.....", "X.x.....X.x.....", "X..x..x.X.......", "X.x...x.X.x.....", "X.xx..x.X.xx...."], "snare": _BACK, "closed_hat": ["X...X...X...X...", "X.o.X.o.X.o.X.o.", "X.x.X.x.X.x.X.x."]},
                   {"open_hat": (0.7, ["..............x."]), "ride": (0.97, ["X.o.X.o.X.o.X.o."])}, 3),
            Groove({"kick": ["X.......X.x.....", "X.x.....X.x.....", "X.x...x.X.x.....", "X..x..x.X.x...x."], "snare": _BACK, "open_hat": ["X...X...X...X...", "X.x.X.x.X.x.X.x."]},
                   {"crash": (0.7, ["X...............", "X.......X......."])}, 2.4, 0.8),
            Groove({"kick": ["X.......X.......", "X.x.....X.x.....", "X.....x.X.x.....", "X.x...x.x.x...x."], "snare": _BACK, "ride": ["X...X...X...X...", "X.x.X.x.X.x.X.x."]}, {"crash": (0.85, ["X.......X......."]), "high_tom": (0.95, ["..............x."])}, 1.6, 0.75),
            Groove({"kick": ["X...X...X...X...", "X..xX...X..xX..."], "snare": ["..X...X...X...X."], "closed_hat": ["X...X...X...X...", "X.x.X.x.X.x.X.x."]}, {"crash": (0.9, ["X.......X......."])}, 0.8, 0.95),
            Groove({"kick": ["X...............", "X.........x.....", "X..x......x.x...", "X.x.......x.x..."], "snare": ["........X......."], "closed_hat": ["X...X...X...X...", "X.o.X.o.X.o.X.o."]}, {"ride": (0.97, ["X...X...X...X..."]), "crash": (0.9, ["X..............."])}, 1.1, 0.25),
            Groove({"kick": ["X.......X.......", "X.....x.X.....x."], "low_tom": ["x.x.....x.x.....", "x.x.x.x.x.x.x.x.", "X.xxX.xxX.xxX.xx"], "snare": _BACK}, {"crash": (0.9, ["X..............."])}, 0.7, 0.6),
        ],
        "6": [Groove({"kick": ["X...........", "X.........x.", "X...x.....x.", "X...x...x.x."], "snare": ["......X....."], "closed_hat": ["X...o.X...o.", "X.o.o.X.o.o.", "XoxoxoXoxoxo"]}, {"open_hat": (0.7, ["..........x."]), "crash": (0.95, ["X..........."])}, 2),
              Groove({"kick": ["X...........", "X.......x.x."], "snare": ["......X....."], "ride": ["X.o.o.X.o.o.", "X.x.x.X.x.x."]}, {}, 1, 0.75)],
        "3": [Groove({"kick": ["X...........", "X.....x.....", "X.....x...x."], "snare": ["....X...X...", "........X..."], "closed_hat": ["X...x...x...", "X.o.x.o.x.o."]}, {"open_hat": (0.7, ["..........x."])})],
    },
    "pop": {
        "4": [
            Groove({"kick": ["X.......X.......", "X.......X.......", "X.....x.X.......", "X..x....X.x.....", "X..x..x.X.....x."], "snare": _BACK, "clap": _BACK,
                    "closed_hat": ["x...x...x...x...", "x.o.x.o.x.o.x.o.", "xoxoxoxoxoxoxoxo", "xooxxooxxooxxooo"]},
                   {"shaker": (0.62, ["oxoooxoooxoooxoo", "xoxoxoxoxoxoxoxo"]), "open_hat": (0.65, ["..............x."]), "perc": (0.7, ["...x..x...x....."])}, 3),
            Groove({"kick": _FOUR, "clap": _BACK, "closed_hat": ["..x...x...x...x.", "o.x.o.x.o.x.o.x.", "oxXooxXooxXooxXo"]}, {"open_hat": (0.6, _OFF), "shaker": (0.6, ["xoxoxoxoxoxoxoxo"]), "snare": (0.7, _BACK)}, 2.2, 0.75, True),
            Groove({"kick": ["X..x..x.........", "X..x..x...x.....", "X..x..x.X..x..x."], "snare": ["....X.......X...", "...x..x....x..x.", "...X..X....X..X."], "closed_hat": ["x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo"]}, {"rim": (0.5, ["...x..x....x..x."]), "shaker": (0.6, ["xoxoxoxoxoxoxoxo"])}, 1.4, 0.5),
            Groove({"kick": ["X...............", "X.........x.....", "X......x..x....."], "snare": ["........X......."], "closed_hat": ["x...x...x...x...", "x.x.x.x.x.x.x.x.", "x.x.x.x.xoxox.x."]}, {"clap": (0.4, ["........X......."]), "rim": (0.6, ["......x......x.."])}, 1.4, 0.3),
        ],
        "6": [Groove({"kick": ["X...........", "X.........x.", "X...x.....x."], "snare": ["......X....."], "closed_hat": ["X...o.X...o.", "X.o.o.X.o.o."]}, {"shaker": (0.6, ["xoxoxoxoxoxo"]), "clap": (0.7, ["......X....."])})],
        "3": [Groove({"kick": ["X...........", "X.....x....."], "snare": ["....x...x...", "........X..."], "closed_hat": ["x...x...x...", "X.o.x.o.x.o."]}, {"shaker": (0.6, ["xoxoxoxoxoxo"])})],
    },
    "ambient": {
        "4": [
            Groove({"kick": ["X...............", "X.........o.....", "X.......o.o....."]}, {"rim": (0.45, ["............o...", "....o.......o..."]), "shaker": (0.55, ["..o...o...o...o.", "o.x.o.x.o.x.o.x."]), "perc": (0.6, [".......o........", "...o......o....."]), "closed_hat": (0.62, ["....o.......o...", "..o...o...o...o."])}, 3),
            Groove({"ride": ["x...............", "x.......o......."], "low_tom": ["X...............|................", "X.........o.....|................"]}, {"perc": (0.5, ["......o.........", "......o...o....."]), "shaker": (0.6, ["o...o...o...o..."]), "crash": (0.93, ["o..............."])}, 1.6),
            Groove({"shaker": ["....o.......o...", "..o...o...o...o.", "o.x.o.x.o.x.o.x."], "kick": ["X...............|................", "X...............|..........o....."]}, {"rim": (0.5, ["............x...", "....x.....x....."]), "perc": (0.55, ["..........o.....", "...o..o........."])}, 2),
            Groove({"kick": ["X.......X.......", "X...X...X...X..."], "closed_hat": ["..o...o...o...o.", "o.o.o.o.o.o.o.o."]}, {"rim": (0.5, ["....o.......o...", "....x..o....x..."]), "shaker": (0.6, ["ooxoooxoooxoooxo"])}, 1, 0.8),
        ],
        "6": [Groove({"kick": ["X...........", "X.....o....."], "shaker": ["....o.....o.", "..o.o...o.o."]}, {"rim": (0.5, ["......o....."]), "perc": (0.6, ["........o..."])})],
        "3": [Groove({"kick": ["X..........."], "shaker": ["....o...o...", "..o.o.o.o.o."]}, {"rim": (0.5, ["........o..."]), "perc": (0.6, ["......o....."])})],
    },
    "jazz": {
        "4": [
            Groove({"ride": ["X...X...X...X...", "X...x.x.X...x.x.", "X...X.x.X...X.x.", "X.x.X.x.X...X.x."], "closed_hat": ["....x.......x..."]},
                   {"kick": (0.42, ["g...g...g...g...", "o.......o.......", "......o.........", "o.....o.......o."]), "snare": (0.38, ["......o.........", "......o.......o.", "..g...o...g.....", "..o...g.....o.g."]), "rim": (0.78, ["............x..."])}, 4),
            Groove({"snare": ["g...x...g...x...", "o.g.x.g.o.g.x.g.", "o.o.X.g.o.o.X.g."], "closed_hat": ["....o.......o..."]}, {"kick": (0.4, ["o...............", "o.......g.......", "g...g...g...g..."]), "ride": (0.6, ["x...o...x...o..."])}, 1.6, 0.2),
            Groove({"ride": ["x.x.x.x.x.x.x.x.", "X.x.X.x.X.x.X.x."], "rim": ["x.....x.....x...|....x...x.......", "x.....x.....x..."], "kick": ["x.....x.x.....x.", "X.....o.X.....o."]}, {"closed_hat": (0.5, ["....x.......x..."])}, 0.5, 0.6),
        ],
        "3": [Groove({"ride": ["X...x...x...", "X...x.x.x...", "X...X.x.x.x."], "closed_hat": ["....x.......", "....x...x..."]}, {"kick": (0.4, ["o...........", "o.....o....."]), "snare": (0.42, ["......o.....", "..g...o...g."])})],
    },
    "funk": {"4": [
        Groove({"kick": ["X.........x.....", "X.x.......x.....", "X.x...x...x.....", "X..x..x...x..x..", "X.x....x..x..x.."], "snare": ["....X.......X...", "....X..g....X...", "....X..g.g..X...", "....X..g.g.gX..g", ".g..X..g.g.gX.g."],
                "closed_hat": ["X.o.X.o.X.o.X.o.", "X.x.X.x.X.x.X.x.", "XoxoXoxoXoxoXoxo", "XoxoXoxoXoxoXoxo"]},
               {"open_hat": (0.5, ["..............x.", "......x.........", "......x......x.."]), "perc": (0.65, ["x..x..x...x.x...", "..x...x...x...x."]), "shaker": (0.75, ["xoxoxoxoxoxoxoxo"])}, 4),
        Groove({"kick": ["X.X.......x..x..|X.X.......x.....", "X..x..x...X.....|X.x....x..x..x..", "X.X.......xx....|..X..x....x....."], "snare": ["....X..g.g..X..g|....X..g.g....X.", "....X..g.g.gX..g|.g..X..g.g.gX..g"], "closed_hat": ["X.x.X.x.X.x.X.x.", "XoxoXoxoXoxoXoxo"]},
               {"open_hat": (0.55, ["..............x.", "......x.......x."]), "perc": (0.7, ["x..x..x...x.x..."])}, 2.4, 0.65),
        Groove({"kick": _FOUR, "snare": _BACK, "closed_hat": ["x...x...x...x...", "xo.oxo.oxo.oxo.o", "xoxoxoxoxoxoxoxo"], "open_hat": _OFF}, {"clap": (0.5, _BACK), "perc": (0.6, ["..x..x....x..x.x"]), "shaker": (0.7, ["xoxoxoxoxoxoxoxo"])}, 1.1, 0.8, True),
    ]},
    "synthwave": {"4": [
        Groove({"kick": _FOUR, "snare": _BACK, "closed_hat": ["..x...x...x...x.", "x.x.x.x.x.x.x.x.", "XoxoXoxoXoxoXoxo"]}, {"clap": (0.5, _BACK), "open_hat": (0.55, _OFF), "high_tom": (0.85, ["..............x."]), "perc": (0.75, ["...x..x....."+"x..."])}, 3, 0.6, True),
        Groove({"kick": ["X.......X.......", "X.......X.......", "X.......X.x.....", "X.....x.X.x....."], "snare": _BACK, "closed_hat": ["x...x...x...x...", "X.x.X.x.X.x.X.x.", "XoxoXoxoXoxoXoxo"]}, {"clap": (0.5, _BACK), "open_hat": (0.62, ["..............x.", "..x.......x....."]), "low_tom": (0.85, ["..........x..x.."])}, 3),
        Groove({"kick": ["X...............", "X.........x.....", "X.....x...x....."], "snare": ["........X......."], "closed_hat": ["x...x...x...x...", "x.x.x.x.x.x.x.x."]}, {"clap": (0.5, ["........X......."]), "high_tom": (0.75, ["............x..."]), "shaker": (0.7, ["xoxoxoxoxoxoxoxo"])}, 1, 0.2),
    ]},
    "cinematic": {
        "4": [
            Groove({"low_tom": ["X...............", "X.......X.......", "X.....x.X.......", "X..x..x.X..x..x.", "X.xxX.xxX.xxX.xx"], "kick": ["X...............", "X.......X......."]}, {"high_tom": (0.6, ["............x.x.", "...x..x....x..x.", "..x..x.x..x..x.x"]), "crash": (0.85, ["X..............."]), "snare": (0.68, ["........X.......", "....X.......X..."]), "shaker": (0.7, ["xoxoxoxoxoxoxoxo"])}, 3),
            Groove({"kick": ["X...............", "X.............x.", "X.......X.....x."]}, {"rim": (0.5, ["......o.........", "......o.....o..."]), "shaker": (0.45, ["o...o...o...o...", "o.o.o.o.o.o.o.o."]), "ride": (0.55, ["o...............", "o.......o......."]), "low_tom": (0.5, ["............x...", "..........x.x..."])}, 2, 0.2),
            Groove({"snare": ["x.......x.......", "x..xx.x.x..xx.x.", "X.xxX.x.X.xxXxxx", "XgxgXgxgXgxgXxxx"], "kick": ["X.......X.......", "X...X...X...X..."]}, {"crash": (0.85, ["X..............."]), "low_tom": (0.6, ["X.......X.......", "X..x..x.X..x..x."])}, 1.1, 0.8),
            Groove({"kick": ["X.......X.......", "X..x..x.X..x....", "X..X..X.X..X..X."], "closed_hat": ["o...o...o...o...", "o.o.o.o.o.o.o.o.", "xoxoxoxoxoxoxoxo"], "snare": ["........X.......", "....X.......X..."]}, {"low_tom": (0.6, ["......x...x..x.."]), "perc": (0.6, ["..x..x....x..x.."])}, 1.3, 0.65),
        ],
        "6": [Groove({"low_tom": ["X...........", "X.....x.....", "X...x.X...x.", "X.x.x.X.x.xx"], "kick": ["X...........", "X.....X....."]}, {"high_tom": (0.6, ["........x.x.", "..x.x...x.x."]), "snare": (0.7, ["......X....."]), "shaker": (0.6, ["x.o.o.x.o.o."]), "crash": (0.9, ["X..........."])})],
        "3": [Groove({"low_tom": ["X...........", "X...x...x...", "X..xx..xx..x"], "kick": ["X..........."]}, {"snare": (0.6, ["....x...x...", "....x...x.x."]), "shaker": (0.6, ["x.o.o.o.o.o."]), "crash": (0.9, ["X..........."])})],
    },
}
for _meters in GROOVES.values():
    for _grooves in _meters.values():
        for _groove in _grooves:
            for _lines in [*_groove.core.values(), *(lines for _, lines in _groove.extra.values())]:
                _lines[:] = [line.replace("|", "") for line in _lines]

FILLS: dict[str, list[str]] = {
    "techno": ["clap", "kick", "break", "snare", "kick", "roll"], "house": ["clap", "clap", "snare", "kick", "break"],
    "hiphop": ["kick", "ghosted", "snare", "break", "toms"], "trap": ["roll", "roll", "snare", "break"],
    "dnb": ["amen", "snare", "ghosted", "break", "amen"], "rock": ["toms", "toms", "snare", "ghosted"],
    "pop": ["snare", "toms", "clap", "break", "kick"], "ambient": ["low_toms", "break"], "jazz": ["ghosted", "snare", "ghosted", "toms"],
    "funk": ["ghosted", "snare", "toms", "ghosted", "break"], "synthwave": ["toms", "toms", "snare", "clap"],
    "cinematic": ["low_toms", "low_toms", "snare", "break"],
}
