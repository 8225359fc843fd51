"""Drum kits: analogue and digital machines from our own synthesis, acoustic kits from the soundfonts."""

# One patch per line is easier to read here than wrapped calls.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from dataclasses import replace

from resonant.synth.drums import Hit
from resonant.synth.effects import Effects
from resonant.synth.model import FontKit, Patch, SynthKit
from resonant.synth.words import attributes, styles

_DRY = Effects()


def _tom(hz: float, decay: float, ratio: float = 1.6, noise: float = 0.05, drive: float = 0.1) -> Hit:
    return Hit(body=0.8, hz=hz, start_ratio=ratio, sweep_s=0.03, decay_s=decay, noise=noise, noise_decay_s=0.03,
               noise_high_hz=4_000, drive=drive, level=0.8)


def _cymbals(base_hz: float, crash_s: float, noise: float) -> dict[str, Hit]:
    return {
        "crash": Hit(metal=0.5, metal_hz=base_hz * 0.83, metal_decay_s=crash_s, metal_high_pass_hz=3_500, noise=noise,
                     noise_low_hz=3_000, noise_decay_s=crash_s, level=0.55),
        "ride": Hit(metal=0.55, metal_hz=base_hz * 1.31, metal_decay_s=crash_s * 0.55, metal_high_pass_hz=5_500, noise=noise * 0.3,
                    noise_low_hz=6_000, noise_decay_s=crash_s * 0.3, click=0.3, click_hz=9_000, level=0.4),
    }


def _machine_808(tune: float = 1.0, kick_s: float = 0.35, snap: float = 0.5, drive: float = 0.0, hat_s: float = 0.04,
                 kick_hz: float = 48.0, sweep: float = 2.6) -> dict[str, Hit]:
    return {
        "kick": Hit(body=1.0, hz=kick_hz * tune, start_ratio=sweep, sweep_s=0.018, decay_s=kick_s, click=0.12, click_hz=3_000, drive=drive),
        "snare": Hit(body=0.5, hz=178 * tune, start_ratio=1.25, sweep_s=0.012, decay_s=0.07, body2=0.3, hz2=331 * tune, decay2_s=0.045,
                     noise=snap, noise_low_hz=1_600, noise_high_hz=11_000, noise_decay_s=0.075, drive=drive, level=0.85),
        "clap": Hit(noise=1.3, bursts=4, burst_gap_s=0.0105, noise_low_hz=650, noise_high_hz=2_600, noise_q=1.3, noise_decay_s=0.085, level=0.8),
        "rim": Hit(body=0.4, hz=1_670 * tune, decay_s=0.012, body2=0.35, hz2=455 * tune, decay2_s=0.014, click=0.4, click_hz=6_000, level=0.6),
        "closed_hat": Hit(metal=0.9, metal_hz=412 * tune, metal_decay_s=hat_s, metal_high_pass_hz=8_000, level=0.42),
        "open_hat": Hit(metal=0.9, metal_hz=412 * tune, metal_decay_s=0.28, metal_high_pass_hz=7_500, level=0.4),
        "low_tom": _tom(88 * tune, 0.22),
        "high_tom": _tom(148 * tune, 0.16),
        **_cymbals(390 * tune, 0.75, 0.15),
        "shaker": Hit(noise=0.8, noise_attack_s=0.012, noise_low_hz=5_200, noise_high_hz=14_000, noise_decay_s=0.03, level=0.35),
        "perc": Hit(body=0.45, hz=540 * tune, decay_s=0.13, body2=0.45, hz2=800 * tune, decay2_s=0.09, square=1.0,
                    low_pass_hz=5_000, level=0.4),
    }


def _machine_909(tune: float = 1.0, kick_s: float = 0.19, attack: float = 0.35, drive: float = 0.15, snap: float = 0.7,
                 hat_s: float = 0.05, kick_hz: float = 51.0, sweep: float = 4.6) -> dict[str, Hit]:
    return {
        "kick": Hit(body=1.0, hz=kick_hz * tune, start_ratio=sweep, sweep_s=0.03, decay_s=kick_s, triangle=0.3, click=attack,
                    click_hz=5_000, click_decay_s=0.003, drive=drive),
        "snare": Hit(body=0.55, hz=187 * tune, start_ratio=1.8, sweep_s=0.02, decay_s=0.08, body2=0.3, hz2=286 * tune, decay2_s=0.06,
                     noise=snap, noise_low_hz=900, noise_high_hz=13_000, noise_decay_s=0.11, click=0.2, level=0.8),
        "clap": Hit(noise=1.4, bursts=4, burst_gap_s=0.0095, noise_low_hz=800, noise_high_hz=4_200, noise_q=1.0, noise_decay_s=0.1, level=0.75),
        "rim": Hit(body=0.6, hz=498 * tune, decay_s=0.012, body2=0.5, hz2=221 * tune, decay2_s=0.016, click=0.5, click_hz=9_000, drive=0.3, level=0.55),
        "closed_hat": Hit(metal=0.55, metal_hz=540 * tune, metal_decay_s=hat_s, metal_high_pass_hz=7_000, noise=0.45, noise_low_hz=7_500,
                          noise_decay_s=hat_s, level=0.5),
        "open_hat": Hit(metal=0.55, metal_hz=540 * tune, metal_decay_s=0.22, metal_high_pass_hz=6_500, noise=0.45, noise_low_hz=7_000,
                        noise_decay_s=0.24, level=0.45),
        "low_tom": _tom(98 * tune, 0.2, 2.0, 0.12, 0.2),
        "high_tom": _tom(172 * tune, 0.15, 2.0, 0.12, 0.2),
        **_cymbals(520 * tune, 0.9, 0.4),
        "shaker": Hit(noise=0.7, noise_attack_s=0.008, noise_low_hz=6_500, noise_decay_s=0.026, level=0.38),
        "perc": Hit(body=0.7, hz=392 * tune, start_ratio=1.3, sweep_s=0.01, decay_s=0.07, click=0.2, level=0.5),
    }


