"""Chord instruments: pads, stabs, keys, strings, guitars, choirs and winds."""

# One patch per line is easier to read here than wrapped calls.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from resonant.synth.effects import Effects
from resonant.synth.fluid import ATTACK, FILTER_CUTOFF, RELEASE
from resonant.synth.model import Font, Patch, Sound
from resonant.synth.voice import Envelope, Fm, Stack, Subtractive
from resonant.synth.words import attributes, styles

_DRY = Effects()
_ENVELOPE = Envelope()


def _chord(key: str, name: str, family: str, tags: str, weights: str, brightness: float, aggression: float, sound: Sound,
           envelope: Envelope = _ENVELOPE, effects: Effects = _DRY, width: float = 0.6, gain_db: float = -4.0) -> Patch:
    return Patch(id=f"harmony.{key}", track="harmony", name=name, family=family, tags=tuple(tags.split(", ")), styles=styles(weights),
                 attributes=attributes(brightness, aggression), sound=sound, envelope=envelope, effects=effects, width=width, gain_db=gain_db)


def _pad(wave: str, voices: int, cents: float, cutoff: float, lfo_hz: float = 0.15, lfo: float = 0.4, octaves: float = 0.0, poles: int = 2,
         resonance: float = 0.1, position: float = 0.0, noise: float = 0.0) -> Subtractive:
    return Subtractive(wave=wave, voices=voices, detune_cents=cents, cutoff_hz=cutoff, keytrack=0.3, resonance=resonance, poles=poles,
                       env_octaves=octaves, filter_attack_s=0.4, filter_decay_s=1.5, filter_sustain=0.5, lfo_hz=lfo_hz, lfo_octaves=lfo,
                       velocity_octaves=0.8, position=position, position_lfo=0.25 if wave == "pulse" else 0.0, noise=noise)


def _stab(wave: str, voices: int, cents: float, cutoff: float, octaves: float, decay: float, sustain: float = 0.2, resonance: float = 0.15,
          poles: int = 2, level2: float = 0.0, drive: float = 0.0) -> Subtractive:
    return Subtractive(wave=wave, voices=voices, detune_cents=cents, cutoff_hz=cutoff, keytrack=0.3, env_octaves=octaves, filter_decay_s=decay,
                       filter_sustain=sustain, resonance=resonance, poles=poles, level2=level2, drive=drive, velocity_octaves=1.2)


def _font(font: str, program: int, bank: int = 0, cutoff: float = 0.0, release: float = 0.0, attack: float = 0.0, side: str = "mid",
          transpose: int = 0) -> Font:
    generators = tuple((g, v) for g, v in ((FILTER_CUTOFF, cutoff), (RELEASE, release), (ATTACK, attack)) if v)
    return Font(font, program, bank, generators, side, transpose)


_SLOW = Envelope(0.25, 0.0, 1.0, 0.3)
_SOFT = Envelope(0.08, 0.0, 1.0, 0.22)
_HIT = Envelope(0.002, 0.22, 0.0, 0.04)
_CHOP = Envelope(0.002, 0.5, 0.5, 0.05)

