"""Melody instruments: leads, plucks, bells, keys, voices and solo instruments."""

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


def _solo(key: str, name: str, family: str, tags: str, weights: str, brightness: float, aggression: float, sound: Sound,
          envelope: Envelope = _ENVELOPE, effects: Effects = _DRY, width: float = 0.3, gain_db: float = -2.5) -> Patch:
    return Patch(id=f"melody.{key}", track="melody", name=name, family=family, tags=tuple(tags.split(", ")), styles=styles(weights),
                 attributes=attributes(brightness, aggression), sound=sound, envelope=envelope, effects=effects, width=width, gain_db=gain_db,
                 mono=envelope.glide_s > 0)


def _lead(wave: str, cutoff: float, octaves: float = 0.6, decay: float = 0.3, voices: int = 1, cents: float = 0.0, resonance: float = 0.15,
          poles: int = 2, position: float = 0.0, position_env: float = 0.0, position_lfo: float = 0.0, lfo_hz: float = 0.0, drive: float = 0.0,
          level2: float = 0.0, noise: float = 0.0, sustain: float = 0.4) -> Subtractive:
    return Subtractive(wave=wave, cutoff_hz=cutoff, keytrack=0.5, env_octaves=octaves, filter_decay_s=decay, filter_sustain=sustain, voices=voices,
                       detune_cents=cents, resonance=resonance, poles=poles, position=position, position_env=position_env,
                       position_lfo=position_lfo, lfo_hz=lfo_hz, drive=drive, level2=level2, noise=noise, velocity_octaves=1.2)


def _font(font: str, program: int, bank: int = 0, cutoff: float = 0.0, release: float = 0.0, attack: float = 0.0, side: str = "mid",
          transpose: int = 0) -> Font:
    generators = tuple((g, v) for g, v in ((FILTER_CUTOFF, cutoff), (RELEASE, release), (ATTACK, attack)) if v)
    return Font(font, program, bank, generators, side, transpose)


_SING = Envelope(0.01, 0.0, 1.0, 0.06, vibrato_hz=5.4, vibrato_cents=16, vibrato_delay_s=0.25)
_MONO = Envelope(0.005, 0.0, 1.0, 0.05, vibrato_hz=5.6, vibrato_cents=14, vibrato_delay_s=0.3, glide_s=0.03)
_SLIDE = Envelope(0.008, 0.0, 1.0, 0.08, vibrato_hz=5.0, vibrato_cents=20, vibrato_delay_s=0.2, glide_s=0.07)
_PLAIN = Envelope(0.003, 0.0, 1.0, 0.05)
_PLUCK = Envelope(0.002, 0.22, 0.0, 0.06)
_RING = Envelope(0.002, 0.7, 0.0, 0.25)
_BREATH = Envelope(0.04, 0.0, 1.0, 0.07, vibrato_hz=5.2, vibrato_cents=14, vibrato_delay_s=0.35)

