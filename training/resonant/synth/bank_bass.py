"""Basses: subtractive, FM and sub basses from our own synthesis; electric and acoustic basses from the soundfonts."""

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


def _bass(key: str, name: str, family: str, tags: str, weights: str, brightness: float, aggression: float, sound: Sound,
          envelope: Envelope = _ENVELOPE, effects: Effects = _DRY, width: float = 0.0, gain_db: float = 0.0) -> Patch:
    return Patch(id=f"bass.{key}", track="bass", name=name, family=family, tags=("bass", *tags.split(", ")), styles=styles(weights),
                 attributes=attributes(brightness, aggression), sound=sound, envelope=envelope, effects=effects, width=width,
                 gain_db=gain_db, mono=True)


def _sub(wave: str = "sine", cutoff: float = 900, **rest: float) -> Subtractive:
    return Subtractive(wave=wave, cutoff_hz=cutoff, keytrack=0.3, velocity_octaves=0.5, **rest)  # type: ignore[arg-type]


def _acid(wave: str, cutoff: float, resonance: float, octaves: float, decay: float, drive: float = 0.2) -> Subtractive:
    return Subtractive(wave=wave, cutoff_hz=cutoff, keytrack=0.2, resonance=resonance, poles=4, env_octaves=octaves,
                       filter_decay_s=decay, velocity_octaves=2.2, drive=drive)


def _reese(wave: str, voices: int, cents: float, cutoff: float, lfo: float, octaves: float, sub: float = 0.4, drive: float = 0.2) -> Subtractive:
    return Subtractive(wave=wave, voices=voices, detune_cents=cents, level2=sub, cutoff_hz=cutoff, keytrack=0.2, resonance=0.25,
                       poles=4, lfo_hz=lfo, lfo_octaves=octaves, velocity_octaves=0.6, drive=drive)


def _moog(wave: str = "saw", cutoff: float = 700, resonance: float = 0.3, octaves: float = 2.0, decay: float = 0.25, sub: float = 0.3,
          drive: float = 0.3, sustain: float = 0.2, poles: int = 4) -> Subtractive:
    return Subtractive(wave=wave, cutoff_hz=cutoff, keytrack=0.4, resonance=resonance, poles=poles, env_octaves=octaves, filter_decay_s=decay,
                       filter_sustain=sustain, velocity_octaves=1.2, level2=sub, wave2="square", drive=drive)


_HOLD = Envelope(0.003, 0.0, 1.0, 0.03)
_SHORT = Envelope(0.002, 0.18, 0.0, 0.02)
_PUNCH = Envelope(0.002, 0.3, 0.45, 0.03)
_GLIDE = Envelope(0.003, 0.0, 1.0, 0.025, glide_s=0.035)
_LONG = Envelope(0.004, 0.9, 0.2, 0.08, glide_s=0.03)
_S, _E, _A, _U = "bass_synth", "bass_electric", "bass_acoustic", "bass_sub"