_PADS = [
    _chord("pad_analog", "Warm Analog Pad", "pad", "pad, analog, warm, lush, soft, detuned", "ambient:1 house:.6 synthwave:.7 cinematic:.6 dnb:.6 pop:.5 techno:.4 hiphop:.3", 0.35, 0.05, _pad("saw", 3, 9, 1_300), _SLOW),
    _chord("pad_bright", "Bright Saw Pad", "pad", "pad, bright, saw, shimmering, open", "synthwave:.9 pop:.6 house:.5 ambient:.4 dnb:.5", 0.75, 0.2, _pad("saw", 5, 12, 5_000), _SOFT),
    _chord("pad_dark", "Dark Drift", "pad", "pad, dark, drifting, low, moody, slow", "ambient:.9 cinematic:.9 techno:.7 dnb:.6 trap:.4", 0.12, 0.15, _pad("saw", 3, 14, 520, 0.1, 0.7), _SLOW),
    _chord("pad_strings_machine", "String Machine", "pad", "string machine, solina, vintage, 70s, ensemble, strings", "synthwave:.8 funk:.5 ambient:.6 pop:.4 house:.5", 0.55, 0.1,
           Subtractive(wave="octave_saw", voices=3, detune_cents=8, cutoff_hz=4_500, velocity_octaves=0.4), Envelope(0.07, 0.0, 1.0, 0.2), Effects(chorus=0.7, chorus_hz=0.7)),
    _chord("pad_pwm", "Pulse Width Pad", "pad", "pad, pwm, pulse, moving, 80s, juno", "synthwave:1 ambient:.6 pop:.5 techno:.3", 0.45, 0.1, _pad("pulse", 2, 6, 2_200, 0.35, 0.2, position=0.35), _SOFT, Effects(chorus=0.6)),
    _chord("pad_juno", "Chorus Poly", "pad", "juno, chorus, poly, analog, 80s, warm", "synthwave:1 pop:.7 house:.6 ambient:.5", 0.5, 0.1, _pad("saw", 1, 0, 2_400, 0.2, 0.2), Envelope(0.05, 0.0, 1.0, 0.18), Effects(chorus=0.9, chorus_hz=0.5)),
    _chord("pad_glass", "Glass Pad", "pad", "pad, glass, bell, airy, crystalline, cold", "ambient:1 cinematic:.6 pop:.3 trap:.4", 0.6, 0.03, _pad("glass", 2, 5, 6_000), _SLOW),
    _chord("pad_hollow", "Hollow Wind", "pad", "pad, hollow, breathy, wind, airy, organic", "ambient:1 cinematic:.7", 0.3, 0.03, _pad("hollow", 2, 7, 1_600, noise=0.06), Envelope(0.3, 0.0, 1.0, 0.35)),
    _chord("pad_sweep", "Filter Sweep Pad", "pad", "pad, sweep, filter, resonant, evolving", "techno:.7 house:.6 ambient:.6 synthwave:.6 dnb:.4", 0.5, 0.25, _pad("saw", 4, 11, 700, 0.25, 1.4, 1.2, 4, 0.45), _SLOW),
    _chord("pad_felt", "Felt Drone", "pad", "pad, soft, felt, sine, gentle, drone, calm", "ambient:1 cinematic:.5 hiphop:.3", 0.1, 0.0, _pad("triangle", 2, 5, 900, 0.12, 0.3), _SLOW),
    _chord("pad_trance", "Trance Pad", "pad", "pad, trance, supersaw, huge, uplifting", "techno:.7 pop:.5 dnb:.5 house:.4 synthwave:.4", 0.7, 0.3, _pad("saw", 7, 18, 3_500, 0.2, 0.3), _SOFT),
    _chord("pad_tape", "Tape Pad", "pad", "pad, tape, lofi, lo-fi, wobbly, vhs, nostalgic", "hiphop:.8 ambient:.8 synthwave:.5 pop:.2", 0.25, 0.05, _pad("saw", 2, 8, 1_400), _SOFT, Effects(wow_cents=12, low_pass_hz=5_000)),
    _chord("pad_cinema", "Cinematic Swell", "pad", "pad, cinematic, swell, epic, wide, score", "cinematic:1 ambient:.6", 0.4, 0.25, _pad("saw", 5, 10, 1_100, 0.12, 0.6, 1.0), Envelope(0.4, 0.0, 1.0, 0.4)),
    _chord("pad_horror", "Tension Cloud", "pad", "pad, tension, horror, uneasy, dissonant, dark", "cinematic:.9 techno:.3 ambient:.4", 0.35, 0.5, _pad("wire", 5, 26, 1_500, 0.3, 0.8), _SLOW),
    _chord("pad_vox_synth", "Synth Choir", "vox", "choir, vox, voices, synth, aah, ethereal", "ambient:.8 cinematic:.7 synthwave:.6 trap:.5 pop:.3", 0.4, 0.05, _pad("saw", 4, 9, 5_000, 0.2, 0.1), _SOFT, Effects(formant="ah", formant_mix=0.75)),
    _chord("pad_vox_oh", "Ooh Ensemble", "vox", "choir, vox, ooh, soft voices, angelic", "ambient:.8 cinematic:.6 pop:.5 hiphop:.3", 0.25, 0.03, _pad("soft", 4, 8, 3_500, 0.2, 0.1), _SOFT, Effects(formant="oh", formant_mix=0.75)),
    _chord("vox_talk", "Vocoder Chords", "vox", "vocoder, robot, talkbox, french house, electro", "house:.8 funk:.7 synthwave:.6 pop:.5 hiphop:.3", 0.6, 0.3, _pad("saw", 2, 6, 8_000, 0.2, 0.1), Envelope(0.01, 0.0, 1.0, 0.06), Effects(formant="ee", formant_mix=0.7)),
]