def _machine_606(tune: float = 1.0, tone: float = 1.0) -> dict[str, Hit]:
    """Small preset rhythm boxes of the seventies: soft kick, ticking hats, dark snare."""
    return {
        "kick": Hit(body=1.0, hz=62 * tune, start_ratio=1.7, sweep_s=0.012, decay_s=0.11, click=0.1),
        "snare": Hit(body=0.35, hz=205 * tune, decay_s=0.04, noise=0.55, noise_low_hz=2_200, noise_high_hz=9_000 * tone, noise_decay_s=0.06, level=0.75),
        "clap": Hit(noise=1.0, bursts=3, burst_gap_s=0.012, noise_low_hz=1_000, noise_high_hz=3_200 * tone, noise_decay_s=0.06, level=0.7),
        "rim": Hit(body=0.5, hz=1_050 * tune, decay_s=0.014, body2=0.3, hz2=2_300 * tune, decay2_s=0.008, level=0.5),
        "closed_hat": Hit(metal=0.8, metal_hz=620 * tune, metal_decay_s=0.022, metal_high_pass_hz=9_000, low_pass_hz=15_000 * tone, level=0.4),
        "open_hat": Hit(metal=0.8, metal_hz=620 * tune, metal_decay_s=0.13, metal_high_pass_hz=8_500, low_pass_hz=15_000 * tone, level=0.36),
        "low_tom": _tom(112 * tune, 0.13, 1.2, 0.02, 0.0),
        "high_tom": _tom(186 * tune, 0.1, 1.2, 0.02, 0.0),
        **_cymbals(600 * tune, 0.4, 0.2),
        "shaker": Hit(noise=0.6, noise_attack_s=0.004, noise_low_hz=6_000, noise_decay_s=0.018, level=0.35),
        "perc": Hit(body=0.7, hz=820 * tune, decay_s=0.035, level=0.45),
    }


def _machine_linn(tune: float = 1.0, gate: float = 1.0, tone: float = 12_000) -> dict[str, Hit]:
    """Early sampled machines and Simmons-like pads: dry, punchy, slightly gritty."""
    return {
        "kick": Hit(body=1.0, hz=66 * tune, start_ratio=2.4, sweep_s=0.014, decay_s=0.09 * gate, noise=0.1, noise_high_hz=2_500,
                    noise_decay_s=0.02, click=0.4, click_hz=3_500, low_pass_hz=tone, crush=1.4),
        "snare": Hit(body=0.6, hz=192 * tune, start_ratio=1.4, sweep_s=0.02, decay_s=0.09 * gate, noise=0.9, noise_low_hz=400, noise_high_hz=9_000,
                     noise_decay_s=0.12 * gate, drive=0.2, low_pass_hz=tone, crush=1.5, level=0.75),
        "clap": Hit(noise=1.4, bursts=5, burst_gap_s=0.008, noise_low_hz=900, noise_high_hz=5_000, noise_decay_s=0.09 * gate, low_pass_hz=tone, level=0.7),
        "rim": Hit(body=0.6, hz=820 * tune, decay_s=0.014, click=0.5, low_pass_hz=tone, level=0.6),
        "closed_hat": Hit(noise=0.9, noise_low_hz=7_000, noise_high_hz=15_000, noise_decay_s=0.03, metal=0.2, metal_hz=730 * tune,
                          metal_decay_s=0.03, crush=1.4, level=0.45),
        "open_hat": Hit(noise=0.9, noise_low_hz=6_500, noise_high_hz=15_000, noise_decay_s=0.16, metal=0.2, metal_hz=730 * tune,
                        metal_decay_s=0.16, crush=1.4, level=0.4),
        "low_tom": _tom(94 * tune, 0.2 * gate, 2.6, 0.1, 0.15),
        "high_tom": _tom(160 * tune, 0.17 * gate, 2.6, 0.1, 0.15),
        **_cymbals(560 * tune, 0.7, 0.5),
        "shaker": Hit(noise=0.8, noise_attack_s=0.01, noise_low_hz=4_500, noise_high_hz=12_000, noise_decay_s=0.03, level=0.4),
        "perc": Hit(body=0.5, hz=562 * tune, decay_s=0.08, body2=0.5, hz2=845 * tune, decay2_s=0.07, square=1.0, low_pass_hz=6_000, level=0.38),
    }