_SUBS = [
    _bass("sub_sine", "Pure Sub", _U, "sub, sine, deep, clean, low", "dnb:1 trap:.7 house:.5 ambient:.6 techno:.4 hiphop:.5 pop:.3 cinematic:.4", 0.05, 0.1, _sub(), _HOLD),
    _bass("sub_warm", "Warm Sub", _U, "sub, warm, round, soft, triangle", "hiphop:.7 ambient:.7 house:.6 pop:.5 dnb:.5 cinematic:.3", 0.15, 0.1, _sub("triangle", 700), Envelope(0.006, 0.0, 1.0, 0.05)),
    _bass("sub_drive", "Driven Sub", _U, "sub, saturated, distorted, thick, heavy", "trap:.8 dnb:.8 techno:.6 hiphop:.4", 0.3, 0.6, _sub("sine", 1_500, drive=0.7), _HOLD, Effects(drive=0.15)),
    _bass("sub_pulse", "Pulse Sub", _U, "sub, square, hollow, low, grime", "dnb:.6 techno:.6 house:.5 trap:.4", 0.2, 0.3, _sub("hollow", 320), _PUNCH),
    _bass("808_long", "808 Long", _U, "808, long, boom, slide, trap, deep", "trap:1 hiphop:.8 pop:.2", 0.15, 0.35,
          _sub("sine", 1_200, pitch_env_semitones=14.0, pitch_env_s=0.018, drive=0.2), Envelope(0.002, 1.1, 0.0, 0.12, glide_s=0.05)),
    _bass("808_slide", "808 Slide", _U, "808, glide, slide, drill, portamento", "trap:1 hiphop:.5", 0.2, 0.5,
          _sub("sine", 1_600, pitch_env_semitones=10.0, pitch_env_s=0.02, drive=0.45), Envelope(0.002, 0.9, 0.1, 0.09, glide_s=0.09)),
    _bass("808_dirty", "808 Distorted", _U, "808, distorted, rage, clipped, phonk, aggressive", "trap:1 hiphop:.4 dnb:.2", 0.45, 0.95,
          _sub("sine", 3_500, pitch_env_semitones=16.0, pitch_env_s=0.015, drive=1.0), Envelope(0.002, 0.9, 0.1, 0.06, glide_s=0.04), Effects(drive=0.5)),
    _bass("808_short", "808 Punch", _U, "808, short, punchy, knock, tight", "trap:.9 hiphop:.8 pop:.5 house:.3", 0.2, 0.4,
          _sub("sine", 1_400, pitch_env_semitones=18.0, pitch_env_s=0.02, drive=0.25), Envelope(0.002, 0.28, 0.0, 0.05)),
    _bass("808_soft", "808 Velvet", _U, "808, soft, mellow, rnb, lofi, warm", "hiphop:.9 pop:.5 trap:.5 ambient:.3", 0.08, 0.1,
          _sub("sine", 600, pitch_env_semitones=6.0, pitch_env_s=0.025), Envelope(0.004, 0.8, 0.1, 0.1)),
    _bass("sub_organ", "Organ Sub", _U, "sub, organ, deep house, garage, round", "house:1 dnb:.5 funk:.2", 0.2, 0.15, _sub("organ_soft", 900), Envelope(0.002, 0.25, 0.6, 0.03)),
    _bass("sub_swell", "Drone Sub", _U, "sub, drone, swell, slow, dark, cinematic", "cinematic:1 ambient:1", 0.1, 0.2, _sub("soft", 260, lfo_hz=0.2, lfo_octaves=0.5), Envelope(0.15, 0.0, 1.0, 0.35)),
]