_STABS = [
    _chord("supersaw", "Supersaw", "stab", "supersaw, saw, huge, edm, trance, festival, unison", "techno:.6 pop:.7 house:.6 synthwave:.6 dnb:.5 trap:.4", 0.85, 0.6, _stab("saw", 7, 22, 7_000, 0.8, 0.3, 0.6), Envelope(0.003, 0.0, 1.0, 0.09)),
    _chord("supersaw_pluck", "Supersaw Pluck", "stab", "supersaw, pluck, edm, future bass, short", "house:.7 pop:.8 trap:.4 dnb:.4 techno:.4", 0.75, 0.45, _stab("saw", 7, 18, 1_400, 2.8, 0.18, 0.0), Envelope(0.002, 0.35, 0.0, 0.08)),
    _chord("supersaw_future", "Future Chords", "stab", "future bass, supersaw, wide, emotional, wobble", "trap:.8 pop:.8 dnb:.4", 0.75, 0.5, Subtractive(wave="saw", voices=7, detune_cents=20, cutoff_hz=3_500, lfo_hz=3.0, lfo_octaves=0.8, level2=0.2), Envelope(0.01, 0.0, 1.0, 0.1)),
    _chord("house_stab", "House Stab", "stab", "house, stab, classic, minor chord, short, 90s", "house:1 techno:.7 dnb:.3", 0.55, 0.4, _stab("saw", 3, 9, 1_600, 1.8, 0.12, 0.1, 0.25), _HIT),
    _chord("house_organ", "House Organ", "stab", "house, organ, m1, 90s, club, korg", "house:1 techno:.3 pop:.4 dnb:.2", 0.5, 0.25, Subtractive(wave="organ_house", cutoff_hz=9_000, velocity_octaves=0.5), Envelope(0.002, 0.3, 0.35, 0.04)),
    _chord("house_piano_synth", "Rave Piano", "stab", "rave, piano, house, bright, 90s, m1 piano", "house:1 dnb:.6 techno:.4 pop:.4", 0.75, 0.4, Fm((Stack(1, 1, 1.9, 0.25, 0.2), Stack(1, 3, 1.2, 0.08, 0.05, 0.5)), keytrack=-0.6), Envelope(0.002, 0.6, 0.1, 0.06)),
    _chord("techno_stab", "Techno Stab", "stab", "techno, stab, dark, detroit, resonant, short", "techno:1 house:.5", 0.45, 0.5, _stab("saw", 3, 12, 500, 3.0, 0.11, 0.0, 0.5, 4), _HIT),
    _chord("dub_chord", "Dub Chord", "stab", "dub techno, chord, filtered, deep, hypnotic, echo", "techno:.9 ambient:.7 house:.5", 0.25, 0.2, _stab("saw", 2, 6, 600, 1.6, 0.25, 0.1, 0.35, 4), Envelope(0.004, 0.4, 0.1, 0.15), Effects(chorus=0.3)),
    _chord("rave_hoover", "Hoover Chords", "stab", "hoover, rave, 90s, hardcore, mentasm, aggressive", "techno:.8 dnb:.7 house:.3", 0.7, 0.85,
           Subtractive(wave="pulse", position=0.4, position_lfo=0.35, voices=5, detune_cents=24, lfo_hz=1.8, cutoff_hz=5_000, level2=0.5, wave2="square"), Envelope(0.02, 0.0, 1.0, 0.08)),
    _chord("brass_synth", "Synth Brass", "stab", "synth brass, brass, 80s, analog, fanfare, jump", "synthwave:.9 pop:.6 funk:.6 rock:.2 cinematic:.3", 0.6, 0.4,
           Subtractive(wave="saw", voices=2, detune_cents=7, cutoff_hz=700, env_octaves=2.3, filter_attack_s=0.06, filter_decay_s=0.4, filter_sustain=0.6, poles=4), Envelope(0.02, 0.0, 1.0, 0.09)),
    _chord("brass_soft", "Soft Synth Brass", "stab", "synth brass, soft, vangelis, blade runner, expressive", "synthwave:.9 cinematic:.7 ambient:.6", 0.4, 0.15,
           Subtractive(wave="saw", voices=3, detune_cents=8, cutoff_hz=450, env_octaves=2.0, filter_attack_s=0.3, filter_decay_s=1.0, filter_sustain=0.6, poles=4), Envelope(0.12, 0.0, 1.0, 0.3)),
    _chord("chip_chord", "Chip Chords", "stab", "chiptune, 8bit, square, game, retro", "synthwave:.4 pop:.3 dnb:.2 techno:.1", 0.65, 0.3, Subtractive(wave="chip", cutoff_hz=12_000, velocity_octaves=0.3), Envelope(0.002, 0.4, 0.4, 0.02)),
    _chord("poly_funk", "Poly Comp", "stab", "poly synth, comp, funk, short, 80s, prince", "funk:1 pop:.6 synthwave:.6 house:.4", 0.6, 0.3, _stab("pulse", 2, 6, 1_500, 2.0, 0.15, 0.1), Envelope(0.003, 0.25, 0.3, 0.04)),
    _chord("trap_dark", "Dark Trap Keys", "stab", "trap, dark, bell keys, minor, sinister", "trap:1 hiphop:.6", 0.4, 0.4, Fm((Stack(1, 3, 1.0, 0.3, 0.1), Stack(1, 1, 0.7, 0.6, 0.2, 0.6)),), Envelope(0.002, 0.6, 0.05, 0.12)),
    _chord("distorted_stab", "Industrial Stab", "stab", "industrial, distorted, stab, harsh, hard techno", "techno:.9 dnb:.4 rock:.1", 0.65, 0.95, _stab("square", 3, 15, 2_000, 1.8, 0.1, 0.2, 0.3, 2, 0.0, 0.8), Envelope(0.002, 0.25, 0.1, 0.03), Effects(drive=0.5)),
    _chord("poly_pluck", "Poly Pluck Chords", "pluck", "pluck, poly, short, bouncy, tropical, soft", "house:.8 pop:.9 trap:.4 ambient:.3", 0.5, 0.15, _stab("triangle", 1, 0, 1_200, 2.4, 0.12, 0.0), Envelope(0.002, 0.28, 0.0, 0.07)),
    _chord("kalimba_chord", "Wood Pluck Chords", "pluck", "pluck, kalimba, wooden, organic, soft, afro", "house:.6 ambient:.7 pop:.5 hiphop:.3", 0.4, 0.05, Fm((Stack(1, 3, 0.9, 0.05, 0.02), Stack(1, 1, 0.3, 0.1, 0.1, 0.5)), noise=0.08, noise_decay_s=0.006), Envelope(0.002, 0.35, 0.0, 0.1)),
]

