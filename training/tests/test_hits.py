"""Tests of the drum hits: file format, renderer, fit and measures."""

import csv
import hashlib
import json

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("scipy")

import soundfile

from resonant import fit_hits, hit_goldens, hit_kits, hit_measures, hit_notes, hits

RATE = hits.RATE


def drum(seed: int, hz: float = 180.0, samples: int = 24_000) -> np.ndarray:
    """A synthetic stroke: a decaying tone with noise."""
    time = np.arange(samples) / RATE
    noise = np.random.default_rng(seed).standard_normal(samples)
    sound = np.sin(2 * np.pi * hz * time) * np.exp(-12 * time) + 0.3 * noise * np.exp(-40 * time)
    return sound / np.abs(sound).max()


def test_a_file_is_read_as_it_was_written_and_damage_is_named():
    data = hits.pack(hit_goldens.pieces())
    read = hits.unpack(data)
    assert hits.pack(read) == data
    assert [piece.name for piece in read][-1] == "open_hat"
    for cut in (0, 7, 20, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError, match="cut off|version"):
            hits.unpack(data[:cut])
    with pytest.raises(ValueError, match="longer"):
        hits.unpack(data + b"x")


def test_noise_has_the_power_of_its_grid_and_seeds_differ():
    grid = np.full((len(hits.SLOW_MS), hits.SLOW.bands), np.log(0.01))
    one = hits.render_noise(hits.SLOW, grid, np.zeros(10), 3, 48_000)
    level = 10 * np.log10(np.mean(one[2_000:] ** 2))
    assert abs(level + 20) < 0.5
    other = hits.render_noise(hits.SLOW, grid, np.zeros(10), 4, 48_000)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    louder = hits.render_noise(hits.SLOW, grid, np.full(10, 6.0), 3, 48_000)
    assert np.allclose(louder, one * 10 ** (6 / 20))


def test_a_fit_finds_the_tone_and_sounds_like_the_stroke():
    sounds = [drum(1), drum(2)]
    hit = fit_hits.fit(sounds[:1], "cowbell", -3.0, 5, jitter=True)
    frequencies, decays, amplitudes, _ = hit.mode_table()
    loudest = int(np.argmax(amplitudes))
    assert abs(frequencies[loudest] - 180) < 2 and abs(decays[loudest] - 12) < 2
    made = hits.render(hit, hit.seeds[0])
    found, between = hit_measures.compare(made, sounds[0]), hit_measures.compare(sounds[1], sounds[0])
    assert found["mel"] < between["mel"] + 0.8 and abs(found["early"]) < 1.5 and abs(found["flux"]) < 3
    assert abs(hit.level - 10 ** (-3 / 20)) < 1e-6
    # Not the recording itself: the residual after the modes is replaced by different noise.
    length = min(len(made), len(sounds[0]))
    assert np.corrcoef(made[:length], sounds[0][:length])[0, 1] < 0.99


def test_measures_hear_what_they_are_named_for():
    sound = drum(1)
    assert all(abs(value) < 1e-9 for value in hit_measures.compare(sound, sound).values())
    louder = hit_measures.compare(0.3 * sound, sound)
    assert abs(louder["mel"]) < 0.05 and abs(louder["crest"]) < 1e-6
    ramp = np.minimum(1, np.arange(len(sound)) / 720)
    slow = hit_measures.compare(sound * ramp, sound)
    assert slow["early"] < -1 and slow["rise"] > 0.3 and slow["flux"] < -1
    click = sound.copy()
    click[100] += 1.5
    assert hit_measures.compare(click, sound)["crest"] > 2
    dull = np.convolve(sound, np.ones(6) / 6)[: len(sound)]
    assert hit_measures.compare(dull, sound)["mel"] > 1
    wobble = sound * (1 + 0.8 * np.sin(2 * np.pi * 30 * np.arange(len(sound)) / RATE))
    assert hit_measures.compare(wobble, sound)["modulation"] > 1


def test_a_discriminator_tells_apart_what_differs_only():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(20), 4)
    real, same = rng.standard_normal((80, 12)), rng.standard_normal((80, 12))
    assert 0.35 < hit_measures.separability(real, same, groups) < 0.65
    assert hit_measures.separability(real, same + 1.5, groups) > 0.95


def write_samples(folder, rows, sounds):
    """A folder of samples: index rows and sounds by path."""
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[*fit_hits.COLUMNS, "mood"])
        writer.writeheader()
        writer.writerows(rows)
    for name, (sound, rate) in sounds.items():
        soundfile.write(folder / name, sound, rate)


def row(path, layer=0, round_robin=0, gain="-3"):
    return {"path": path, "role": "drums", "instrument": "kit", "voice": "snare", "voice_group": "snare",
            "velocity_layer": layer, "round_robin": round_robin, "gain_db": gain, "mood": "blue"}  # fmt: skip