_LEADS = [
    _solo("lead_saw", "Saw Lead", "lead", "lead, saw, analog, bright, classic", "synthwave:.8 house:.5 techno:.6 pop:.5 dnb:.4 rock:.2", 0.7, 0.4, _lead("saw", 4_500), _SING),
    _solo("lead_square", "Square Lead", "lead", "lead, square, hollow, retro, simple", "synthwave:.7 pop:.6 hiphop:.4 house:.4 trap:.3", 0.55, 0.25, _lead("square", 4_000), _SING),
    _solo("lead_mono", "Mono Glide", "lead", "lead, mono, glide, portamento, moog, vintage", "funk:.9 synthwave:.7 hiphop:.6 house:.3 jazz:.2", 0.5, 0.35, _lead("saw", 1_800, 1.4, 0.4, resonance=0.3, poles=4, drive=0.2), _MONO),
    _solo("lead_gfunk", "G-Funk Whistle", "lead", "g-funk, whistle, sine, west coast, portamento, high", "hiphop:1 funk:.7 trap:.2", 0.35, 0.15, _lead("sine", 6_000), _SLIDE),
    _solo("lead_soft", "Soft Triangle", "lead", "lead, soft, triangle, mellow, gentle, flute-like", "ambient:.7 pop:.6 hiphop:.5 house:.3 cinematic:.3", 0.25, 0.03, _lead("triangle", 3_000), _SING),
    _solo("lead_supersaw", "Supersaw Lead", "lead", "lead, supersaw, edm, trance, festival, huge", "techno:.6 pop:.7 house:.6 dnb:.5 synthwave:.4 trap:.3", 0.9, 0.65, _lead("saw", 9_000, 0.3, 0.3, 7, 20), Envelope(0.004, 0.0, 1.0, 0.08)),
    _solo("lead_detuned", "Detuned Duo", "lead", "lead, detuned, fat, two oscillators, analog", "synthwave:1 pop:.4 techno:.5 dnb:.4", 0.65, 0.4, _lead("saw", 3_600, 0.8, 0.3, 2, 9), _SING),
    _solo("lead_outrun", "Outrun Lead", "lead", "lead, synthwave, retrowave, outrun, 80s, epic", "synthwave:1 rock:.2 pop:.3 cinematic:.2", 0.7, 0.45, _lead("pulse", 4_200, 0.6, 0.4, 2, 8, position=0.3, position_lfo=0.2, lfo_hz=0.8), _MONO, Effects(chorus=0.4, room=0.12, room_s=0.35)),
    _solo("lead_sync", "Sync Lead", "lead", "lead, sync, hard sync, screaming, bright, sharp", "synthwave:.7 techno:.6 rock:.3 dnb:.5 house:.3", 0.85, 0.75, _lead("sync", 9_000, 0.2, 0.35, position=0.2, position_env=0.5), _MONO),
    _solo("lead_sync_soft", "Sync Sweep", "lead", "lead, sync, sweeping, vocal, moving", "techno:.7 house:.4 dnb:.4 ambient:.2", 0.65, 0.45, _lead("sync", 5_000, 0.2, 0.3, position=0.35, position_lfo=0.3, lfo_hz=0.35), _PLAIN),
    _solo("lead_acid", "Acid Lead", "lead", "lead, acid, 303, squelch, resonant, rave", "techno:1 house:.7", 0.75, 0.7, _lead("saw", 700, 3.2, 0.16, resonance=0.8, poles=4, drive=0.4, sustain=0.0), Envelope(0.002, 0.5, 0.4, 0.03, glide_s=0.035)),
    _solo("lead_hoover", "Hoover", "lead", "lead, hoover, rave, mentasm, hardcore, 90s", "techno:.9 dnb:.7 house:.2", 0.7, 0.9, _lead("pulse", 6_000, 0.2, 0.4, 5, 26, position=0.4, position_lfo=0.35, lfo_hz=2.0, level2=0.5), Envelope(0.01, 0.0, 1.0, 0.08, glide_s=0.05)),
    _solo("lead_scream", "Distorted Scream", "lead", "lead, distorted, aggressive, scream, industrial, rock", "techno:.7 dnb:.6 rock:.5 trap:.3", 0.85, 1.0, _lead("saw", 4_000, 0.6, 0.3, 2, 10, resonance=0.4, drive=0.8), _MONO, Effects(drive=0.7)),
    _solo("lead_reed", "Reed Synth", "lead", "lead, reed, oboe-like, nasal, organic", "cinematic:.4 ambient:.4 jazz:.2 funk:.3 house:.2", 0.55, 0.15, _lead("reed", 4_000), _BREATH),
    _solo("lead_chip", "Chip Lead", "lead", "lead, chiptune, 8bit, pulse, game, nes, arcade", "synthwave:.5 pop:.4 dnb:.3 trap:.2", 0.8, 0.4, _lead("chip", 16_000), Envelope(0.002, 0.6, 0.6, 0.02, vibrato_hz=6.0, vibrato_cents=20, vibrato_delay_s=0.15)),
    _solo("lead_chip_arp", "Chip Arp", "lead", "chiptune, 8bit, square, arpeggio, short, game", "synthwave:.5 pop:.4 techno:.2 dnb:.3", 0.75, 0.35, _lead("square", 16_000), Envelope(0.002, 0.16, 0.1, 0.015)),
    _solo("lead_lofi", "Wobbly Lead", "lead", "lead, lofi, lo-fi, wobbly, tape, vhs, nostalgic", "hiphop:.9 ambient:.6 synthwave:.5 pop:.2", 0.3, 0.08, _lead("triangle", 2_500, 0.3, 0.3, 2, 7), _SING, Effects(wow_cents=16, low_pass_hz=4_000)),
    _solo("lead_theremin", "Theremin", "lead", "theremin, sine, eerie, glide, sci-fi, ghost", "cinematic:.7 ambient:.6 trap:.3", 0.3, 0.1, _lead("soft", 2_500), Envelope(0.06, 0.0, 1.0, 0.12, vibrato_hz=5.5, vibrato_cents=35, vibrato_delay_s=0.05, glide_s=0.09)),
    _solo("lead_vocal", "Vowel Lead", "vox", "lead, vocal, formant, talkbox, aah, human", "house:.7 pop:.7 funk:.6 dnb:.4 trap:.4", 0.55, 0.25, _lead("saw", 7_000), _MONO, Effects(formant="ah", formant_mix=0.75)),
    _solo("vox_ee", "Robot Voice", "vox", "robot, vocoder, talkbox, electro, formant", "funk:.8 house:.7 synthwave:.6 techno:.3", 0.65, 0.4, _lead("saw", 9_000, voices=2, cents=5), Envelope(0.006, 0.0, 1.0, 0.05, glide_s=0.02), Effects(formant="ee", formant_mix=0.75)),
    _solo("vox_chop", "Vocal Chop", "vox", "vocal chop, future bass, tropical, short, pop", "pop:.9 house:.7 trap:.6 dnb:.5", 0.6, 0.25, _lead("vox", 9_000, position=0.3, position_env=0.4, voices=2, cents=6), Envelope(0.006, 0.35, 0.2, 0.06), Effects(formant="oh", formant_mix=0.5)),
    _solo("vox_soft", "Ghost Voice", "vox", "vocal, ghost, airy, soft, ethereal, oo", "ambient:.9 trap:.6 cinematic:.6 hiphop:.4", 0.3, 0.03, _lead("soft", 4_000, voices=3, cents=8, noise=0.05), Envelope(0.08, 0.0, 1.0, 0.2), Effects(formant="oo", formant_mix=0.6, room=0.15, room_s=0.4)),
    _solo("lead_trap_flute", "Trap Flute Synth", "lead", "flute, trap, breathy, synth, dark, pan", "trap:1 hiphop:.6", 0.4, 0.15, _lead("soft", 3_000, noise=0.07), Envelope(0.03, 0.0, 1.0, 0.08, vibrato_hz=5, vibrato_cents=12, vibrato_delay_s=0.25, glide_s=0.015)),
    _solo("lead_techno", "Hypnotic Blip", "lead", "techno, blip, hypnotic, minimal, short, bleep", "techno:1 house:.5 ambient:.2", 0.45, 0.3, _lead("sine", 8_000), Envelope(0.002, 0.09, 0.0, 0.02)),
    _solo("lead_brass", "Poly Brass Lead", "lead", "brass, synth brass, lead, 80s, fanfare", "synthwave:.9 funk:.6 pop:.4", 0.6, 0.4, Subtractive(wave="saw", voices=2, detune_cents=6, cutoff_hz=900, env_octaves=2.2, filter_attack_s=0.05, filter_decay_s=0.35, filter_sustain=0.6, poles=4), _SING),
    _solo("lead_vangelis", "Blade Brass", "lead", "vangelis, blade runner, brass, expressive, swell", "synthwave:.8 cinematic:.9 ambient:.6", 0.45, 0.2, Subtractive(wave="saw", voices=3, detune_cents=9, cutoff_hz=500, env_octaves=2.4, filter_attack_s=0.25, filter_decay_s=0.8, filter_sustain=0.6, poles=4), Envelope(0.09, 0.0, 1.0, 0.25, vibrato_hz=5, vibrato_cents=14, vibrato_delay_s=0.4)),
    _solo("lead_digital", "Digital Edge", "lead", "digital, wavetable, edgy, modern, harsh", "dnb:.7 trap:.5 techno:.6 pop:.2", 0.8, 0.65, _lead("digital", 7_000, 0.5, 0.3, 2, 8), _PLAIN),
    _solo("lead_fm", "FM Lead", "lead", "fm, lead, metallic, digital, bright, 80s", "synthwave:.6 funk:.5 techno:.4 dnb:.4 pop:.4", 0.7, 0.4, Fm((Stack(1, 1, 1.8, 0.5, 0.6), Stack(1, 2, 0.9, 0.4, 0.4, 0.5)),), _SING),
    _solo("lead_organ", "Organ Lead", "keys", "organ, lead, drawbar, gospel, house", "house:.7 jazz:.5 funk:.6 rock:.2", 0.5, 0.2, _lead("organ_perc", 9_000, 0.0), Envelope(0.002, 0.3, 0.5, 0.03)),
]