_KEYS = [
    _chord("rhodes_fm", "FM Rhodes", "keys", "rhodes, electric piano, e-piano, fm, soul, neo soul", "hiphop:.9 jazz:.6 funk:.8 house:.7 pop:.5 ambient:.3", 0.4, 0.1, Fm((Stack(1, 1, 0.9, 0.6, 0.25), Stack(1, 14, 0.35, 0.05, 0.0, 0.5)), velocity_index=0.8), Envelope(0.002, 1.2, 0.1, 0.09), Effects(tremolo=0.2, tremolo_hz=4.5)),
    _chord("rhodes_soft", "Mellow Rhodes", "keys", "rhodes, mellow, soft, warm, lofi, chill", "hiphop:1 jazz:.6 ambient:.6 house:.4 pop:.3", 0.2, 0.03, Fm((Stack(1, 1, 0.5, 0.5, 0.2),), velocity_index=0.8), Envelope(0.003, 1.4, 0.1, 0.12), Effects(low_pass_hz=4_000)),
    _chord("rhodes_dirty", "Dirty Rhodes", "keys", "rhodes, overdriven, gritty, bark, funk", "funk:1 hiphop:.7 rock:.3 jazz:.3", 0.55, 0.5, Fm((Stack(1, 1, 1.5, 0.5, 0.3), Stack(1, 14, 0.4, 0.04, 0.0, 0.5)), velocity_index=0.9), Envelope(0.002, 1.0, 0.1, 0.07), Effects(drive=0.5)),
    _chord("dx_piano", "Digital EP", "keys", "dx7, digital, e-piano, 80s, ballad, bright", "pop:.8 synthwave:.8 funk:.4 house:.4", 0.65, 0.1, Fm((Stack(1, 1, 0.7, 0.8, 0.2), Stack(1, 14, 0.8, 0.12, 0.05, 0.6)), voices=2, detune_cents=4), Envelope(0.002, 1.3, 0.08, 0.1), Effects(chorus=0.3)),
    _chord("wurli_fm", "FM Wurli", "keys", "wurlitzer, wurli, electric piano, reedy, vintage, indie", "pop:.6 rock:.5 funk:.6 hiphop:.6 jazz:.4", 0.5, 0.2, Fm((Stack(1, 2, 0.9, 0.35, 0.25), Stack(1, 1, 0.5, 0.8, 0.4, 0.6)), velocity_index=0.9), Envelope(0.002, 0.8, 0.1, 0.06), Effects(tremolo=0.35, tremolo_hz=5.5, drive=0.15)),
    _chord("lofi_keys", "Lo-fi Keys", "keys", "lofi, lo-fi, keys, dusty, wobbly, chillhop, tape", "hiphop:1 ambient:.5 pop:.2", 0.2, 0.05, Fm((Stack(1, 1, 0.8, 0.4, 0.2),),), Envelope(0.004, 0.9, 0.1, 0.1), Effects(wow_cents=14, low_pass_hz=3_500)),
    _chord("organ_jazz", "Jazz Drawbars", "keys", "organ, hammond, b3, drawbar, jazz, smooth", "jazz:1 funk:.7 hiphop:.4 rock:.2", 0.4, 0.15, Subtractive(wave="organ_jazz", cutoff_hz=8_000, velocity_octaves=0.1), Envelope(0.003, 0.0, 1.0, 0.02), Effects(chorus=0.4, chorus_hz=1.0)),
    _chord("organ_full", "Full Drawbars", "keys", "organ, hammond, full, gospel, rock, leslie", "rock:.8 funk:.6 jazz:.4 pop:.3", 0.6, 0.4, Subtractive(wave="organ_full", cutoff_hz=10_000, velocity_octaves=0.1), Envelope(0.003, 0.0, 1.0, 0.02), Effects(chorus=0.6, chorus_hz=5.8, chorus_ms=0.4, drive=0.2)),
    _chord("organ_gospel", "Gospel Organ", "keys", "organ, gospel, church, soul, leslie, warm", "funk:.7 jazz:.7 hiphop:.4 pop:.4", 0.5, 0.2, Subtractive(wave="organ_gospel", cutoff_hz=10_000, velocity_octaves=0.1), Envelope(0.004, 0.0, 1.0, 0.03), Effects(chorus=0.5, chorus_hz=0.9)),
    _chord("clav_synth", "Synth Clav", "keys", "clavinet, clav, funky, percussive, superstition", "funk:1 pop:.3 house:.3 hiphop:.2", 0.7, 0.4, Subtractive(wave="wire", cutoff_hz=3_500, env_octaves=1.5, filter_decay_s=0.1, velocity_octaves=1.8, resonance=0.25), Envelope(0.002, 0.4, 0.05, 0.02)),
]