def _machine_acoustic(tune: float = 1.0, tone: float = 11_000, ring: float = 1.0, rattle: float = 0.8) -> dict[str, Hit]:
    """Modelled studio kit: membrane bodies with short sweeps, broadband noise."""
    return {
        "kick": Hit(body=1.0, hz=58 * tune, start_ratio=1.9, sweep_s=0.011, decay_s=0.12 * ring, noise=0.25, noise_high_hz=1_800, noise_low_hz=60,
                    noise_decay_s=0.025, click=0.5, click_hz=4_500, click_decay_s=0.003, low_pass_hz=tone),
        "snare": Hit(body=0.6, hz=196 * tune, start_ratio=1.15, sweep_s=0.01, decay_s=0.07 * ring, body2=0.25, hz2=352 * tune, decay2_s=0.05 * ring,
                     noise=rattle, noise_low_hz=600, noise_high_hz=tone, noise_decay_s=0.1 * ring, click=0.4, level=0.8),
        "clap": Hit(noise=1.3, bursts=3, burst_gap_s=0.007, noise_low_hz=700, noise_high_hz=6_000, noise_decay_s=0.05, level=0.75),
        "rim": Hit(body=0.5, hz=1_320 * tune, decay_s=0.012, body2=0.4, hz2=390 * tune, decay2_s=0.03, click=0.5, level=0.6),
        "closed_hat": Hit(noise=0.6, noise_low_hz=6_000, noise_high_hz=15_000, noise_decay_s=0.035, metal=0.4, metal_hz=683 * tune,
                          metal_decay_s=0.04, metal_high_pass_hz=5_500, level=0.42),
        "open_hat": Hit(noise=0.6, noise_low_hz=5_000, noise_high_hz=15_000, noise_decay_s=0.3, metal=0.4, metal_hz=683 * tune,
                        metal_decay_s=0.32, metal_high_pass_hz=5_000, level=0.38),
        "low_tom": _tom(86 * tune, 0.24 * ring, 1.35, 0.15, 0.05),
        "high_tom": _tom(142 * tune, 0.18 * ring, 1.35, 0.15, 0.05),
        **_cymbals(470 * tune, 1.1, 0.5),
        "shaker": Hit(noise=0.8, noise_attack_s=0.014, noise_low_hz=4_500, noise_high_hz=13_000, noise_decay_s=0.03, level=0.4),
        "perc": Hit(body=0.8, hz=310 * tune, start_ratio=1.15, sweep_s=0.01, decay_s=0.09, click=0.3, level=0.55),
    }


def _machine_hard(kick_hz: float, drive: float, kick_s: float, sweep: float, metal: float = 0.5, tail: float = 0.0) -> dict[str, Hit]:
    """Distorted kicks, dense hats, industrial percussion."""
    return {
        "kick": Hit(body=1.0, hz=kick_hz, start_ratio=sweep, sweep_s=0.022, decay_s=kick_s, noise=tail, noise_high_hz=900, noise_low_hz=60,
                    noise_decay_s=kick_s * 0.8, click=0.6, click_hz=6_000, drive=drive, level=0.9),
        "snare": Hit(body=0.5, hz=232, start_ratio=1.6, sweep_s=0.015, decay_s=0.07, noise=1.1, noise_low_hz=900, noise_high_hz=12_000,
                     noise_decay_s=0.09, drive=drive * 0.8, level=0.7),
        "clap": Hit(noise=1.5, bursts=4, burst_gap_s=0.009, noise_low_hz=900, noise_high_hz=5_500, noise_decay_s=0.07, drive=drive * 0.6, level=0.7),
        "rim": Hit(body=0.8, hz=690, decay_s=0.014, body2=0.6, hz2=1_730, decay2_s=0.01, click=0.6, drive=drive, level=0.55),
        "closed_hat": Hit(metal=metal, metal_hz=590, metal_decay_s=0.032, metal_high_pass_hz=7_500, noise=0.6, noise_low_hz=8_000,
                          noise_decay_s=0.035, drive=drive * 0.5, level=0.5),
        "open_hat": Hit(metal=metal, metal_hz=590, metal_decay_s=0.17, metal_high_pass_hz=7_000, noise=0.6, noise_low_hz=7_000,
                        noise_decay_s=0.2, drive=drive * 0.5, level=0.45),
        "low_tom": _tom(74, 0.2, 2.2, 0.2, drive),
        "high_tom": _tom(128, 0.16, 2.2, 0.2, drive),
        **_cymbals(480, 0.8, 0.5),
        "shaker": Hit(noise=0.9, noise_attack_s=0.006, noise_low_hz=7_000, noise_decay_s=0.025, drive=drive * 0.4, level=0.4),
        "perc": Hit(body=0.7, hz=415, start_ratio=1.8, sweep_s=0.02, decay_s=0.08, metal=0.2, metal_hz=310, metal_decay_s=0.05,
                    metal_high_pass_hz=1_500, drive=drive, level=0.5),
    }


def _change(hits: dict[str, Hit], **changes: dict[str, float]) -> dict[str, Hit]:
    return {name: replace(hit, **changes.get(name, {}), **changes.get("all", {})) for name, hit in hits.items()}


def _kit(key: str, name: str, family: str, tags: str, weights: str, brightness: float, aggression: float,
         hits: dict[str, Hit], effects: Effects = _DRY, width: float = 0.25) -> Patch:
    return Patch(id=f"drums.{key}", track="drums", name=name, family=family, tags=tuple(tags.split(", ")), styles=styles(weights),
                 attributes=attributes(brightness, aggression), sound=SynthKit(hits), effects=effects, width=width)