def test_bad_samples_are_left_out_in_one_line_each_and_a_run_goes_on(tmp_path, capsys):
    sounds = {"good.flac": (drum(1, samples=9_600), RATE), "rate.flac": (drum(1, samples=9_600), 44_100),
              "silent.flac": (np.zeros(9_600), RATE)}  # fmt: skip
    names = ["good.flac", "rate.flac", "silent.flac", "missing.flac"]
    write_samples(tmp_path, [row(name, layer) for layer, name in enumerate(names)], sounds)
    strokes = fit_hits.read_index(tmp_path)
    out = tmp_path / "fits"
    assert fit_hits.fit_all(strokes, out, hold_out=False) == 3
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    for line, words in zip(lines, ("44100 Hz", "silent", "missing.flac"), strict=True):
        assert words in line
    assert [path.name for path in out.iterdir()] == ["kit.snare.0.hit"]
    before = (out / "kit.snare.0.hit").stat().st_mtime_ns
    fit_hits.fit_all(strokes, out, hold_out=False)
    assert (out / "kit.snare.0.hit").stat().st_mtime_ns == before, "existing fits are kept"
    assert hits.unpack(fit_hits.pack_folder(out))[0].name == "kit.snare"


def test_an_index_without_its_columns_or_numbers_is_refused(tmp_path):
    with pytest.raises(fit_hits.SamplesError, match="cannot read"):
        fit_hits.read_index(tmp_path)
    (tmp_path / "index.csv").write_text("path,role\na.flac,drums\n")
    with pytest.raises(fit_hits.SamplesError, match="lacks the columns instrument"):
        fit_hits.read_index(tmp_path)
    write_samples(tmp_path, [row("a.flac", gain="loud")], {})
    with pytest.raises(fit_hits.SamplesError, match="a.flac"):
        fit_hits.read_index(tmp_path)