_FONT_KEYS = [
    _chord("piano_a", "Grand Piano", "keys", "piano, grand, acoustic, classical, clean", "pop:1 jazz:.9 cinematic:.8 rock:.5 house:.5 ambient:.5 hiphop:.5 funk:.3 trap:.3", 0.55, 0.15, _font("musescore", 0)),
    _chord("piano_b", "Bright Grand", "keys", "piano, bright, grand, pop, rock, cutting", "pop:1 rock:.7 house:.6 jazz:.3", 0.75, 0.3, _font("musescore", 1)),
    _chord("piano_mellow", "Mellow Grand", "keys", "piano, mellow, soft, warm, ballad, intimate", "ambient:.8 cinematic:.8 jazz:.6 pop:.6 hiphop:.5", 0.3, 0.03, _font("musescore", 0, 8)),
    _chord("piano_yamaha", "Studio Grand", "keys", "piano, studio, yamaha, clean, pop", "pop:.9 jazz:.7 rock:.5 house:.5", 0.6, 0.2, _font("fluid", 0, side="left")),
    _chord("piano_felt", "Felt Piano", "keys", "piano, felt, soft, muted, intimate, nils frahm, neoclassical", "ambient:1 cinematic:.9 pop:.3 hiphop:.3", 0.15, 0.0, _font("musescore", 0, 8, cutoff=-2600), Envelope(), Effects(low_pass_hz=2_200)),
    _chord("piano_lofi", "Lo-fi Piano", "keys", "piano, lofi, lo-fi, dusty, wobbly, tape, chillhop", "hiphop:1 ambient:.5 trap:.3 jazz:.2", 0.2, 0.05, _font("fluid", 0, side="left"), Envelope(), Effects(wow_cents=12, low_pass_hz=3_000, drive=0.1)),
    _chord("piano_honky", "Honky Tonk", "keys", "piano, honky tonk, saloon, detuned, ragtime", "rock:.3 jazz:.4 pop:.2 cinematic:.1", 0.6, 0.2, _font("fluid", 3)),
    _chord("piano_electric_grand", "Electric Grand", "keys", "electric grand, cp70, 80s, bright", "pop:.6 rock:.4 synthwave:.5 funk:.3", 0.65, 0.2, _font("musescore", 2)),
    _chord("rhodes_a", "Tine Rhodes", "keys", "rhodes, tine, electric piano, neo soul, classic", "hiphop:.9 jazz:.8 funk:.9 house:.6 pop:.5 ambient:.3", 0.4, 0.1, _font("fluid", 4)),
    _chord("rhodes_b", "Suitcase Rhodes", "keys", "rhodes, suitcase, warm, electric piano, soul", "funk:.9 jazz:.8 hiphop:.8 house:.5", 0.4, 0.1, _font("musescore", 4), Envelope(), Effects(tremolo=0.3, tremolo_hz=4.2)),
    _chord("rhodes_detuned", "Detuned EP", "keys", "electric piano, detuned, chorus, dreamy, vaporwave", "synthwave:.6 hiphop:.6 pop:.4 ambient:.5", 0.4, 0.05, _font("musescore", 4, 8)),
    _chord("fm_ep", "Ballad EP", "keys", "electric piano, fm, dx, ballad, 80s, rnb", "pop:.8 synthwave:.6 hiphop:.3 funk:.3", 0.6, 0.08, _font("musescore", 5)),
    _chord("harpsichord", "Harpsichord", "keys", "harpsichord, baroque, plucked, classical, bright", "cinematic:.5 hiphop:.3 trap:.4 pop:.15", 0.75, 0.25, _font("fluid", 6)),
    _chord("clavinet", "Clavinet", "keys", "clavinet, clav, funky, percussive", "funk:1 hiphop:.3 pop:.3 house:.2", 0.65, 0.4, _font("fluid", 7)),
    _chord("organ_drawbar", "Drawbar Organ", "keys", "organ, hammond, drawbar, warm", "funk:.7 jazz:.7 rock:.5 house:.4", 0.5, 0.2, _font("musescore", 16, transpose=24)),
    _chord("organ_perc", "Percussive Organ", "keys", "organ, percussive, hammond, soul jazz, punchy", "jazz:.8 funk:.8 house:.5", 0.5, 0.25, _font("fluid", 17, transpose=12)),
    _chord("organ_rock", "Rock Organ", "keys", "organ, rock, leslie, overdriven, deep purple", "rock:1 funk:.4 pop:.2", 0.65, 0.6, _font("fluid", 18, transpose=12), Envelope(), Effects(drive=0.35)),
    _chord("organ_church", "Church Organ", "keys", "organ, church, pipe, cathedral, gothic, epic", "cinematic:.9 ambient:.4 trap:.2", 0.6, 0.4, _font("musescore", 19)),
    _chord("organ_reed", "Harmonium", "keys", "harmonium, reed organ, folk, organic, pump", "ambient:.6 cinematic:.4 pop:.3 rock:.1", 0.4, 0.1, _font("fluid", 20)),
    _chord("accordion", "Accordion", "keys", "accordion, french, musette, folk, tango", "jazz:.3 cinematic:.3 pop:.2 house:.1", 0.6, 0.2, _font("musescore", 21)),
]