def _font_kit(key: str, name: str, tags: str, weights: str, brightness: float, aggression: float, sound: FontKit,
              effects: Effects = _DRY, family: str = "kit_acoustic", width: float = 0.35) -> Patch:
    return Patch(id=f"drums.{key}", track="drums", name=name, family=family, tags=tuple(tags.split(", ")), styles=styles(weights),
                 attributes=attributes(brightness, aggression), sound=sound, effects=effects, width=width)


_808, _909, _606, _LINN, _MODEL, _HARD = (
    _machine_808, _machine_909, _machine_606, _machine_linn, _machine_acoustic, _machine_hard)

_EIGHT = [
    _kit("808_classic", "Classic 808", "kit_808", "808, analog, boom, drum machine, classic", "hiphop:1 trap:1 house:.5 pop:.5 funk:.3", 0.5, 0.3, _808()),
    _kit("808_deep", "Deep 808", "kit_808", "808, deep, sub kick, long, boomy, dark", "trap:1 hiphop:.8 ambient:.2", 0.35, 0.3, _808(0.9, 0.55, 0.4, kick_hz=44)),
    _kit("808_hard", "Hard 808", "kit_808", "808, distorted, hard, rage, drill, aggressive", "trap:1 hiphop:.6 dnb:.2", 0.6, 0.85, _808(1.0, 0.4, 0.7, 0.5)),
    _kit("808_tight", "Tight 808", "kit_808", "808, tight, short, dry, snappy", "trap:.8 pop:.8 hiphop:.6 house:.4", 0.6, 0.4, _808(1.05, 0.16, 0.6, 0.1, 0.03)),
    _kit("808_soft", "Soft 808", "kit_808", "808, soft, mellow, rnb, warm", "hiphop:.8 pop:.6 ambient:.3 trap:.4", 0.3, 0.1, _808(0.95, 0.3, 0.35, 0.0, 0.03), Effects(low_pass_hz=8_000)),
    _kit("808_trap_knock", "Trap Knock", "kit_808", "808, trap, knock, crisp, hats, modern", "trap:1 hiphop:.5 pop:.3", 0.75, 0.6,
         _change(_808(1.0, 0.26, 0.9, 0.25, 0.022, 54, 5.0), snare={"noise_decay_s": 0.12, "noise": 1.1}, clap={"noise_high_hz": 5_000})),
    _kit("808_miami", "Miami Bass Box", "kit_808", "808, electro, miami, cowbell, retro", "funk:.6 hiphop:.6 synthwave:.4 techno:.3", 0.65, 0.4, _808(1.12, 0.45, 0.7, 0.1, 0.05)),
    _kit("808_detroit", "Detroit 808", "kit_808", "808, detroit, techno, electro, machine", "techno:1 house:.5", 0.6, 0.4, _808(1.0, 0.22, 0.5, 0.15, 0.045, 52, 3.4)),
    _kit("808_lofi", "Lo-fi 808", "kit_808", "808, lofi, lo-fi, dusty, cassette, crushed", "hiphop:1 trap:.4 ambient:.3", 0.3, 0.25, _change(_808(0.96, 0.25, 0.5, 0.1), all={"crush": 2.6, "low_pass_hz": 7_500.0})),
    _kit("808_phonk", "Phonk 808", "kit_808", "808, phonk, cowbell, memphis, drift, distorted", "trap:1 hiphop:.5", 0.55, 0.9,
         _change(_808(1.03, 0.35, 0.8, 0.7), perc={"level": 0.6, "drive": 0.5}), Effects(drive=0.12)),
    _kit("808_ambient", "Slow Pulse 808", "kit_808", "808, ambient, soft, muffled, slow, minimal", "ambient:1 cinematic:.4 hiphop:.3", 0.2, 0.05, _808(0.85, 0.5, 0.25), Effects(low_pass_hz=4_500, room=0.25, room_s=0.4)),
    _kit("808_rnb", "Silk 808", "kit_808", "808, rnb, silky, smooth, clean, pop", "pop:.9 hiphop:.7 trap:.5 house:.2", 0.55, 0.2, _change(_808(1.0, 0.28, 0.45), clap={"noise_decay_s": 0.14})),
]