_SYNTHS = [
    _bass("acid_saw", "Acid Saw", _S, "acid, 303, saw, squelch, resonant, tb", "techno:1 house:.9 dnb:.2", 0.65, 0.6, _acid("saw", 380, 0.82, 3.4, 0.16), _GLIDE),
    _bass("acid_square", "Acid Square", _S, "acid, 303, square, hollow, squelchy, resonant", "techno:.9 house:.8", 0.6, 0.5, _acid("square", 330, 0.8, 3.2, 0.2), _GLIDE),
    _bass("acid_scream", "Screaming Acid", _S, "acid, 303, distorted, screaming, rave, hard", "techno:1 dnb:.2", 0.85, 0.95, _acid("saw", 600, 0.9, 3.8, 0.22, 0.6), _GLIDE, Effects(drive=0.5)),
    _bass("acid_low", "Muted Acid", _S, "acid, 303, dark, muted, deep, hypnotic", "techno:.8 house:.7 ambient:.2", 0.3, 0.25, _acid("saw", 260, 0.65, 2.2, 0.12, 0.0), _GLIDE),
    _bass("acid_pluck", "Acid Pluck", _S, "acid, plucky, short, bouncy, resonant", "house:.8 techno:.8 funk:.2 synthwave:.2", 0.6, 0.45, _acid("square", 420, 0.7, 3.6, 0.08, 0.1), _SHORT),
    _bass("reese_classic", "Classic Reese", _S, "reese, dnb, detuned, dark, movement, growl", "dnb:1 techno:.5 trap:.2", 0.4, 0.6, _reese("saw", 2, 18, 900, 0.25, 0.8), Envelope(0.004, 0.0, 1.0, 0.05)),
    _bass("reese_wide", "Wide Reese", _S, "reese, wide, thick, unison, detuned", "dnb:.9 techno:.5 synthwave:.3 cinematic:.3", 0.55, 0.65, _reese("saw", 5, 24, 1_600, 0.4, 0.9), Envelope(0.004, 0.0, 1.0, 0.06), width=0.2),
    _bass("reese_dark", "Night Reese", _S, "reese, dark, filtered, moody, liquid", "dnb:.9 techno:.4 ambient:.3 cinematic:.4", 0.2, 0.4, _reese("saw", 3, 12, 420, 0.18, 1.0, 0.6, 0.1), Envelope(0.01, 0.0, 1.0, 0.08)),
    _bass("reese_neuro", "Neuro Growl", _S, "neuro, growl, neurofunk, aggressive, talking, wobble", "dnb:1 techno:.3", 0.7, 1.0,
          Subtractive(wave="sync", position=0.3, position_lfo=0.28, voices=3, detune_cents=14, level2=0.5, cutoff_hz=1_500, resonance=0.55, poles=4,
                      lfo_hz=2.9, lfo_octaves=1.3, drive=0.7), Envelope(0.003, 0.0, 1.0, 0.03), Effects(drive=0.4)),
    _bass("reese_hollow", "Hollow Reese", _S, "reese, square, hollow, techno, rolling", "techno:.9 dnb:.6 house:.3", 0.4, 0.5, _reese("square", 2, 15, 700, 0.5, 0.6, 0.2), Envelope(0.003, 0.4, 0.5, 0.04)),
    _bass("wobble", "Wobble", _S, "wobble, dubstep, lfo, wub, heavy", "dnb:.9 trap:.4", 0.55, 0.9, _reese("saw", 3, 10, 700, 4.6, 1.9, 0.6, 0.5), _HOLD),
    _bass("moog_round", "Round Ladder", _S, "moog, warm, round, analog, fat, vintage", "funk:.9 synthwave:.7 pop:.6 hiphop:.5 house:.4", 0.35, 0.3, _moog(), _PUNCH),
    _bass("moog_bright", "Bright Ladder", _S, "moog, bright, punchy, analog, lead bass", "funk:.9 synthwave:.8 house:.4 pop:.4", 0.65, 0.5, _moog(cutoff=1_600, octaves=2.4), _PUNCH),
    _bass("moog_dark", "Dark Ladder", _S, "moog, dark, deep, analog, mellow", "hiphop:.7 house:.6 ambient:.4 funk:.5 cinematic:.3", 0.15, 0.15, _moog("triangle", 380, 0.2, 1.2, 0.3, 0.4, 0.1), Envelope(0.004, 0.6, 0.6, 0.05)),
    _bass("moog_funk", "Funk Worm", _S, "funk, synth funk, squelchy, p-funk, envelope filter, bouncy", "funk:1 hiphop:.5 house:.3", 0.55, 0.45, _moog("square", 500, 0.6, 3.0, 0.14, 0.4, 0.2, 0.1), Envelope(0.002, 0.35, 0.5, 0.03, glide_s=0.02)),
    _bass("analog_pluck", "Analog Pluck", _S, "pluck, short, analog, bouncy, plucky", "house:1 pop:.8 techno:.5 synthwave:.5 trap:.2", 0.5, 0.3, _moog(cutoff=500, octaves=3.2, decay=0.1, resonance=0.2, sustain=0.0), _SHORT),
    _bass("house_pluck", "Garage Pluck", _S, "garage, pluck, organ, uk, bouncy, short", "house:1 dnb:.3 pop:.3", 0.35, 0.3, _moog("hollow", 600, 0.2, 2.0, 0.09, 0.0, 0.0, 0.0), Envelope(0.002, 0.14, 0.0, 0.02)),
    _bass("disco_octave", "Disco Analog", _S, "disco, octave, italo, analog, sequenced", "house:.8 funk:.7 synthwave:.9 pop:.5", 0.5, 0.3, _moog("saw", 1_000, 0.15, 1.8, 0.14, 0.2, 0.1), Envelope(0.002, 0.22, 0.2, 0.025)),
    _bass("synthwave_saw", "Outrun Saw", _S, "synthwave, retrowave, outrun, saw, 80s, driving", "synthwave:1 pop:.3 techno:.2", 0.55, 0.45,
          Subtractive(wave="saw", voices=2, detune_cents=7, level2=0.4, wave2="square", cutoff_hz=1_100, poles=4, env_octaves=1.8, filter_decay_s=0.18, drive=0.2), Envelope(0.002, 0.4, 0.5, 0.03)),
    _bass("synthwave_dark", "Dark Drive", _S, "darksynth, driving, distorted, horror, 80s", "synthwave:1 techno:.4 cinematic:.2 rock:.1", 0.6, 0.85,
          Subtractive(wave="saw", voices=3, detune_cents=10, level2=0.5, wave2="square", cutoff_hz=1_800, poles=4, env_octaves=1.2, filter_decay_s=0.2, drive=0.5),
          Envelope(0.002, 0.5, 0.6, 0.03), Effects(drive=0.35)),
    _bass("square_chip", "Chip Bass", _S, "chiptune, 8bit, square, game, retro, nes", "synthwave:.5 pop:.3 dnb:.2 techno:.2", 0.6, 0.35, Subtractive(wave="square", cutoff_hz=9_000, velocity_octaves=0.3), Envelope(0.002, 0.0, 1.0, 0.01)),
    _bass("square_soft", "Soft Square", _S, "square, soft, mellow, simple, indie", "pop:.8 hiphop:.6 ambient:.4 house:.4", 0.25, 0.1, Subtractive(wave="square", cutoff_hz=550, keytrack=0.4, env_octaves=0.8), Envelope(0.004, 0.5, 0.6, 0.05)),
    _bass("pwm", "Pulse Width", _S, "pwm, pulse, analog, moving, 80s", "synthwave:.8 pop:.5 techno:.4 house:.3", 0.45, 0.3,
          Subtractive(wave="pulse", position=0.4, position_lfo=0.3, lfo_hz=0.7, cutoff_hz=1_300, poles=4, env_octaves=1.5), Envelope(0.003, 0.5, 0.6, 0.04)),
    _bass("sync", "Sync Bass", _S, "sync, sharp, aggressive, hard sync, digital", "techno:.7 dnb:.6 synthwave:.4", 0.75, 0.75,
          Subtractive(wave="sync", position=0.15, position_env=0.5, filter_decay_s=0.2, cutoff_hz=5_000, level2=0.5, drive=0.2), Envelope(0.002, 0.4, 0.4, 0.03)),
    _bass("techno_roll", "Rolling Sixteenths", _S, "techno, rolling, rumble, dark, sequenced, offbeat", "techno:1 house:.3 dnb:.2", 0.2, 0.5, _moog("saw", 240, 0.35, 1.4, 0.09, 0.5, 0.4, 0.0), Envelope(0.002, 0.14, 0.0, 0.02)),
    _bass("techno_drone", "Machine Drone", _S, "techno, drone, industrial, hypnotic, dark", "techno:.9 cinematic:.6 ambient:.5", 0.3, 0.6, _reese("square", 3, 8, 420, 0.12, 1.4, 0.3, 0.5), Envelope(0.02, 0.0, 1.0, 0.1)),
    _bass("trance_roll", "Trance Roller", _S, "trance, rolling, bright, edm, offbeat, saw", "techno:.7 house:.4 pop:.4", 0.6, 0.5, Subtractive(wave="saw", voices=3, detune_cents=9, cutoff_hz=900, poles=4, env_octaves=2.6, filter_decay_s=0.1, level2=0.4), Envelope(0.002, 0.2, 0.1, 0.02)),
    _bass("fm_solid", "Solid FM", _S, "fm, solid, dx, 80s, digital, lately", "house:.9 pop:.7 synthwave:.8 funk:.5", 0.5, 0.3, Fm((Stack(1, 1, 1.9, 0.18, 0.15), Stack(1, 2, 0.8, 0.3, 0.2, 0.5)), keytrack=-0.2), Envelope(0.002, 0.5, 0.3, 0.03)),
    _bass("fm_slap", "FM Slap", _S, "fm, slap, dx7, 80s, percussive, funky", "funk:1 pop:.7 synthwave:.7 house:.3", 0.7, 0.4, Fm((Stack(1, 2, 2.6, 0.09, 0.12), Stack(1, 5, 1.0, 0.03, 0.0, 0.4)), noise=0.1, noise_decay_s=0.01), Envelope(0.002, 0.45, 0.15, 0.025)),
    _bass("fm_growl", "FM Growl", _S, "fm, growl, metallic, aggressive, neuro", "dnb:1 techno:.5 trap:.2", 0.75, 0.95, Fm((Stack(1, 1, 3.6, 0.5, 0.6, 1.0, 0.0, 0.9), Stack(1, 2, 0.4, 1.0, 1.0, 0.6)), keytrack=-0.2), _HOLD, Effects(drive=0.4)),
    _bass("fm_hollow", "Hollow FM", _S, "fm, hollow, wooden, deep, minimal", "house:.8 techno:.8 ambient:.3", 0.35, 0.2, Fm((Stack(1, 2, 1.2, 0.15, 0.1),), keytrack=-0.2), Envelope(0.002, 0.3, 0.2, 0.03)),
    _bass("fm_rubber", "Rubber FM", _S, "fm, rubber, bouncy, garage, donk, short", "house:.9 dnb:.4 pop:.3", 0.5, 0.35, Fm((Stack(1, 1, 2.8, 0.06, 0.0),), keytrack=-0.2), Envelope(0.002, 0.2, 0.0, 0.02)),
    _bass("lofi_synth", "Cassette Bass", _S, "lofi, lo-fi, tape, wobbly, warm, dusty", "hiphop:1 ambient:.5 pop:.3", 0.2, 0.1, _moog("triangle", 500, 0.1, 1.0, 0.2, 0.2, 0.2), Envelope(0.004, 0.7, 0.3, 0.06), Effects(wow_cents=8, low_pass_hz=3_500)),
    _bass("vocal_bass", "Talking Bass", _S, "vocal, talkbox, formant, talking, funky", "funk:.7 dnb:.4 house:.4 trap:.2", 0.55, 0.5, Subtractive(wave="saw", cutoff_hz=4_000, position=0.0, env_octaves=0.5), Envelope(0.003, 0.0, 1.0, 0.03), Effects(formant="ah", formant_mix=0.7)),
    _bass("saw_raw", "Raw Saw", _S, "saw, raw, buzzy, simple, electro, electroclash", "techno:.6 synthwave:.6 house:.4 rock:.2", 0.75, 0.6, Subtractive(wave="saw", cutoff_hz=5_000, level2=0.3), _HOLD),
    _bass("arp_80s", "Sequencer Bass", _S, "sequencer, arpeggio, 80s, tight, synthpop, krautrock", "synthwave:1 techno:.5 pop:.5 ambient:.2", 0.5, 0.25, Subtractive(wave="pulse", position=0.3, cutoff_hz=700, poles=4, env_octaves=2.4, filter_decay_s=0.12, resonance=0.3), Envelope(0.002, 0.16, 0.05, 0.02)),
]