_PLUCKS = [
    _solo("pluck_saw", "Saw Pluck", "pluck", "pluck, saw, short, bright, edm, plucky", "house:.8 pop:.9 techno:.6 synthwave:.6 dnb:.4 trap:.4", 0.65, 0.25, _lead("saw", 900, 3.2, 0.1, sustain=0.0), _PLUCK),
    _solo("pluck_soft", "Soft Pluck", "pluck", "pluck, soft, round, tropical, mellow", "house:.7 pop:.8 ambient:.6 hiphop:.4", 0.35, 0.05, _lead("triangle", 1_200, 2.2, 0.1, sustain=0.0), _PLUCK),
    _solo("pluck_square", "Square Pluck", "pluck", "pluck, square, hollow, bouncy, arpeggio", "synthwave:.9 house:.6 techno:.6 pop:.5", 0.5, 0.2, _lead("square", 900, 2.8, 0.1, sustain=0.0), _PLUCK),
    _solo("pluck_arp", "Eighties Arp", "pluck", "arp, arpeggio, 80s, sequencer, analog, synthwave", "synthwave:1 techno:.5 ambient:.4 pop:.3", 0.55, 0.2, _lead("pulse", 1_300, 2.4, 0.12, position=0.25, resonance=0.3, poles=4, sustain=0.0), Envelope(0.002, 0.18, 0.05, 0.05), Effects(chorus=0.4)),
    _solo("pluck_trance", "Trance Pluck", "pluck", "pluck, trance, gated, bright, arpeggio, unison", "techno:.8 house:.5 pop:.5 dnb:.4", 0.75, 0.35, _lead("saw", 1_500, 2.8, 0.14, 5, 14, sustain=0.0), Envelope(0.002, 0.28, 0.0, 0.1)),
    _solo("pluck_resonant", "Resonant Drip", "pluck", "pluck, resonant, drip, water, liquid, minimal", "techno:.8 ambient:.7 house:.5 dnb:.4", 0.5, 0.15, _lead("saw", 500, 3.0, 0.08, resonance=0.85, poles=4, sustain=0.0), _PLUCK),
    _solo("pluck_wire", "Wire Pluck", "pluck", "pluck, wire, koto-like, string, thin, eastern", "ambient:.6 cinematic:.5 trap:.5 hiphop:.4", 0.6, 0.15, _lead("wire", 2_000, 2.0, 0.15, sustain=0.0), Envelope(0.002, 0.4, 0.0, 0.1)),
    _solo("pluck_fm_wood", "FM Wood", "pluck", "pluck, wooden, marimba-like, organic, fm, afro", "house:.7 pop:.6 ambient:.6 hiphop:.3", 0.4, 0.08, Fm((Stack(1, 4, 0.9, 0.04, 0.0), Stack(1, 1, 0.3, 0.1, 0.0, 0.4)), noise=0.06, noise_decay_s=0.006), Envelope(0.002, 0.25, 0.0, 0.08)),
    _solo("pluck_kalimba", "Synth Kalimba", "pluck", "kalimba, thumb piano, organic, soft, plucky", "ambient:.8 hiphop:.6 house:.5 pop:.5", 0.45, 0.05, Fm((Stack(1, 6, 0.5, 0.04, 0.0), Stack(1, 1, 0.25, 0.2, 0.0, 0.6)), noise=0.05, noise_decay_s=0.005), Envelope(0.002, 0.35, 0.0, 0.12)),
    _solo("pluck_guitar_synth", "Synth Guitar", "pluck", "pluck, guitar-like, string, synth, muted", "pop:.5 hiphop:.5 house:.4 synthwave:.3", 0.45, 0.12, _lead("octave_saw", 900, 2.6, 0.2, sustain=0.05), Envelope(0.002, 0.45, 0.0, 0.06)),
    _solo("bell_fm", "FM Bell", "pluck", "bell, fm, glassy, bright, digital, dx", "trap:.9 ambient:.7 hiphop:.6 pop:.6 synthwave:.5 cinematic:.3", 0.65, 0.08, Fm((Stack(1, 3, 1.1, 0.5, 0.1), Stack(1, 7, 0.7, 0.15, 0.0, 0.4)),), _RING),
    _solo("bell_dark", "Dark Bell", "pluck", "bell, dark, trap, sinister, minor, eerie", "trap:1 hiphop:.6 cinematic:.4", 0.4, 0.25, Fm((Stack(1, 2, 1.2, 0.5, 0.1), Stack(1, 5, 0.6, 0.3, 0.0, 0.4)),), _RING),
    _solo("bell_tubular", "Synth Tubular", "pluck", "bell, tubular, church, long, metallic", "cinematic:.6 ambient:.6 trap:.4", 0.6, 0.2, Fm((Stack(1, 3, 1.3, 0.8, 0.1), Stack(2, 5, 0.7, 0.5, 0.0, 0.3)),), Envelope(0.002, 1.1, 0.0, 0.4)),
    _solo("bell_toy", "Toy Bell", "pluck", "bell, toy, music box, tiny, innocent, lullaby", "hiphop:.6 ambient:.6 pop:.4 trap:.5", 0.7, 0.03, Fm((Stack(2, 4, 0.6, 0.1, 0.0), Stack(1, 6, 0.4, 0.1, 0.0, 0.4)),), Envelope(0.002, 0.4, 0.0, 0.15)),
    _solo("bell_glass", "Glass Bell", "pluck", "glass, bell, crystal, airy, ambient, clear", "ambient:1 cinematic:.6 pop:.4", 0.6, 0.02, _lead("glass", 9_000, 0.5, 0.3, 2, 4), Envelope(0.003, 0.9, 0.0, 0.35), Effects(room=0.15, room_s=0.5)),
    _solo("bell_lofi", "Lo-fi Bell", "pluck", "bell, lofi, lo-fi, dusty, music box, tape", "hiphop:1 ambient:.5 trap:.4", 0.35, 0.03, Fm((Stack(1, 4, 0.8, 0.3, 0.05),),), Envelope(0.002, 0.6, 0.0, 0.2), Effects(wow_cents=12, low_pass_hz=4_000)),
    _solo("rhodes_lead", "FM Rhodes Solo", "keys", "rhodes, electric piano, solo, neo soul, fm", "jazz:.6 hiphop:.9 funk:.7 house:.5 pop:.4", 0.4, 0.1, Fm((Stack(1, 1, 1.0, 0.5, 0.25), Stack(1, 14, 0.35, 0.05, 0.0, 0.5)), velocity_index=0.8), Envelope(0.002, 1.0, 0.1, 0.08)),
    _solo("keys_dx", "DX Keys", "keys", "dx7, digital keys, e-piano, 80s, bright", "synthwave:.7 pop:.8 funk:.4 house:.3", 0.65, 0.1, Fm((Stack(1, 1, 0.8, 0.7, 0.2), Stack(1, 14, 0.7, 0.1, 0.05, 0.6)),), Envelope(0.002, 1.1, 0.05, 0.1), Effects(chorus=0.3)),
    _solo("flute_synth", "Synth Flute", "lead", "flute, synth, breathy, airy, soft", "ambient:.8 hiphop:.6 pop:.4 trap:.5 house:.3", 0.35, 0.03, _lead("soft", 2_600, noise=0.09), _BREATH),
    _solo("whistle", "Whistle", "lead", "whistle, sine, airy, catchy, western", "pop:.7 hiphop:.5 cinematic:.3 trap:.3", 0.45, 0.05, _lead("sine", 9_000, noise=0.06), Envelope(0.03, 0.0, 1.0, 0.05, vibrato_hz=5.5, vibrato_cents=18, vibrato_delay_s=0.2, glide_s=0.02)),
    _solo("strings_solo_synth", "Analog Violin", "strings", "strings, solo, synth violin, expressive, analog", "synthwave:.5 ambient:.6 cinematic:.5", 0.5, 0.1, _lead("saw", 2_800, 0.3, 0.3, 2, 6), Envelope(0.09, 0.0, 1.0, 0.12, vibrato_hz=5.6, vibrato_cents=18, vibrato_delay_s=0.3), Effects(chorus=0.3)),
    _solo("stab_lead", "Stab Riff", "stab", "stab, riff, short, rave, punchy", "techno:.7 house:.8 dnb:.6", 0.6, 0.5, _lead("saw", 1_800, 2.0, 0.1, 3, 12, resonance=0.3, sustain=0.1), Envelope(0.002, 0.16, 0.0, 0.03)),
    _solo("stab_digital", "Digital Stab", "stab", "stab, digital, glitch, sharp, neuro", "dnb:.8 techno:.6 trap:.4", 0.75, 0.6, _lead("digital", 3_000, 1.8, 0.09, 3, 14, sustain=0.1), Envelope(0.002, 0.14, 0.0, 0.03)),
]