_ELECTRONIC = [
    _kit("909_classic", "Classic 909", "kit_electronic", "909, house, techno, analog, drum machine, classic", "house:1 techno:1 pop:.3 funk:.2", 0.6, 0.45, _909()),
    _kit("909_warm", "Warm 909", "kit_electronic", "909, warm, deep house, round, soft", "house:1 funk:.3 pop:.3", 0.4, 0.25, _909(0.95, 0.22, 0.2, 0.1, 0.5), Effects(low_pass_hz=10_000)),
    _kit("909_driven", "Driven 909", "kit_electronic", "909, overdriven, peak time, warehouse, dirty", "techno:1 house:.3 dnb:.2", 0.65, 0.8, _909(1.0, 0.2, 0.5, 0.6), Effects(drive=0.15)),
    _kit("909_minimal", "Minimal 909", "kit_electronic", "909, minimal, dry, tight, clicky", "techno:.8 house:.8", 0.55, 0.3, _909(1.08, 0.11, 0.5, 0.05, 0.5, 0.03)),
    _kit("909_acid", "Acid House 909", "kit_electronic", "909, acid house, rave, chicago, raw", "house:.9 techno:.8", 0.7, 0.6, _909(1.05, 0.17, 0.45, 0.3, 0.9, 0.06)),
    _kit("909_trance", "Trance 909", "kit_electronic", "909, trance, bright, punchy, festival, edm", "house:.5 techno:.6 pop:.5 synthwave:.3", 0.8, 0.6, _909(1.02, 0.16, 0.7, 0.25, 0.9, 0.05, 50, 6.5)),
    _kit("techno_hard", "Hard Techno", "kit_electronic", "hard techno, distorted kick, industrial, pounding, dark, aggressive", "techno:1", 0.6, 0.95, _HARD(47, 0.8, 0.24, 6.0), Effects(drive=0.2)),
    _kit("techno_rumble", "Rumble Techno", "kit_electronic", "techno, rumble, dark, warehouse, deep", "techno:1", 0.35, 0.7, _HARD(45, 0.5, 0.3, 4.5, 0.4, 0.5), Effects(room=0.2, room_s=0.35)),
    _kit("techno_minimal", "Minimal Clicks", "kit_electronic", "minimal, microhouse, clicks, glitch, dry", "techno:.8 house:.6 ambient:.4", 0.6, 0.15, _606(1.1)),
    _kit("techno_industrial", "Industrial Works", "kit_electronic", "industrial, metal, noise, harsh, ebm", "techno:.9 cinematic:.3 dnb:.3", 0.65, 1.0, _change(_HARD(52, 0.9, 0.18, 5.0, 0.9, 0.3), all={"crush": 1.8})),
    _kit("techno_dub", "Dub Techno", "kit_electronic", "dub techno, deep, soft, hypnotic, muffled", "techno:.9 ambient:.5 house:.4", 0.25, 0.15, _909(0.92, 0.2, 0.1, 0.05, 0.3), Effects(low_pass_hz=5_500, room=0.2, room_s=0.4)),
    _kit("techno_peak", "Peak Time", "kit_electronic", "techno, peak time, big kick, rave, driving", "techno:1 house:.2", 0.7, 0.75, _HARD(49, 0.45, 0.21, 7.0, 0.5)),
    _kit("house_deep", "Deep House", "kit_electronic", "deep house, soft, round, shaker, warm", "house:1 funk:.2", 0.45, 0.2, _change(_909(0.97, 0.17, 0.2, 0.05, 0.45), clap={"noise_high_hz": 3_000}, kick={"start_ratio": 3.0})),
    _kit("house_tech", "Tech House", "kit_electronic", "tech house, punchy, groovy, tight, club", "house:1 techno:.6", 0.65, 0.5, _909(1.03, 0.14, 0.6, 0.3, 0.6, 0.035, 53)),
    _kit("house_french", "French Filter", "kit_electronic", "french house, disco, filtered, pumping, compressed", "house:1 funk:.6 pop:.4", 0.6, 0.45, _LINN(1.02, 1.2, 14_000), Effects(drive=0.25, tilt_db=-3)),
    _kit("house_garage", "Garage Swing", "kit_electronic", "uk garage, 2-step, swing, crisp, rim", "house:.9 dnb:.3 hiphop:.2", 0.65, 0.35, _change(_909(1.1, 0.12, 0.5, 0.1, 0.6, 0.028), rim={"level": 0.85})),
    _kit("606_box", "Rhythm Box", "kit_electronic", "606, rhythm box, vintage, preset, analog, small", "funk:.5 ambient:.4 hiphop:.3 techno:.3 synthwave:.3 jazz:.15", 0.5, 0.1, _606()),
    _kit("606_dusty", "Dusty Rhythm Box", "kit_electronic", "cr78, vintage, dusty, soft, bossa, organ drums", "ambient:.6 hiphop:.5 pop:.3 jazz:.2", 0.3, 0.05, _606(0.92, 0.55), Effects(low_pass_hz=6_000)),
    _kit("606_acid", "Silver Box", "kit_electronic", "606, acid, tinny, fast, electro", "techno:.7 house:.4 funk:.3", 0.75, 0.35, _change(_606(1.15, 1.3), kick={"drive": 0.3})),
    _kit("linn_classic", "Eighties Sampler", "kit_electronic", "linn, 80s, sampled, pop, prince, dry", "pop:.8 funk:.8 synthwave:.9", 0.6, 0.35, _LINN()),
    _kit("linn_gated", "Gated Eighties", "kit_electronic", "gated reverb, 80s, big snare, synthwave, retrowave, outrun", "synthwave:1 pop:.6 rock:.3 cinematic:.3", 0.6, 0.6,
         _change(_LINN(0.94, 1.3), snare={"noise_decay_s": 0.2, "level": 0.9}), Effects(room=0.3, room_s=0.5)),
    _kit("synthwave_power", "Neon Power", "kit_electronic", "synthwave, retrowave, punchy, 80s, dark synth", "synthwave:1 techno:.2 pop:.3", 0.6, 0.65, _LINN(1.0, 1.2, 16_000), Effects(drive=0.2, room=0.15, room_s=0.35)),
    _kit("simmons", "Hexagon Pads", "kit_electronic", "simmons, electronic toms, 80s, disco, pew", "synthwave:.9 funk:.5 pop:.3", 0.55, 0.45,
         _change(_LINN(0.9), low_tom={"start_ratio": 4.0, "sweep_s": 0.08, "decay_s": 0.28}, high_tom={"start_ratio": 4.0, "sweep_s": 0.08, "decay_s": 0.24}, snare={"start_ratio": 2.6, "sweep_s": 0.05})),
    _kit("dnb_punch", "Neuro Drums", "kit_electronic", "dnb, drum and bass, neurofunk, punchy, snappy, tight", "dnb:1 techno:.2", 0.75, 0.8,
         _change(_HARD(56, 0.35, 0.1, 4.0, 0.4), snare={"hz": 205.0, "body": 1.0, "decay_s": 0.09, "noise_decay_s": 0.1, "level": 0.95})),
    _kit("dnb_liquid", "Liquid Drums", "kit_electronic", "dnb, liquid, drum and bass, clean, rolling, crisp", "dnb:1 pop:.2", 0.65, 0.45,
         _change(_MODEL(1.06, 13_000, 0.8), kick={"decay_s": 0.09})),
    _kit("dnb_jungle", "Jungle Break", "kit_electronic", "jungle, breakbeat, amen, pitched up, gritty, 90s", "dnb:1 hiphop:.3", 0.6, 0.7,
         _change(_MODEL(1.32, 10_000, 0.7, 1.0), all={"crush": 1.7}), Effects(drive=0.2)),
    _kit("dnb_halftime", "Halftime Weight", "kit_electronic", "halftime, dubstep, heavy, big snare, bass music", "dnb:.8 trap:.6", 0.6, 0.85,
         _change(_HARD(50, 0.4, 0.17, 5.0), snare={"hz": 190.0, "body": 0.9, "noise_decay_s": 0.2, "level": 0.95})),
    _kit("lofi_dusty", "Dusty Crate", "kit_electronic", "lofi, lo-fi, dusty, vinyl, boom bap, vinyl hat, chillhop", "hiphop:1 jazz:.3 ambient:.2", 0.25, 0.2,
         _change(_MODEL(0.94, 7_000, 0.8), all={"crush": 2.2}), Effects(low_pass_hz=6_500, drive=0.1)),
    _kit("lofi_boombap", "Boom Bap", "kit_electronic", "boom bap, hip hop, mpc, punchy, sampled, 90s", "hiphop:1 funk:.4", 0.45, 0.5,
         _change(_MODEL(0.98, 9_000, 0.8, 1.0), all={"crush": 1.6}, kick={"drive": 0.3}), Effects(drive=0.15)),
    _kit("lofi_tape", "Tape Loop Kit", "kit_electronic", "tape, cassette, warm, wobbly, lofi, soft", "hiphop:.9 ambient:.6 pop:.2", 0.25, 0.1, _MODEL(0.9, 6_500, 0.9, 0.6), Effects(low_pass_hz=7_000, wow_cents=6, drive=0.1)),
    _kit("lofi_bit", "Bit Crusher Kit", "kit_electronic", "bitcrushed, 8 bit, sampler, gritty, sp1200", "hiphop:.8 techno:.3 funk:.3", 0.45, 0.45, _change(_LINN(0.95), all={"crush": 3.2, "low_pass_hz": 10_000.0})),
    _kit("chip", "Chip Drums", "kit_electronic", "chiptune, 8bit, game, nes, retro, arcade", "synthwave:.5 pop:.3 techno:.2 dnb:.2", 0.7, 0.5,
         _change(_606(1.2), all={"crush": 4.5}, kick={"square": 1.0, "start_ratio": 5.0, "sweep_s": 0.025, "level": 0.6}, snare={"noise": 0.9})),
    _kit("pop_modern", "Modern Pop", "kit_electronic", "pop, modern, clean, punchy, radio", "pop:1 house:.3 trap:.3", 0.65, 0.45,
         _change(_909(1.06, 0.13, 0.5, 0.15, 0.8, 0.03, 55, 4.0), snare={"noise_decay_s": 0.14}, clap={"noise_high_hz": 6_000})),
    _kit("pop_indie", "Indie Machine", "kit_electronic", "indie, pop, bedroom, soft, mellow, drum machine", "pop:.9 ambient:.3 rock:.2 synthwave:.3", 0.4, 0.15, _LINN(1.0, 0.8, 8_000)),
    _kit("funk_electro", "Electro Funk", "kit_electronic", "electro, funk, robot, breakdance, 80s, tight", "funk:1 techno:.3 hiphop:.4 synthwave:.4", 0.6, 0.45, _change(_808(1.08, 0.18, 0.8, 0.2), clap={"level": 0.95})),
    _kit("ambient_soft", "Soft Felt Machine", "kit_electronic", "ambient, felt, soft, muted, gentle, organic", "ambient:1 cinematic:.3 pop:.2", 0.15, 0.03, _MODEL(0.88, 3_500, 1.0, 0.3), Effects(room=0.25, room_s=0.45)),
    _kit("ambient_glitch", "Glitch Dust", "kit_electronic", "glitch, idm, clicks, ambient, granular, texture", "ambient:.8 techno:.4 dnb:.2", 0.65, 0.3,
         _change(_606(1.35), all={"crush": 2.0}, closed_hat={"metal_decay_s": 0.008}, snare={"noise_decay_s": 0.02})),
    _kit("cine_hybrid", "Hybrid Trailer", "kit_electronic", "cinematic, trailer, hybrid, huge, epic, impact", "cinematic:1 synthwave:.2", 0.45, 0.85,
         _change(_HARD(41, 0.3, 0.5, 3.0, 0.4, 0.35), low_tom={"decay_s": 0.4, "hz": 58.0}, high_tom={"decay_s": 0.35, "hz": 88.0}), Effects(room=0.35, room_s=0.6)),
    _kit("cine_dark", "Dark Pulse", "kit_electronic", "cinematic, tension, dark, low, thriller, pulse", "cinematic:1 techno:.2 ambient:.4", 0.25, 0.5, _change(_MODEL(0.72, 5_000, 1.6, 0.5)), Effects(room=0.3, room_s=0.6)),
    _kit("model_studio", "Modelled Studio", "kit_acoustic", "acoustic, studio, modelled, clean, pop, natural", "pop:.8 rock:.6 funk:.6 hiphop:.3", 0.55, 0.35, _MODEL(), Effects(room=0.12, room_s=0.3)),
    _kit("model_tight", "Dead Seventies", "kit_acoustic", "70s, dead, dry, disco, tight, tea towel", "funk:1 pop:.4 house:.3 hiphop:.4", 0.4, 0.25, _MODEL(1.05, 7_500, 0.5, 0.7)),
    _kit("model_arena", "Arena Rock", "kit_acoustic", "rock, arena, big room, powerful, loud", "rock:1 cinematic:.3 pop:.3", 0.6, 0.7, _MODEL(0.93, 13_000, 1.3, 1.0), Effects(room=0.35, room_s=0.55, drive=0.1)),
]