def test_kits_join_a_bundle_once_and_those_without_pieces_are_named(tmp_path):
    old = [{"id": name, "track": track, "styles": {"jazz": 1.0, "pop": 0.2}}
           for name, track in (("drums.jazz_a", "drums"), ("drums.orchestra", "drums"), ("bass.finger", "bass"))]  # fmt: skip
    (tmp_path / "patches.json").write_text(json.dumps(old))
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "1", "patches": {}, "tracks": {}}))
    made_up = hit_goldens.pieces()[-1]
    kit = next(kit for kit in hit_kits.KITS if kit.id == "session")
    data = hits.pack([hits.Piece(name, made_up.hits) for name in {*kit.pieces.values(), "unused"}])
    for _ in range(2):
        made, lost = hit_kits.add(tmp_path, data, version="2")
    patches = json.loads((tmp_path / "patches.json").read_text())
    assert made == len(hit_kits.KITS) - len(lost) and any(line.startswith("metal (muldjord_close") for line in lost)
    assert [patch["id"] for patch in patches][:3] == ["drums.jazz_a", "drums.orchestra", "drums.recorded_session"]
    assert len(patches) == 3 + made and patches[-1]["id"] == "bass.finger"
    assert patches[0]["styles"] == {"jazz": hit_kits.REST, "pop": 0.2} and patches[1]["styles"]["jazz"] == 1.0
    content = (tmp_path / "hits_drums.bin").read_bytes()
    assert "unused" not in {piece.name for piece in hits.unpack(content)}
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["version"] == "2" and manifest["patches"]["count"] == len(patches)
    assert manifest["hits"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_every_kit_has_all_classes_and_describes_itself():
    names = [kit.name for kit in hit_kits.KITS]
    assert len(set(names)) == len(names) >= 12
    for kit in hit_kits.KITS:
        assert set(kit.pieces) == set(hit_kits.CLASSES), kit.id
        assert len(kit.tone) == hits.CURVE_POINTS and kit.styles and len(kit.tags) >= 6, kit.id


def note(hz: float, seed: int, samples: int = 96_000) -> np.ndarray:
    """A synthetic plucked string."""
    time = np.arange(samples) / RATE
    rng = np.random.default_rng(seed)
    sound = sum(np.sin(2 * np.pi * hz * k * time + rng.uniform(0, 6)) * np.exp(-(1 + 0.6 * k) * time) / k for k in range(1, 13))
    sound = sound + 0.05 * rng.standard_normal(samples) * np.exp(-60 * time)
    return sound / np.abs(sound).max()


def test_a_note_is_fitted_in_tune_and_rings_beyond_its_recording():
    sound = note(110.0 * 2 ** (20 / 1200), 1)
    hit = fit_hits.fit_note([sound], -3.0, 20.0, 5, jitter=True)
    frequencies, decays, amplitudes, _ = hit.mode_table()
    loudest = int(np.argmax(amplitudes))
    assert abs(frequencies[loudest] - 110.0) < 0.3 and abs(decays[loudest] - 1.6) < 0.5
    assert hit.length > len(sound) and len(hit.modes) <= fit_hits.NOTE_MODES
    made = hits.render(hit, hit.seeds[0], tune=2 ** (20 / 1200))[: len(sound)]
    found = hit_measures.compare(made, sound)
    assert abs(found["early"]) < 2 and found["mel_50ms"] < 2.5
    between = made[60_000:70_000] - np.convolve(made[60_000:70_000], np.ones(9) / 9, "same")
    assert np.sqrt(np.mean(between**2)) < 0.02


def test_notes_are_spread_and_a_bad_index_is_named(tmp_path):
    header = "path,role,instrument,midi_note,velocity_layer,round_robin,gain_db,tune_cents\n"
    rows = [f"{pitch}.flac,bass,upright_bass_pizz,{pitch},{layer},0,-3,1.5" for pitch in range(30, 44, 2) for layer in range(4)]
    (tmp_path / "index.csv").write_text(header + "\n".join(rows) + "\n")
    strokes = fit_hits.read_notes(tmp_path)
    assert sorted({stroke.piece for stroke in strokes}) == [f"upright_bass_pizz.0{pitch}" for pitch in (30, 36, 42)]
    assert {stroke.layer for stroke in strokes} == {1, 3}
    (tmp_path / "index.csv").write_text(header + "a.flac,bass,upright_bass_pizz,low,0,0,-3,1.5\n")
    with pytest.raises(fit_hits.SamplesError, match="proper numbers"):
        fit_hits.read_notes(tmp_path)
    (tmp_path / "index.csv").write_text("path,instrument\n")
    with pytest.raises(fit_hits.SamplesError, match="lacks the columns midi_note"):
        fit_hits.read_notes(tmp_path)


def test_instruments_join_a_bundle_and_say_what_they_miss(tmp_path):
    hit = hit_goldens.pieces()[0].hits[0]
    names = [f"{one.source}.{pitch:03d}" for one in hit_notes.INSTRUMENTS if one.id != "sitar" for pitch in (36, 48, 60, 72)]
    data = hits.pack([hits.Piece(name, [hit]) for name in dict.fromkeys(names)])
    plain = {"track": "bass", "id": "bass.upright_a", "styles": {"jazz": 1.0}, "excitation": {}}
    others = [{"track": track, "id": f"{track}.x", "styles": {}, "excitation": {}} for track in ("harmony", "melody")]
    (tmp_path / "patches.json").write_text(json.dumps([plain, *others]))
    made, lost = hit_notes.add(tmp_path, data)
    assert lost == ["sitar"] and made > 50
    assert hit_notes.add(tmp_path, data)[0] == made
    patches = json.loads((tmp_path / "patches.json").read_text())
    assert patches[0]["styles"] == {"jazz": hit_notes.REST} and len(patches) == made + 3
    tracks = [patch["track"] for patch in patches]
    assert tracks == sorted(tracks)
    counts = {track: sum(patch["track"] == track and hit_notes.SIGN in patch["id"] for patch in patches) for track in set(tracks)}
    assert counts["bass"] >= 10 and counts["harmony"] >= 25 and counts["melody"] >= 15, counts
    pieces = set(hits.load(tmp_path / hit_notes.NOTES_FILE))
    for patch in patches:
        for pitch, piece in patch["excitation"].get("zones", []):
            assert piece in pieces and 0 <= pitch <= 127


def test_drum_machines_join_a_bundle_where_all_their_drums_are_fitted(tmp_path):
    pytest.importorskip("numba")
    from resonant import machine_kits

    first, second = machine_kits.machines()[:2]
    hit = hit_goldens.pieces()[0].hits[0]
    names = {machine_kits.piece_name(first, drum) for drum in first.sound.hits}
    shared = names & {machine_kits.piece_name(second, drum) for drum in second.sound.hits}
    assert len(names) == 12 and shared
    data = hits.pack([hits.Piece(name, [hit]) for name in sorted(names)])
    recorded = hits.Piece("gretsch.kick", [hit])
    (tmp_path / "hits_drums.bin").write_bytes(hits.pack([recorded]))
    old = {"track": "drums", "id": first.id, "styles": {"trap": 1.0}}
    (tmp_path / "patches.json").write_text(json.dumps([old]))
    made, lost = machine_kits.add(tmp_path, data)
    assert made == 1 and second.id in lost
    assert machine_kits.add(tmp_path, data)[0] == 1
    patches = json.loads((tmp_path / "patches.json").read_text())
    assert [patch["id"] for patch in patches] == [first.id, "drums.machine_808_classic"]
    assert patches[0]["styles"]["trap"] == machine_kits.REST
    assert set(hits.load(tmp_path / "hits_drums.bin")) == names | {"gretsch.kick"}
    assert all(-40 <= own["gain_db"] <= 24 for own in patches[1]["excitation"]["pieces"].values())
