"""Chord progressions by idiom and mode, as Roman numerals against the parallel major scale.

Bars are separated by spaces, half bars by a comma; "-" holds the chord of the bar before. Lower case is minor.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NUMERALS = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_UPPER = {"": "maj", "7": "7", "maj7": "maj7", "maj9": "maj9", "9": "9", "6": "6", "sus2": "sus2", "sus4": "sus4",
          "add9": "add9", "5": "5", "+": "aug"}
_LOWER = {"": "min", "7": "min7", "9": "min9", "o": "dim", "o7": "dim7", "h": "m7b5", "6": "m6", "add9": "minadd9",
          "M7": "mMaj7", "5": "5", "sus2": "sus2", "sus4": "sus4"}
_PATTERN = re.compile(r"([b#]?)([IV]+|[iv]+)(.*)")

# idiom -> mode -> progressions
POOLS: dict[str, dict[str, list[str]]] = {
    "club": {  # techno: few chords, long vamps, colour from the second or the sixth degree
        "minor": ["i - - -", "i - i -", "i - bVI -", "i i i bVII", "i i bVI bVII", "i - iv -", "i - bIII bVII",
                  "i - v -", "i bVI i bVII", "i - - bVI", "i iv i bVI", "i - bVII bVI", "i i bIII iv", "i - - v",
                  "i - bVI v", "i i iv bVI"],
        "phrygian": ["i - - -", "i - bII -", "i - - bII", "i i bII i", "i bII i bvii", "i - bII bIII", "i - bvii -",
                     "i i i bII", "i bII bIII bII", "i - bVI bII", "i - iv bII", "i i bvii bII"],
        "dorian": ["i - - -", "i - IV -", "i i IV i", "i - bVII IV", "i bVII i IV", "i - bIII IV", "i - ii -",
                   "i - - IV", "i i bVII bVII", "i - v IV", "i7 - IV7 -", "i9 - bVIImaj7 -"],
        "locrian": ["i5 - - -", "io - bII -", "i5 - bII -", "i5 - - bII", "i5 - bV -", "i5 bII i5 bvii",
                    "io - biii -", "i5 - bVI bII", "i5 i5 bII bV", "io bII io bV", "i5 - biii bII", "i5 - bvii bII"],
    },
    "house": {
        "minor": ["i7 - bVImaj7 -", "i7 bVImaj7 bIIImaj7 bVII", "i9 iv9 i9 v7", "i7 iv7 bVII7 bIIImaj7",
                  "i7 - iv7 -", "bVImaj7 - i7 -", "bVImaj7 bVII i7 -", "iv7 v7 i7 -", "i7 v7 bVImaj7 iv7",
                  "i bVII bVI bVII", "i7 bIIImaj7 iv7 v7", "i9 - bVImaj7 v7", "i7 bVI bVII v7", "i - bIII bVII",
                  "iv9 - i9 -", "bVImaj7 V7 i7 -", "i7 bVII bVImaj7 V7"],
        "dorian": ["i7 - IV7 -", "i9 - IV9 -", "i7 ii7 bIIImaj7 ii7", "i7 bIIImaj7 IV7 -", "i9 bVIImaj7 IV9 -",
                   "i7 IV7 bVIImaj7 IV7", "ii7 - i7 -", "i7 - v7 IV7", "i9 - - IV9", "i7 IV7 i7 bVII",
                   "i7 ii7 i7 IV7", "i9 v9 i9 IV9"],
        "major": ["Imaj7 - vi7 -", "ii7 iii7 vi7 -", "Imaj7 iii7 vi7 IVmaj7", "IVmaj7 iii7 ii7 Imaj7", "ii9 V9 Imaj9 vi9",
                  "IVmaj7 V vi7 -", "vi7 IVmaj7 Imaj7 V", "IVmaj7 - Imaj7 -", "ii7 - Imaj7 -", "IVmaj9 iii7 vi9 -",
                  "Imaj7 vi7 ii7 V7", "IVmaj7 V7 iii7 vi7", "vi7 ii7 V7 Imaj7", "I V vi IV"],
        "mixolydian": ["I7 - bVII -", "I bVII IV I", "I7 - IV7 -", "I - bVIImaj7 IV", "I v7 bVIImaj7 IV", "I9 - v7 -",
                       "I bVII I IV", "IV - I7 -", "I7 v7 IV -", "I - v7 IV", "I9 - bVIImaj7 -", "bVII IV I -"],
    },
    "soul": {  # hip-hop, neo-soul
        "minor": ["i9 - iv9 -", "i7 bVImaj7 iv7 V7", "i9 bVImaj9 iih V7", "i7 iv7 bVImaj7 V7", "i7 - bVImaj7 -",
                  "i7 v7 bVImaj7 v7", "iv9 bVII9 bIIImaj9 bVImaj7", "i9 bIIImaj7 bVImaj7 V7", "i9,bVII bVImaj7 iih,V7 i9",
                  "i7 bVImaj7 - V7", "bVImaj7 v7 i9 -", "iv9 - i9 -", "i - bVI V7", "i6 - iv7 bVII7", "iih V7 i9 -",
                  "i9 bVII bVImaj7 bVII", "i7 bIIImaj7,bVII bVImaj7 V7"],
        "dorian": ["i9 - IV9 -", "i7 ii7 bIIImaj7 ii7", "i9 IV9 i9 bIIImaj7", "i9 - - IV9", "i7 IV7 bVIImaj7 v7",
                   "i9 v9 IV9 -", "i9,ii7 bIIImaj7,ii7 i9 IV9", "bIIImaj7 ii7 i9 -", "i9 bVIImaj7 IV9 i9",
                   "i7 - IV7 bVII", "ii7 i9 ii7 i9", "i9 IV9 v7 IV9"],
        "major": ["ii9 V9 Imaj9 vi9", "IVmaj9 iii7 ii9 Imaj9", "Imaj7 iii7 IVmaj7 iv6", "Imaj9 vi9 ii9 V9",
                  "IVmaj7 III7 vi9 v7,I7", "ii9 iii7 IVmaj9 -", "IVmaj9 III7 vi9 -", "Imaj9 IVmaj9 Imaj9 V9",
                  "vi9 ii9 V9 Imaj9", "IVmaj9 V9 iii7 vi9", "Imaj7 VI7 ii9 V9", "IVmaj9 iv6 Imaj9 VI7",
                  "Imaj9 - IVmaj9 -"],
        "phrygian": ["i - bIImaj7 -", "i7 bIImaj7 i7 bvii7", "i - - bIImaj7", "i bIImaj7 bIIImaj7 bIImaj7",
                     "i7 bVImaj7 bIImaj7 -", "bIImaj7 - i7 -", "i7 iv7 bIImaj7 i7", "i bIImaj7 bVI bIImaj7",
                     "i7 bvii7 bVImaj7 bIImaj7", "i - bIII bII", "i7 bIImaj7 iv7 bIII", "bVI bII i -"],
    },
    "dark": {  # trap, heavier hip-hop
        "minor": ["i - bVI -", "i bVI iv V", "i - iv V", "i bVI bIII bVII", "i - - V", "i iv bVI V", "i - bVI V",
                  "i bVI i V", "i - iv -", "i v bVI iv", "bVI - i -", "i bVII bVI V", "i bIII bVI V", "i - i bVI",
                  "iv i V i", "i bVI - v", "i iv i V7", "bVI bVII i -"],
        "phrygian": ["i - bII -", "i bII i bII", "i - bII bvii", "i bVI bII i", "i - iv bII", "i bII bIII bII",
                     "i i bII bIII", "i bvii bVI bII", "i - - bII", "bVI bII i -", "i bII bvii i", "i iv bII -"],
        "locrian": ["i5 - bII -", "io - bV -", "i5 bII i5 biii", "i5 - bVI bII", "i5 - - bII", "io bII bV bII",
                    "i5 bV bII -", "io biii bII -", "i5 bII bvii -", "i5 i5 bV bII", "io - bII bvii", "i5 bVI bV bII"],
        "dorian": ["i - IV -", "i bVII IV -", "i v IV -", "i - ii -", "i IV bVII i", "i bIII IV -", "i7 - IV7 -",
                   "i ii bIII ii", "i bVII i IV", "i - v IV", "i IV i v", "i bIII bVII IV"],
        "major": ["I - vi -", "I iii vi IV", "I V vi IV", "vi IV I V", "IV iv I -", "I vi IV iv", "I iii IV iv",
                  "IV V vi -", "Imaj7 - IVmaj7 -", "vi - IV V", "ii IV I -", "IVmaj7 iii7 vi -"],
    },
    "liquid": {  # drum and bass, melodic electronic
        "minor": ["i - bVI -", "i bVI bIII bVII", "i7 bVImaj7 iv7 -", "i bVII bVI bVII", "bVImaj7 bVII i -",
                  "i - bIII bVII", "iv i bVI bVII", "i9 - bVImaj9 -", "i iv bVI v", "i - - bVI", "bVI bVII v i",
                  "i7 v7 bVImaj7 bVII", "i - iv bVI", "bVImaj7 - i7 bVII", "i bIII bVII iv", "i - bVII iv"],
        "dorian": ["i7 - IV7 -", "i bVII IV -", "i9 bIIImaj7 IV9 -", "i v IV -", "i7 bVIImaj7 IV -", "i - - IV",
                   "i bIII bVII IV", "i9 - ii7 -", "i7 IV7 bVIImaj7 -", "bVII IV i -", "i IV i bVII", "i9 v7 IV9 bVII"],
        "phrygian": ["i - bII -", "i - - bII", "i bII i bvii", "i bII bIII bII", "i - bVI bII", "i i bII bvii",
                     "i bvii bII i", "i bIII bII -", "bVI bII i -", "i - bvii bII", "i bII iv bII", "i iv bII i"],
        "major": ["vi IV I V", "I V vi IV", "IVmaj7 V vi7 -", "Imaj7 - vi7 -", "IVmaj7 I V vi", "I iii vi IV",
                  "ii IV vi V", "IVmaj9 - vi9 V", "Imaj9 iii7 IVmaj9 -", "IV V iii vi", "vi V IV V", "Imaj7 IVmaj7 - V"],
    },
    "rock": {
        "major": ["I IV V IV", "I V vi IV", "I - IV V", "I bVII IV I", "I IV vi V", "vi IV I V", "I V IV -", "I vi IV V",
                  "I iii IV V", "I V ii IV", "IV I V vi", "I,V vi,IV I,V IV", "I IV I V", "I bIII IV I", "I ii IV V",
                  "I - bVII IV", "I IV ii V"],
        "mixolydian": ["I bVII IV I", "I - bVII IV", "I bVII I IV", "I5 bVII5 IV5 -", "I v IV I", "I IV bVII IV",
                       "bVII IV I -", "I - IV bVII", "I7 - IV7 -", "I bVII v IV", "I,bVII IV I,bVII IV", "IV bVII I -"],
        "minor": ["i bVI bIII bVII", "i bVII bVI bVII", "i iv bVI V", "i5 bVI5 bVII5 i5", "i bIII bVII iv", "i - bVI bVII",
                  "i bVII iv i", "i5 - bIII5 bVII5", "i v bVI bVII", "i bVI bVII -", "i iv v i", "i bIII bVI V",
                  "i,bVII bVI i,bVII bVI,V", "bVI bVII i -", "i5 bVI5 bIII5 iv5", "i - iv bVII", "i bVII bVI V"],
        "dorian": ["i IV i IV", "i - IV -", "i bIII IV i", "i bVII IV i", "i5 bIII5 IV5 -", "i - bIII IV", "i bIII bVII IV",
                   "i IV bVII i", "i,bVII IV i,bVII IV", "i5 bVII5 IV5 i5", "i v IV -", "i7 - IV7 -"],
        "phrygian": ["i5 - bII5 -", "i5 bII5 i5 bIII5", "i5 bII5 bIII5 bII5", "i5 - - bII5", "i5 bVI5 bII5 i5", "i bII i bvii",
                     "i5 bvii5 bII5 i5", "i5 iv5 bII5 -", "i5 i5 bII5 bIII5", "bVI5 bII5 i5 -", "i5 bIII5 bII5 -",
                     "i5,bII5 i5 i5,bII5 bIII5"],
    },
    "pop": {
        "major": ["I V vi IV", "vi IV I V", "I vi IV V", "IV I V vi", "I IV vi V", "I iii vi IV", "IV V iii vi", "I V ii IV",
                  "I vi ii V", "I IV I V", "vi V IV V", "I iii IV V", "I Vsus4 vi IVadd9", "Iadd9 V vi7 IVmaj7", "IV iv I -",
                  "ii IV I V", "I III vi IV", "IV V vi I", "I V vi iii IV I IV V", "I I7 IV iv", "I,V vi IV,I V",
                  "IVmaj7 III7 vi7 I7"],
        "minor": ["i bVI bIII bVII", "i bIII bVII iv", "i iv bVI bVII", "bVI bVII i -", "i bVII bVI V", "i v bVI bIII",
                  "i bVI iv V", "i bVI bIII V", "iv bVII bIII bVI", "i - bVI bVII", "bVI bIII bVII i", "i bVII iv bVI",
                  "i7 iv7 bVII bIIImaj7", "bVI bVII v i", "i bIII iv bVI", "i,v bVI,bIII iv,i V", "i bVI i bVII"],
        "mixolydian": ["I bVII IV I", "I v IV -", "I bVII IV -", "I - bVII IV", "I IV bVII IV", "I v bVII IV", "IV bVII I -",
                       "I bVIImaj7 IV I", "bVII IV I -", "I IV v bVII", "I - v IV", "I bVII I IV"],
        "dorian": ["i IV i IV", "i bVII IV -", "i bIII IV bVII", "i v IV -", "i7 IV7 i7 bVII", "i - IV bVII", "i bIII bVII IV",
                   "IV i bVII i", "i ii bIII IV", "i - bVII IV", "i9 IV9 - i9", "bVII IV i -"],
        "lydian": ["I II I II", "I - II -", "I II vi IV", "Imaj7 II vi7 -", "I II iii II", "vi II I -", "I V II -",
                   "Imaj7 - II -", "I iii II vi", "I II V -", "IV II I -", "vi I II -"],
    },
    "drift": {  # ambient
        "major": ["Imaj7 - IVmaj7 -", "Iadd9 - - -", "Iadd9 - vi7 -", "Imaj9 - iii7 -", "IVmaj7 - Imaj7 -", "Isus2 - IVadd9 -",
                  "Imaj7 - ii7 -", "IVmaj9 - vi7 -", "Iadd9 iii7 IVmaj7 -", "vi9 - IVmaj9 -", "Imaj7 - Vsus4 -", "IVadd9 - iv6 -",
                  "Iadd9 V vi7 IVmaj7", "Imaj9 - bVIImaj7 -", "Isus2 - vi7 IVmaj7"],
        "lydian": ["Imaj7 - II -", "Imaj9 - - -", "Iadd9 - II -", "Imaj9 - vi9 -", "Imaj7 - iii7 -", "Imaj7 II vi7 -",
                   "Imaj9 - vii7 -", "Iadd9 - Vmaj7 -", "Imaj7 - II iii7", "vi9 - II -", "Iadd9 - - II", "Imaj9 - Vadd9 -"],
        "minor": ["iadd9 - bVImaj7 -", "i9 - - -", "i7 - iv9 -", "iadd9 - bIIImaj7 -", "i9 bVImaj9 - -", "bVImaj7 - iadd9 -",
                  "iadd9 - bVIIadd9 -", "i7 - v7 -", "iadd9 bIIImaj7 bVImaj7 -", "iv9 - i9 -", "isus2 - bVImaj7 bVII",
                  "iadd9 bVII bVImaj7 -", "bVImaj7 - bVII -", "i9 - bVImaj7 iv9"],
        "dorian": ["i9 - IVadd9 -", "i7 - - -", "iadd9 - ii7 -", "i9 - bVIImaj7 -", "i9 - bIIImaj7 IV", "i7 - v7 -",
                   "iadd9 - IV -", "i9 bVIImaj7 IV -", "isus2 - IVsus2 -", "bIIImaj7 - i9 -", "i9 - - IV", "i9 - IV bVIImaj7"],
        "mixolydian": ["Iadd9 - bVIImaj7 -", "Isus2 - - -", "I - v7 -", "Iadd9 - IVadd9 -", "Isus4 - I -", "I bVIImaj7 IV -",
                       "Iadd9 - v7 IV", "bVIImaj7 - Iadd9 -", "IVmaj7 - I -", "Isus2 - bVIIadd9 -", "I - - bVII",
                       "Iadd9 v7 bVIImaj7 -"],
    },
    "jazz": {
        "major": ["ii7 V7 Imaj7 -", "Imaj7 vi7 ii7 V7", "Imaj7 VI7 ii7 V7", "iii7 VI7 ii7 V7", "ii9 V9 Imaj9 VI7",
                  "Imaj7,vi7 ii7,V7 iii7,VI7 ii7,V7", "Imaj7 #io7 ii7 V7", "Imaj7 iv6 iii7,VI7 ii7,V7",
                  "Imaj7 IVmaj7 iii7,VI7 ii7,V7", "ii7,V7 Imaj7 ii7,V7 Imaj7", "ii7 bII7 Imaj7 -", "Imaj7 bIII7 ii7 bII7",
                  "Imaj7 II7 ii7 V7", "vi7 II7 ii7 V7", "IVmaj7 iv6 Imaj7 VI7", "I6 biiio7 ii7 V7",
                  "Imaj7 viih,III7 vi7 v7,I7 IVmaj7 iv7,bVII7 iii7,VI7 ii7,V7", "ii7 V7 iii7 vi7 ii7 V7 Imaj7 V7",
                  "Imaj7 - ii7 V7", "Imaj7 III7 VI7 - ii7 V7 Imaj7 V7", "iii7,VI7 ii7,V7 Imaj7,vi7 ii7,V7",
                  "Imaj9 IV9 iii7 VI7 ii9 V9 Imaj9 V9"],
        "minor": ["iih V7 i7 -", "i6 - iih V7", "i7 iv7 iih V7", "iv7 bVII7 bIIImaj7 bVImaj7 iih V7 i6 -", "i7 bVImaj7 iih V7",
                  "i6,vih iih,V7 i6,vih iih,V7", "iM7 - iih V7", "i7 iv7 bVI7 V7", "i7 bVII7 bVImaj7 V7", "iv7 - i7 V7",
                  "iih,V7 i7 iih,V7 i7", "i6 bII7 i6 V7", "i7 vih iih V7", "iv9 bVII9 bIIImaj9 V7", "i9 - iv9 - bVI9 V7 i9 V7",
                  "i6 - iv7 - iih V7 i6 V7", "i7 bIIImaj7 iih V7"],
        "dorian": ["i9 - IV9 -", "i7 - - -", "i7 - bIIImaj7 IV7", "i7 ii7 bIIImaj7 ii7", "i9 IV9 i9 IV9", "i7 - - - ii7 - i7 -",
                   "i7 bVIImaj7 i7 IV7", "i7,IV7 i7,IV7 i7,ii7 bIIImaj7,IV7", "i9 - v7 IV7", "i6 IV9 i6 bVII7", "ii7 i7 ii7 i7",
                   "i9 bIIImaj7 bVIImaj7 IV9"],
        "mixolydian": ["I7 IV7 I7 - IV7 #ivo7 I7 V7", "I7 IV7 I7 V7", "I7 - IV7 -", "I9 IV9 I9 VI7 ii7 V7 I7,VI7 ii7,V7",
                       "I7 - v7 I7", "I7 VI7 ii7 V7", "IV7 - I7 -", "I9 - bVII9 -", "I7 IV7 I7,VI7 ii7,V7", "I7 v7 IV7 I7",
                       "IV7 #ivo7 I7 VI7 ii7 V7 I7 V7", "I9 bVII9 I9 V9"],
        "lydian": ["Imaj7 - II7 -", "Imaj7 II7 Imaj7 II7", "Imaj9 - vii7 -", "Imaj7 - vi7 II7", "Imaj9 II9 iii7 vi7",
                   "Imaj7 iii7 II7 -", "Imaj9 - II9 Vmaj7", "vi9 II9 Imaj9 -", "Imaj7 vii7 iii7 II7", "Imaj9 - - II7",
                   "Imaj7 II7 vii7 iii7", "iii7 II7 Imaj7 -"],
    },
    "funk": {
        "dorian": ["i7 - - -", "i9 IV9 i9 IV9", "i7 - IV7 -", "i7,IV7 i7 i7,IV7 i7", "i9 - - IV9", "i7 bVII7 i7 IV7",
                   "i7 i7 bIIImaj7 IV7", "i9,IV9 i9,IV9 i9,IV9 bIIImaj7,IV9", "i7 ii7 i7 ii7", "i9 v9 IV9 -", "i7 IV9 - -",
                   "i7 - bVII9 IV9", "i7 - ii7 IV7", "i9 - bIIImaj7 IV9"],
        "mixolydian": ["I9 - - -", "I7 - IV7 -", "I9 IV9 I9 IV9", "I7 bVII7 I7 IV7", "I9 - - IV9", "I7 IV7 I7 V7",
                       "I9 - bVII9 IV9", "I9 bIII7 IV9 -", "I7,IV7 I7 I7,IV7 I7,bVII", "I9 v7 I9 IV9", "IV9 - I9 -",
                       "I7 - IV7 V7", "I9 - v7 IV9", "I9 bVII9 I9 bVII9"],
        "minor": ["i7 - iv7 -", "i9 - - -", "i7 bVImaj7 iv7 V7", "i7 bVII bVImaj7 V7", "i7 iv7 i7 V7", "i7 - bVImaj7 bVII",
                  "i9 bVII9 bVImaj7 bVII9", "i7 bIIImaj7 iv7 bVII7", "iv7 - i7 -", "i9 iv9 bVII9 bIIImaj7", "i7 - - bVII",
                  "i7 v7 iv7 V7", "i9 - bVI7 V7"],
        "major": ["Imaj7 ii7 iii7 ii7", "I6 IV9 I6 V9", "ii7 V7 Imaj7 vi7", "IVmaj7 iii7 ii7 Imaj7", "Imaj7 - IVmaj7 -",
                  "ii9 - V9 -", "Imaj9 vi9 ii9 V9", "ii7 iii7 IVmaj7 V7", "IVmaj7 V7 iii7 vi7", "I IV9 I bVII9", "Imaj7 IV9 - -",
                  "vi7 II9 ii7 V9"],
    },
    "neon": {  # synthwave
        "minor": ["i bVI bIII bVII", "i bVII bVI bVII", "bVI bVII i -", "i - bVI -", "i iv bVI bVII", "i bIII bVII bVI",
                  "i bVI iv V", "i - bVI bVII", "bVI bVII v i", "i - - bVI - - bVII -", "i bVII iv bVI", "iv bVI i bVII",
                  "i v bVI iv", "bVI bIII bVII i", "i - iv -", "i bVI bVII v", "i bIII iv bVI"],
        "major": ["I V vi IV", "IV V vi -", "vi IV I V", "I iii IV V", "IV V iii vi", "I vi IV V", "IVmaj7 V vi7 -", "I - vi -",
                  "IV I V vi", "ii IV I V", "I IV vi V", "Imaj7 iii7 IVmaj7 V"],
        "dorian": ["i IV bVII -", "i bVII IV -", "i - IV -", "i bIII IV -", "i v IV -", "i bIII bVII IV", "bVII IV i -",
                   "i - bVII IV", "i IV i bVII", "i9 - IV9 -", "i bVII i IV", "i7 v7 IV bVII"],
        "mixolydian": ["I bVII IV I", "I v IV -", "I - bVII -", "I bVII IV -", "I IV bVII I", "bVII IV I -", "I v bVII IV",
                       "I - bVII IV", "IV bVII I -", "I bVII v IV", "I IV v bVII", "I - v -"],
    },
    "score": {  # cinematic
        "minor": ["i bVI bIII bVII", "i - bVI -", "i iv bVI V", "i bVI iv V", "i bIII bVII iv", "i v bVI iv", "i bVI i V",
                  "iv i V i", "i - iv -", "i bVI bII V", "i bvi i bvi", "i bIII bVI bII", "i - bVI bVII", "bVI bVII i -",
                  "i iv i V", "i bVII bVI V", "i II bVI V", "iadd9 bVImaj7 iv V", "i #ivo7 iv V"],
        "major": ["I V vi IV", "I IV I V", "I iii IV iv", "I bVI bVII I", "IV I V vi", "I vi IV V", "vi IV I V", "I bVI IV V",
                  "I bIII IV I", "Iadd9 - IVadd9 -", "I ii IV V", "I iii vi IV", "I bVII IV I", "IV V vi -", "I iv I V"],
        "lydian": ["I II I II", "I - II -", "Iadd9 II vi -", "I II iii II", "I vii II -", "I V II -", "Imaj7 II vi7 V",
                   "I #ivo I II", "vi II I -", "I II V vi", "I iii II -", "Iadd9 - II iii"],
        "phrygian": ["i bII i bII", "i - bII -", "i bII bIII bII", "i bVI bII i", "i iv bII i", "i bvii bVI bII", "i - - bII",
                     "i bIII bII -", "bVI bII i -", "i bII bvii i", "i5 - bII5 -", "i bVI iv bII"],
        "dorian": ["i IV i IV", "i - IV -", "i bVII IV i", "i bIII IV -", "i v IV -", "i bIII bVII IV", "i ii bIII IV", "bVII IV i -",
                   "i - bVII IV", "i IV bVII v", "iadd9 - IVadd9 -", "i v bVII IV"],
        "locrian": ["io - bII -", "i5 - bII -", "io biii bII -", "i5 bII bV -", "io bV bII -", "i5 - - bII", "io - bvii -",
                    "i5 bVI bII -", "io bII io bV", "i5 biii bV bII", "io - bVI bV", "i5 bII bvii bII"],
    },
}

# style -> idioms with weights
STYLE_POOLS: dict[str, dict[str, float]] = {
    "techno": {"club": 5, "liquid": 1}, "house": {"house": 6, "pop": 1}, "hiphop": {"soul": 5, "dark": 1.5},
    "trap": {"dark": 5, "liquid": 1}, "dnb": {"liquid": 5, "dark": 1}, "rock": {"rock": 6, "pop": 1},
    "pop": {"pop": 6, "house": 0.7}, "ambient": {"drift": 6, "score": 0.5}, "jazz": {"jazz": 1},
    "funk": {"funk": 6, "soul": 1}, "synthwave": {"neon": 5, "pop": 1}, "cinematic": {"score": 6, "drift": 1},
}


def _chord(text: str) -> tuple[int, str]:
    match = _PATTERN.fullmatch(text)
    if match is None or match[2].lower() not in _NUMERALS:
        raise ValueError(f"bad chord numeral {text!r}")
    shift = {"b": -1, "#": 1, "": 0}[match[1]]
    table = _UPPER if match[2].isupper() else _LOWER
    if match[3] not in table:
        raise ValueError(f"bad chord numeral {text!r}")
    return (_NUMERALS[match[2].lower()] + shift) % 12, table[match[3]]


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[tuple[int, str], ...]:
    """Half-bar chords (root relative to the tonic, quality) of a progression."""
    chords: list[tuple[int, str]] = []
    for bar in text.split():
        if bar == "-":
            chords += [chords[-1], chords[-1]]
            continue
        halves = [_chord(part) for part in bar.split(",")]
        chords += halves * 2 if len(halves) == 1 else halves
    return tuple(chords)


def candidates(style: str, mode: str) -> list[tuple[str, float]]:
    """Progressions for a style and mode with their weights."""
    found = [
        (text, weight / len(POOLS[pool][mode]))
        for pool, weight in STYLE_POOLS[style].items()
        if mode in POOLS[pool]
        for text in POOLS[pool][mode]
    ]
    return found or [(text, 1.0) for pool in STYLE_POOLS[style] for text in POOLS[pool]["minor"]]