_FONTS = [
    _solo("piano", "Solo Piano", "keys", "piano, grand, acoustic, melody, clean", "pop:.9 jazz:1 cinematic:.7 ambient:.5 hiphop:.5 house:.4 trap:.3 rock:.2", 0.55, 0.15, _font("musescore", 0)),
    _solo("piano_soft", "Soft Solo Piano", "keys", "piano, soft, felt, gentle, intimate, neoclassical", "ambient:1 cinematic:.9 hiphop:.4 pop:.3", 0.25, 0.0, _font("musescore", 0, 8, cutoff=-1500), Envelope(), Effects(low_pass_hz=4_000)),
    _solo("piano_lofi", "Lo-fi Solo Piano", "keys", "piano, lofi, lo-fi, dusty, chillhop, tape", "hiphop:1 ambient:.4 trap:.3", 0.2, 0.03, _font("fluid", 0, side="left"), Envelope(), Effects(wow_cents=12, low_pass_hz=3_000)),
    _solo("rhodes_font", "Tine Solo", "keys", "rhodes, electric piano, tine, smooth, soul", "jazz:.8 funk:.8 hiphop:.7 house:.4", 0.4, 0.1, _font("fluid", 4)),
    _solo("clav_font", "Clav Riff", "keys", "clavinet, clav, funky, riff", "funk:1 hiphop:.3 pop:.2", 0.65, 0.4, _font("musescore", 7)),
    _solo("organ_font", "Organ Solo", "keys", "organ, hammond, solo, soul jazz", "jazz:.7 funk:.7 rock:.4", 0.5, 0.25, _font("fluid", 17, transpose=12)),
    _solo("harpsichord", "Harpsichord Solo", "keys", "harpsichord, baroque, bright, classical", "cinematic:.4 hiphop:.3 trap:.4", 0.75, 0.25, _font("musescore", 6)),
    _solo("guitar_nylon", "Nylon Lead", "guitar", "guitar, nylon, classical, spanish, latin, acoustic", "trap:.6 pop:.5 jazz:.6 ambient:.5 hiphop:.5 cinematic:.2", 0.4, 0.05, _font("musescore", 24)),
    _solo("guitar_steel", "Steel String Lead", "guitar", "guitar, steel, acoustic, folk, fingerpicked", "pop:.8 rock:.6 ambient:.3", 0.6, 0.12, _font("fluid", 25)),
    _solo("guitar_jazz", "Jazz Guitar Lead", "guitar", "guitar, jazz, hollow body, warm, octave", "jazz:1 hiphop:.6 funk:.3", 0.3, 0.05, _font("fluid", 26)),
    _solo("guitar_clean", "Clean Guitar Lead", "guitar", "guitar, clean, electric, indie, bright", "rock:.8 pop:.8 funk:.6 hiphop:.3", 0.55, 0.15, _font("fluid", 27)),
    _solo("guitar_overdrive", "Overdriven Lead", "guitar", "guitar, overdrive, blues, rock, solo, crunch", "rock:1 pop:.2 funk:.2", 0.65, 0.7, _font("fluid", 29)),
    _solo("guitar_distortion", "Distorted Lead", "guitar", "guitar, distortion, solo, shred, metal, heavy", "rock:1 synthwave:.3 cinematic:.1", 0.75, 0.95, _font("fluid", 30), Envelope(), Effects(drive=0.3)),
    _solo("guitar_muted", "Muted Guitar Riff", "guitar", "guitar, muted, riff, palm mute, funk, tight", "funk:.8 rock:.6 pop:.5 house:.3", 0.4, 0.25, _font("musescore", 28)),
    _solo("banjo", "Banjo", "guitar", "banjo, folk, country, bluegrass, twang", "pop:.2 rock:.2 hiphop:.15", 0.7, 0.15, _font("fluid", 105)),
    _solo("mandolin", "Mandolin", "guitar", "mandolin, folk, italian, bright, plucked", "pop:.2 rock:.2 cinematic:.3", 0.7, 0.1, _font("musescore", 25, 16)),
    _solo("violin", "Solo Violin", "strings", "violin, solo, strings, classical, emotional", "cinematic:1 pop:.3 ambient:.4 jazz:.15", 0.6, 0.2, _font("musescore", 40)),
    _solo("cello", "Solo Cello", "strings", "cello, solo, strings, warm, deep, emotional", "cinematic:1 ambient:.6", 0.4, 0.15, _font("fluid", 42)),
    _solo("strings_line", "String Line", "strings", "strings, section, melody, lush, orchestral", "cinematic:1 pop:.4 dnb:.3 hiphop:.3 house:.2", 0.5, 0.2, _font("musescore", 48)),
    _solo("strings_pizz", "Pizzicato Line", "strings", "pizzicato, strings, plucked, playful, sneaky", "cinematic:.8 trap:.4 hiphop:.3 pop:.2", 0.5, 0.08, _font("fluid", 45)),
    _solo("fiddle", "Fiddle", "strings", "fiddle, folk, violin, celtic, country", "rock:.15 pop:.15 cinematic:.3", 0.65, 0.25, _font("fluid", 110)),
    _solo("trumpet", "Trumpet", "brass_wind", "trumpet, brass, jazz, bright, solo", "jazz:1 funk:.7 hiphop:.4 pop:.3 cinematic:.4", 0.7, 0.4, _font("musescore", 56)),
    _solo("trumpet_muted", "Muted Trumpet", "brass_wind", "trumpet, muted, harmon, noir, miles, cool jazz", "jazz:1 hiphop:.5 trap:.15", 0.6, 0.2, _font("fluid", 59)),
    _solo("trombone", "Trombone Solo", "brass_wind", "trombone, brass, smooth, jazz", "jazz:.8 funk:.5 cinematic:.3", 0.5, 0.3, _font("musescore", 57)),
    _solo("flugel_horn", "French Horn Solo", "brass_wind", "french horn, horn, heroic, noble, orchestral", "cinematic:1 ambient:.2", 0.4, 0.25, _font("fluid", 60)),
    _solo("brass_riff", "Horn Riff", "brass_wind", "brass, section, riff, horns, punchy, funk", "funk:1 pop:.4 jazz:.4 hiphop:.3 house:.2", 0.65, 0.5, _font("musescore", 61)),
    _solo("sax_alto", "Alto Sax", "brass_wind", "sax, saxophone, alto, jazz, smooth, soulful", "jazz:1 funk:.6 synthwave:.4 pop:.3 house:.2", 0.6, 0.3, _font("musescore", 65)),
    _solo("sax_tenor", "Tenor Sax", "brass_wind", "sax, saxophone, tenor, jazz, breathy, warm", "jazz:1 funk:.6 synthwave:.5 hiphop:.3", 0.5, 0.3, _font("fluid", 66)),
    _solo("sax_soprano", "Soprano Sax", "brass_wind", "sax, soprano, smooth jazz, lyrical", "jazz:.8 pop:.3 ambient:.2", 0.6, 0.2, _font("musescore", 64)),
    _solo("clarinet", "Clarinet", "brass_wind", "clarinet, woodwind, jazz, klezmer, mellow", "jazz:.8 cinematic:.5 ambient:.2", 0.4, 0.08, _font("fluid", 71)),
    _solo("oboe", "Oboe", "brass_wind", "oboe, woodwind, pastoral, orchestral, plaintive", "cinematic:.8 ambient:.3", 0.55, 0.12, _font("musescore", 68)),
    _solo("flute", "Flute", "brass_wind", "flute, woodwind, airy, jazz flute, bright", "jazz:.7 trap:.5 cinematic:.5 ambient:.5 funk:.4 hiphop:.4 house:.2", 0.5, 0.05, _font("musescore", 73)),
    _solo("pan_flute", "Pan Flute", "brass_wind", "pan flute, breathy, world, andean, airy", "ambient:.7 cinematic:.5 trap:.5", 0.45, 0.05, _font("fluid", 75)),
    _solo("shakuhachi", "Shakuhachi", "brass_wind", "shakuhachi, japanese, bamboo, breathy, world", "cinematic:.7 ambient:.7 trap:.4 hiphop:.2", 0.45, 0.1, _font("musescore", 77)),
    _solo("recorder", "Recorder", "brass_wind", "recorder, ocarina, folk, medieval, simple", "cinematic:.4 ambient:.4 pop:.15", 0.5, 0.05, _font("fluid", 74)),
    _solo("harmonica", "Harmonica", "brass_wind", "harmonica, blues, western, folk, reedy", "rock:.4 cinematic:.3 hiphop:.2 jazz:.2", 0.65, 0.25, _font("musescore", 22)),
    _solo("vibraphone", "Vibraphone", "pluck", "vibraphone, vibes, mallets, jazz, cool, lounge", "jazz:1 hiphop:.6 ambient:.5 funk:.3 house:.2", 0.45, 0.03, _font("fluid", 11)),
    _solo("marimba", "Marimba", "pluck", "marimba, mallets, wooden, tropical, minimalism", "pop:.7 house:.6 ambient:.6 cinematic:.5 trap:.2", 0.4, 0.05, _font("musescore", 12)),
    _solo("xylophone", "Xylophone", "pluck", "xylophone, mallets, bright, playful, wooden", "cinematic:.5 pop:.3 ambient:.2", 0.75, 0.15, _font("fluid", 13)),
    _solo("glockenspiel", "Glockenspiel", "pluck", "glockenspiel, bells, bright, christmas, twinkling", "cinematic:.5 pop:.5 ambient:.5 trap:.3", 0.8, 0.03, Fm((Stack(1, 4, 0.35, 0.2, 0.0), Stack(4, 1, 0.2, 0.1, 0.0, 0.3, 0.12)), noise=0.05, noise_decay_s=0.004), Envelope(0.002, 0.5, 0.0, 0.3)),
    _solo("music_box", "Music Box", "pluck", "music box, lullaby, toy, delicate, creepy", "ambient:.6 cinematic:.5 trap:.6 hiphop:.5", 0.6, 0.02, _font("fluid", 10)),
    _solo("celesta", "Celesta Solo", "pluck", "celesta, magical, fairy, delicate, bells", "cinematic:.6 ambient:.6 trap:.3", 0.65, 0.02, _font("musescore", 8)),
    _solo("kalimba", "Kalimba", "pluck", "kalimba, thumb piano, african, plucked, calm", "ambient:.8 hiphop:.7 pop:.5 house:.4", 0.5, 0.03, _font("fluid", 108)),
    _solo("koto", "Koto", "pluck", "koto, japanese, asian, plucked, string", "trap:.6 cinematic:.6 hiphop:.5 ambient:.4", 0.6, 0.1, _font("musescore", 107)),
    _solo("sitar", "Sitar", "guitar", "sitar, indian, drone, world, psychedelic", "hiphop:.4 trap:.3 rock:.3 ambient:.4 cinematic:.3", 0.65, 0.2, _font("fluid", 104)),
    _solo("steel_drums", "Steel Drums", "pluck", "steel drums, caribbean, tropical, island, summer", "pop:.4 house:.4 hiphop:.3 trap:.2", 0.65, 0.1, _font("musescore", 114)),
    _solo("harp", "Harp Solo", "pluck", "harp, plucked, angelic, arpeggio, classical", "cinematic:.7 ambient:.8 trap:.3 hiphop:.3", 0.5, 0.02, _font("fluid", 46)),
    _solo("choir", "Choir Melody", "vox", "choir, voices, aah, epic, sacred", "cinematic:.9 ambient:.6 trap:.4", 0.45, 0.15, _font("musescore", 52)),
    _solo("ooh", "Ooh Voice", "vox", "ooh, voice, soft, humming, background", "ambient:.6 pop:.5 hiphop:.5 cinematic:.4", 0.3, 0.03, _font("musescore", 53)),
    _solo("solo_vox", "Solo Vox", "vox", "solo voice, soprano, synthetic, ethereal", "ambient:.5 cinematic:.5 trap:.3 house:.2", 0.45, 0.08, _font("fluid", 85)),
]

MELODIES: tuple[Patch, ...] = (*_LEADS, *_PLUCKS, *_FONTS)