_FONT_OTHERS = [
    _chord("guitar_nylon", "Nylon Guitar", "guitar", "guitar, nylon, classical, acoustic, spanish, bossa, fingerstyle", "jazz:.7 ambient:.6 pop:.6 hiphop:.6 trap:.5 cinematic:.3", 0.4, 0.05, _font("fluid", 24)),
    _chord("guitar_steel", "Steel Guitar", "guitar", "guitar, steel, acoustic, strummed, folk, singer-songwriter", "pop:1 rock:.7 ambient:.3 hiphop:.3", 0.6, 0.15, _font("fluid", 25)),
    _chord("guitar_12", "Twelve String", "guitar", "guitar, 12 string, acoustic, shimmering, folk rock", "pop:.6 rock:.6 ambient:.4", 0.7, 0.15, _font("musescore", 25, 8)),
    _chord("guitar_jazz", "Jazz Guitar", "guitar", "guitar, jazz, hollow body, warm, mellow, comping", "jazz:1 hiphop:.7 funk:.4 pop:.2", 0.3, 0.05, _font("fluid", 26)),
    _chord("guitar_clean", "Clean Electric", "guitar", "guitar, clean, electric, strat, indie, chorus", "pop:.8 rock:.8 funk:.7 hiphop:.4 synthwave:.2", 0.55, 0.15, _font("musescore", 27), Envelope(), Effects(chorus=0.25)),
    _chord("guitar_funk", "Funk Guitar", "guitar", "guitar, funk, chicken scratch, nile rodgers, disco, tight", "funk:1 house:.6 pop:.6", 0.65, 0.3, _font("fluid", 28, 8)),
    _chord("guitar_muted", "Muted Guitar", "guitar", "guitar, palm mute, muted, chug, tight, rhythmic", "rock:.8 pop:.6 funk:.6 synthwave:.3", 0.4, 0.3, _font("fluid", 28)),
    _chord("guitar_overdrive", "Overdrive Guitar", "guitar", "guitar, overdrive, rock, crunch, amp, power chords", "rock:1 pop:.3", 0.65, 0.75, _font("fluid", 29), Envelope(), Effects(high_pass_hz=80)),
    _chord("guitar_crunch", "Crunch Guitar", "guitar", "guitar, crunch, indie rock, garage, british amp", "rock:1 pop:.4", 0.6, 0.65, _font("musescore", 29)),
    _chord("guitar_distortion", "Distortion Guitar", "guitar", "guitar, distortion, metal, heavy, wall of sound, aggressive", "rock:1 cinematic:.15 dnb:.1", 0.75, 0.95, _font("musescore", 30), Envelope(), Effects(high_pass_hz=80)),
    _chord("guitar_lofi", "Lo-fi Guitar", "guitar", "guitar, lofi, lo-fi, dusty, bedroom, chill", "hiphop:1 pop:.4 ambient:.4", 0.25, 0.05, _font("fluid", 26), Envelope(), Effects(wow_cents=10, low_pass_hz=3_000)),
    _chord("ukulele", "Ukulele", "guitar", "ukulele, happy, folk, island, light", "pop:.6 hiphop:.1 ambient:.1", 0.6, 0.05, _font("fluid", 24, 8)),
    _chord("strings_a", "String Ensemble", "strings", "strings, ensemble, orchestra, legato, lush", "cinematic:1 pop:.6 ambient:.6 hiphop:.4 rock:.2 dnb:.3 trap:.3", 0.5, 0.2, _font("musescore", 48)),
    _chord("strings_slow", "Slow Strings", "strings", "strings, slow, swell, emotional, soft, orchestra", "cinematic:1 ambient:.8 pop:.4", 0.4, 0.1, _font("musescore", 49)),
    _chord("strings_fluid", "Studio Strings", "strings", "strings, section, disco, studio, bright", "funk:.6 pop:.6 cinematic:.8 house:.5", 0.6, 0.2, _font("fluid", 48)),
    _chord("strings_tremolo", "Tremolo Strings", "strings", "strings, tremolo, tension, suspense, orchestral", "cinematic:1", 0.5, 0.5, _font("fluid", 44)),
    _chord("strings_pizz", "Pizzicato Strings", "strings", "strings, pizzicato, plucked, playful, short", "cinematic:.8 pop:.3 trap:.4 hiphop:.3", 0.5, 0.1, _font("musescore", 45)),
    _chord("strings_synth_1", "Synth Strings", "strings", "synth strings, 80s, analog, ensemble", "synthwave:.9 pop:.4 house:.4 ambient:.4", 0.5, 0.1, _font("fluid", 50)),
    _chord("strings_synth_2", "Dark Synth Strings", "strings", "synth strings, dark, soft, warm", "synthwave:.7 trap:.5 ambient:.5 dnb:.4 techno:.3", 0.3, 0.1, _font("musescore", 51, cutoff=-1000)),
    _chord("strings_staccato", "Staccato Strings", "strings", "strings, staccato, short, spiccato, trailer, driving", "cinematic:1 trap:.4 hiphop:.3", 0.55, 0.5, _font("musescore", 48, release=-2400)),
    _chord("strings_dark", "Low Dark Strings", "strings", "strings, dark, low, moody, muted, con sordino", "cinematic:1 ambient:.5 trap:.3", 0.2, 0.2, _font("fluid", 49, cutoff=-1800)),
    _chord("brass_section", "Brass Section", "brass_wind", "brass, section, horns, funky, punchy, big band", "funk:.9 jazz:.7 pop:.4 cinematic:.5 hiphop:.3", 0.65, 0.5, _font("musescore", 61)),
    _chord("brass_fluid", "Soul Horns", "brass_wind", "brass, horns, soul, section, stabs", "funk:1 pop:.5 hiphop:.4 jazz:.5 house:.2", 0.6, 0.45, _font("fluid", 61)),
    _chord("horns_french", "French Horns", "brass_wind", "horns, french horn, noble, orchestral, heroic", "cinematic:1 ambient:.2", 0.35, 0.3, _font("musescore", 60)),
    _chord("trombones", "Low Brass", "brass_wind", "trombone, low brass, braam, dark, epic", "cinematic:1 hiphop:.2 jazz:.3", 0.45, 0.6, _font("fluid", 57)),
    _chord("brass_muted", "Muted Brass", "brass_wind", "brass, muted, noir, jazz, harmon", "jazz:.9 hiphop:.4 cinematic:.3", 0.6, 0.25, _font("musescore", 59)),
    _chord("woodwinds", "Woodwind Choir", "brass_wind", "woodwinds, clarinet, soft, pastoral, orchestral", "cinematic:.7 ambient:.4 jazz:.3", 0.35, 0.05, _font("fluid", 71)),
    _chord("saxes", "Sax Section", "brass_wind", "sax, saxophones, section, big band, swing", "jazz:1 funk:.6 pop:.2", 0.55, 0.35, _font("fluid", 66)),
    _chord("choir_aah", "Choir Aahs", "vox", "choir, aah, voices, epic, sacred", "cinematic:1 ambient:.7 trap:.5 pop:.2", 0.45, 0.15, _font("musescore", 52)),
    _chord("choir_ooh", "Choir Oohs", "vox", "choir, ooh, voices, soft, background", "pop:.6 ambient:.7 cinematic:.6 hiphop:.5", 0.3, 0.05, _font("fluid", 53)),
    _chord("choir_synth", "Space Voices", "vox", "synth voice, space, ethereal, choir, pad", "ambient:.8 synthwave:.6 trap:.4 dnb:.4", 0.4, 0.05, _font("fluid", 54)),
    _chord("vibraphone", "Vibraphone Chords", "pluck", "vibraphone, vibes, mallets, jazz, cool", "jazz:1 hiphop:.6 ambient:.4 funk:.2", 0.45, 0.05, _font("musescore", 11)),
    _chord("marimba", "Marimba Chords", "pluck", "marimba, mallets, wooden, tropical, minimal", "pop:.5 house:.5 ambient:.5 cinematic:.4", 0.4, 0.05, _font("fluid", 12)),
    _chord("harp", "Harp", "pluck", "harp, plucked, angelic, arpeggio, orchestral", "cinematic:.8 ambient:.7 hiphop:.3 trap:.3", 0.5, 0.02, _font("musescore", 46)),
    _chord("celesta", "Celesta", "pluck", "celesta, magic, fairy, bells, delicate", "cinematic:.7 ambient:.6 trap:.3", 0.65, 0.02, _font("fluid", 8)),
    _chord("pad_warm_gm", "Workstation Warm Pad", "pad", "pad, warm, 90s, workstation", "ambient:.6 pop:.5 house:.4 synthwave:.4 hiphop:.2", 0.3, 0.03, _font("fluid", 89)),
    _chord("pad_fantasia", "Fantasia", "pad", "pad, bell pad, fantasia, d50, 80s, digital", "synthwave:.7 ambient:.7 pop:.4", 0.6, 0.03, _font("musescore", 88)),
    _chord("pad_bowed", "Bowed Glass", "pad", "pad, bowed, glass, ethereal, metallic", "ambient:.9 cinematic:.7", 0.5, 0.05, _font("fluid", 92)),
    _chord("pad_halo", "Halo Pad", "pad", "pad, halo, choir, digital, new age", "ambient:.8 cinematic:.5 synthwave:.4", 0.5, 0.05, _font("musescore", 94)),
    _chord("pad_metal", "Metal Pad", "pad", "pad, metallic, cold, digital, dark", "techno:.5 cinematic:.6 ambient:.5 dnb:.4", 0.55, 0.3, _font("fluid", 93)),
]

HARMONIES: tuple[Patch, ...] = (*_PADS, *_STABS, *_KEYS, *_FONT_KEYS, *_FONT_OTHERS)