def _font(font: str, program: int, bank: int = 0, cutoff: float = 0.0, release: float = 0.0, attack: float = 0.0, side: str = "mid") -> Font:
    generators = tuple((g, v) for g, v in ((FILTER_CUTOFF, cutoff), (RELEASE, release), (ATTACK, attack)) if v)
    return Font(font, program, bank, generators, side)


_FONTS = [
    _bass("finger_a", "Finger Bass", _E, "finger, fingered, electric, clean, warm, p-bass", "rock:.7 pop:.9 funk:.8 hiphop:.5 jazz:.3 house:.3", 0.4, 0.25, _font("fluid", 33)),
    _bass("finger_b", "Studio Finger Bass", _E, "finger, fingered, electric, studio, round", "pop:.9 funk:.8 rock:.6 jazz:.3 hiphop:.4", 0.4, 0.25, _font("musescore", 33)),
    _bass("finger_dark", "Motown Bass", _E, "motown, soul, flatwound, dark, vintage, muted", "funk:.9 pop:.6 hiphop:.7 jazz:.4", 0.2, 0.15, _font("fluid", 33, cutoff=-1800), Envelope(), Effects(low_pass_hz=1_800)),
    _bass("finger_drive", "Overdriven Bass", _E, "overdriven, dirty, rock, grit, amp", "rock:1 dnb:.1", 0.6, 0.8, _font("fluid", 33), Envelope(), Effects(drive=0.6)),
    _bass("pick_a", "Picked Bass", _E, "pick, picked, rock, punk, bright, attack", "rock:1 pop:.7 synthwave:.2", 0.6, 0.5, _font("fluid", 34)),
    _bass("pick_b", "Indie Pick Bass", _E, "pick, picked, indie, electric, alternative", "rock:1 pop:.7", 0.55, 0.45, _font("musescore", 34)),
    _bass("pick_metal", "Metal Pick Bass", _E, "metal, pick, distorted, aggressive, heavy", "rock:1 cinematic:.1", 0.75, 0.95, _font("musescore", 34), Envelope(), Effects(drive=0.9, tilt_db=3)),
    _bass("slap_a", "Slap Bass", _E, "slap, funky, bright, percussive, pop", "funk:1 pop:.4 house:.3", 0.75, 0.5, _font("fluid", 36)),
    _bass("slap_b", "Thumb Bass", _E, "slap, thumb, funk, groove, snappy", "funk:1 pop:.4 hiphop:.2", 0.7, 0.5, _font("musescore", 37)),
    _bass("pop_bass", "Popping Bass", _E, "pop, slap, fingers, disco, snappy", "funk:1 house:.5 pop:.5", 0.65, 0.4, _font("fluid", 37)),
    _bass("fretless_a", "Fretless Bass", _E, "fretless, smooth, singing, fusion, mwah", "jazz:.8 ambient:.5 pop:.4 funk:.4 cinematic:.2", 0.35, 0.1, _font("fluid", 35)),
    _bass("fretless_b", "Mellow Fretless", _E, "fretless, mellow, ballad, smooth, soft", "jazz:.7 ambient:.6 pop:.4", 0.25, 0.05, _font("musescore", 35, cutoff=-1200)),
    _bass("lofi_electric", "Dusty Bass", _E, "lofi, lo-fi, dusty, boom bap, sampled, muffled", "hiphop:1 jazz:.2 ambient:.3", 0.15, 0.2, _font("musescore", 33, cutoff=-2400), Envelope(), Effects(low_pass_hz=1_200, drive=0.15)),
    _bass("upright_a", "Upright Bass", _A, "upright, double bass, acoustic, jazz, woody, walking", "jazz:1 hiphop:.5 funk:.15 pop:.15", 0.35, 0.1, _font("fluid", 32)),
    _bass("upright_b", "Club Upright", _A, "upright, double bass, jazz club, woody, warm", "jazz:1 hiphop:.5 cinematic:.15", 0.35, 0.1, _font("musescore", 32)),
    _bass("upright_dark", "Smoky Upright", _A, "upright, double bass, dark, smoky, muted, trip hop", "jazz:.8 hiphop:.9 ambient:.3 cinematic:.2", 0.15, 0.1, _font("fluid", 32, cutoff=-1500), Envelope(), Effects(low_pass_hz=1_400)),
    _bass("upright_rockabilly", "Slap Upright", _A, "upright, slap, rockabilly, percussive, swing", "jazz:.6 rock:.5 pop:.2", 0.55, 0.35, _font("musescore", 32), Envelope(), Effects(drive=0.3, tilt_db=4)),
    _bass("contrabass_a", "Contrabass Arco", _A, "contrabass, arco, bowed, orchestral, cinematic, strings", "cinematic:1 ambient:.4 jazz:.1", 0.3, 0.3, _font("fluid", 43)),
    _bass("contrabass_b", "Dark Contrabass", _A, "contrabass, bowed, dark, low, tension", "cinematic:1 ambient:.4", 0.2, 0.35, _font("musescore", 43, cutoff=-900)),
    _bass("cello_bass", "Cello Section Low", _A, "cello, bowed, low strings, cinematic, legato", "cinematic:1 ambient:.3 pop:.1", 0.35, 0.25, _font("musescore", 42)),
    _bass("tuba", "Tuba", _A, "tuba, brass, oompah, march, low brass", "cinematic:.5 jazz:.4 hiphop:.2 funk:.2", 0.3, 0.3, _font("fluid", 58)),
    _bass("pizz_low", "Low Pizzicato", _A, "pizzicato, plucked, orchestral, playful, low strings", "cinematic:.8 ambient:.3 jazz:.2", 0.35, 0.15, _font("fluid", 45)),
    _bass("gm_synth_1", "Workstation Synth Bass", _S, "synth bass, 90s, workstation, resonant, gm", "pop:.5 house:.5 synthwave:.5 funk:.4", 0.5, 0.35, _font("fluid", 38)),
    _bass("gm_synth_2", "Rubber Workstation", _S, "synth bass, rubber, 90s, fm, gm", "pop:.5 house:.5 synthwave:.5 techno:.3", 0.45, 0.35, _font("musescore", 39)),
]

BASSES: tuple[Patch, ...] = (*_SUBS, *_SYNTHS, *_FONTS)