_F = FontKit
_ROOM = Effects(room=0.15, room_s=0.35)
_ACOUSTIC = [
    _font_kit("standard_a", "Standard Kit", "acoustic, standard, natural, all-round", "rock:.8 pop:.8 funk:.5 jazz:.2", 0.55, 0.4, _F("fluid", 0)),
    _font_kit("standard_b", "Studio Kit", "acoustic, studio, clean, live, drummer", "pop:.8 rock:.7 funk:.6", 0.6, 0.4, _F("musescore", 0)),
    _font_kit("standard_2", "Session Kit", "acoustic, session, crisp, tight", "funk:.8 pop:.7 rock:.5", 0.6, 0.4, _F("fluid", 2, {"kick": 35, "snare": 40})),
    _font_kit("standard_4", "Vintage Session", "acoustic, vintage, warm, sixties, motown, soul", "funk:.9 pop:.5 rock:.4 hiphop:.3", 0.35, 0.3, _F("fluid", 4, tune={"": -1.0}, low_pass_hz=9_000)),
    _font_kit("standard_6", "Bright Session", "acoustic, bright, snappy, open", "rock:.7 pop:.7 funk:.4", 0.75, 0.45, _F("musescore", 6, tune={"": 0.6})),
    _font_kit("room_a", "Room Kit", "acoustic, room, roomy, rock, live", "rock:1 pop:.5", 0.55, 0.5, _F("fluid", 8), _ROOM),
    _font_kit("room_b", "Garage Band Room", "acoustic, garage rock, indie, raw, roomy", "rock:1 pop:.4", 0.5, 0.65, _F("musescore", 11, {"snare": 40}), Effects(room=0.2, room_s=0.4, drive=0.2)),
    _font_kit("room_c", "Dry Room", "acoustic, dry, close, dead, tight", "funk:.7 rock:.5 pop:.5 hiphop:.3", 0.5, 0.35, _F("fluid", 13, decay_s={"": 0.35})),
    _font_kit("power_a", "Power Kit", "acoustic, power, rock, metal, heavy, big", "rock:1 cinematic:.3 dnb:.15", 0.65, 0.75, _F("fluid", 16)),
    _font_kit("power_b", "Metal Kit", "metal, heavy, aggressive, punchy, double kick, hard rock", "rock:1 cinematic:.2", 0.7, 0.95, _F("musescore", 17, tune={"kick": 0.8}, level={"kick": 1.15}), Effects(drive=0.2)),
    _font_kit("power_c", "Stadium Kit", "stadium, rock, anthem, big, roomy", "rock:.9 pop:.5 cinematic:.3", 0.6, 0.7, _F("fluid", 18, tune={"": -1.2}), Effects(room=0.3, room_s=0.5)),
    _font_kit("jazz_a", "Jazz Kit", "jazz, acoustic, swing, ride, light, club", "jazz:1 funk:.2 hiphop:.2", 0.5, 0.15, _F("fluid", 32)),
    _font_kit("jazz_b", "Jazz Trio Kit", "jazz, trio, small, bop, open, intimate", "jazz:1 ambient:.1", 0.55, 0.15, _F("musescore", 33, tune={"kick": 2.0, "snare": 1.0})),
    _font_kit("jazz_c", "Cool Jazz Kit", "jazz, cool, dark, mellow, smoky", "jazz:1 hiphop:.4", 0.35, 0.1, _F("fluid", 35, tune={"": -1.0}, low_pass_hz=9_000)),
    _font_kit("brush_a", "Brush Kit", "jazz, brush, brushes, soft, ballad, gentle", "jazz:1 ambient:.3 pop:.15 cinematic:.1", 0.35, 0.05, _F("fluid", 40)),
    _font_kit("brush_b", "Folk Brushes", "brush, brushes, folk, acoustic, soft, singer-songwriter", "jazz:.7 pop:.4 ambient:.3", 0.4, 0.05, _F("musescore", 41, tune={"": -0.7})),
    _font_kit("orchestra", "Orchestra Percussion", "orchestral, percussion, timpani, cymbals, cinematic, concert", "cinematic:1", 0.5, 0.5, _F("musescore", 48), Effects(room=0.25, room_s=0.6)),
    _font_kit("orchestra_epic", "Epic Ensemble", "cinematic, epic, taiko, war drums, orchestral, huge", "cinematic:1 ambient:.1", 0.35, 0.8, _F("fluid", 48, tune={"": -4.0}, level={"kick": 1.2}), Effects(room=0.35, room_s=0.7, drive=0.15)),
    _font_kit("font_electronic", "Electronic GM", "electronic, 90s, workstation, gm, dance", "house:.4 techno:.4 pop:.5 synthwave:.4", 0.6, 0.45, _F("fluid", 24), family="kit_electronic"),
    _font_kit("font_808", "Sampled 808", "808, sampled, vintage, drum machine", "hiphop:.7 trap:.5 funk:.4 house:.3 pop:.3", 0.5, 0.3, _F("musescore", 25), family="kit_808"),
    _font_kit("font_808_low", "Sampled 808 Low", "808, pitched down, slowed, screwed, dark", "trap:.8 hiphop:.7 ambient:.2", 0.3, 0.4, _F("fluid", 25, tune={"": -4.0}), family="kit_808"),
    _font_kit("breaks_funk", "Funky Break", "breakbeat, break, funk, funky drummer, gritty, sampled", "funk:.9 hiphop:.9 dnb:.5", 0.5, 0.5, _F("fluid", 1, {"snare": 40}, tune={"": 1.5}, decay_s={"kick": 0.2, "snare": 0.2}), Effects(drive=0.3)),
    _font_kit("breaks_fast", "Fast Break", "breakbeat, jungle, amen, dnb, pitched, crunchy", "dnb:1 hiphop:.2", 0.65, 0.7, _F("fluid", 8, {"snare": 40}, tune={"": 4.0}, crush=1.5, decay_s={"": 0.3}), Effects(drive=0.3), family="kit_electronic"),
    _font_kit("lofi_acoustic", "Lo-fi Acoustic", "lofi, lo-fi, acoustic, vinyl, dusty, chillhop, jazzy", "hiphop:1 jazz:.4 ambient:.2", 0.25, 0.15, _F("fluid", 34, tune={"": -2.0}, low_pass_hz=5_500, crush=1.8), Effects(drive=0.1)),
    _font_kit("lofi_brush", "Dusty Brushes", "lofi, brushes, dusty, jazz hop, soft", "hiphop:.8 jazz:.7 ambient:.3", 0.2, 0.05, _F("musescore", 40, tune={"": -1.5}, low_pass_hz=5_000)),
    _font_kit("percussion_latin", "Latin Percussion", "latin, percussion, congas, bongo, hand drums, organic", "funk:.6 house:.5 jazz:.4 pop:.3", 0.5, 0.2,
              _F("musescore", 0, {"kick": 64, "snare": 62, "rim": 75, "clap": 61, "low_tom": 63, "high_tom": 60, "perc": 68, "shaker": 82, "closed_hat": 70, "open_hat": 54})),
    _font_kit("percussion_world", "World Hands", "world, ethnic, hand percussion, organic, tribal, ambient", "ambient:.7 cinematic:.6 house:.2", 0.4, 0.2,
              _F("fluid", 0, {"kick": 66, "snare": 63, "rim": 76, "clap": 60, "low_tom": 64, "high_tom": 62, "perc": 77, "shaker": 69, "closed_hat": 70, "open_hat": 54}, tune={"": -2.0}), _ROOM),
    _font_kit("hybrid_house", "Hybrid Disco", "disco, hybrid, house, acoustic hats, live", "house:.8 funk:.8 pop:.5", 0.6, 0.4,
              _F("musescore", 1, layers={"kick": _machine_909()["kick"], "clap": _machine_909()["clap"]}), family="kit_electronic"),
    _font_kit("hybrid_trap", "Live Trap", "trap, live, hybrid, acoustic snare, 808 kick", "trap:.8 hiphop:.8 pop:.3", 0.6, 0.5,
              _F("fluid", 16, layers={name: hit for name, hit in _machine_808(1.0, 0.4, 0.6, 0.2, 0.025).items() if name in ("kick", "closed_hat", "open_hat", "perc")}),
              family="kit_808"),
    _font_kit("pop_rock_tight", "Tight Pop Rock", "pop rock, tight, compressed, radio, punchy", "pop:.9 rock:.8", 0.65, 0.5, _F("musescore", 4, decay_s={"": 0.5}), Effects(drive=0.35)),
]

KITS: tuple[Patch, ...] = (*_EIGHT, *_ELECTRONIC, *_ACOUSTIC)
