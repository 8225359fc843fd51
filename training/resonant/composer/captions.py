"""Natural-language prompts for a piece: moods, scenes, instruments, attributes, tempo and key in varied wording."""

from __future__ import annotations

import re

from resonant.composer.plan import Plan
from resonant.piece import key_text

# fmt: off
STYLE_WORDS = {
    "techno": ["techno", "techno", "warehouse techno", "a techno track", "club techno", "4/4 techno"], "house": ["house", "house", "house music", "a house groove", "deep house", "club house"],
    "hiphop": ["hip-hop", "hip hop", "boom bap", "a hip-hop beat", "lo-fi hip hop", "rap beat"], "trap": ["trap", "trap", "a trap beat", "trap instrumental", "808 trap"],
    "dnb": ["drum and bass", "dnb", "drum & bass", "d'n'b", "jungle-tinged drum and bass"], "rock": ["rock", "rock", "a rock song", "guitar rock", "band rock"],
    "pop": ["pop", "pop", "a pop song", "radio pop", "a pop tune"], "ambient": ["ambient", "ambient", "an ambient piece", "ambient soundscape", "drone ambient"],
    "jazz": ["jazz", "jazz", "a jazz tune", "small-combo jazz", "jazz trio"], "funk": ["funk", "funk", "a funk jam", "funky groove", "old-school funk"],
    "synthwave": ["synthwave", "synthwave", "80s synthwave", "retrowave", "outrun"], "cinematic": ["cinematic", "cinematic score", "film music", "a movie soundtrack", "orchestral score", "trailer music"],
}
# fmt: on
# fmt: off
SCENES = {
    "techno": ["late-night warehouse groove", "strobe lights in a concrete basement", "4am on the dance floor", "machine rhythms for a dark room"],
    "house": ["sunset rooftop party", "sunday afternoon on the dance floor", "a packed club at midnight", "poolside groove"],
    "hiphop": ["head-nodding beat for a rainy evening", "dusty beat from an old sampler", "late-night study beat", "city streets after dark"],
    "trap": ["bouncing 808s at night", "hard-hitting beat for a rapper", "cold night drive with heavy bass", "something for a freestyle"],
    "dnb": ["fast breakbeats and deep bass", "rollers for the rave", "running through neon tunnels", "high-speed night ride"],
    "rock": ["a band jamming in a garage", "stadium sing-along", "open road with loud guitars", "sweaty small club gig"],
    "pop": ["catchy tune for the summer", "something you hum in the shower", "radio-ready hook", "a chorus everybody knows"],
    "ambient": ["floating through space", "slow morning fog", "music to fall asleep to", "calm water at dawn"],
    "jazz": ["smoky bar at midnight", "a walk through the city at night", "a trio in a small club", "candlelight and brushes"],
    "funk": ["get everybody moving", "tight band in the pocket", "block party groove", "slap and strut"],
    "synthwave": ["neon highway at night", "80s movie chase", "chrome and palm trees", "midnight drive along the coast"],
    "cinematic": ["the hero returns home", "a storm over the battlefield", "opening titles of an adventure", "a quiet scene before the end"],
}
# fmt: on
# fmt: off
FAMILY_WORDS = {
    "kit_acoustic": ["live drums", "acoustic drums", "a real drum kit"], "kit_electronic": ["electronic drums", "a drum machine", "programmed drums"], "kit_808": ["808 drums", "808 kit", "booming 808s"],
    "bass_electric": ["electric bass", "fingered bass guitar", "bass guitar"], "bass_acoustic": ["upright bass", "double bass", "acoustic bass"], "bass_synth": ["synth bass", "analog bass", "gritty synth bass"],
    "bass_sub": ["sub bass", "deep sub", "808 bass"], "keys": ["piano", "electric piano", "keys", "rhodes", "organ"], "guitar": ["guitar", "guitars", "electric guitar"], "pad": ["pads", "lush pads", "a warm pad"],
    "strings": ["strings", "string ensemble", "orchestral strings"], "brass_wind": ["brass", "horns", "sax", "trumpet", "flute"], "pluck": ["plucks", "bells", "mallets", "plucked synth"],
    "lead": ["a lead synth", "synth lead", "soaring lead"], "stab": ["stabs", "chord stabs", "supersaw chords"], "vox": ["vocal chops", "choir", "voices"],
}
# fmt: on
# fmt: off
MOOD_WORDS = {
    "dark": ["dark", "gloomy", "brooding", "shadowy"], "hypnotic": ["hypnotic", "trance-like", "repetitive", "mesmerizing"], "driving": ["driving", "relentless", "propulsive", "pumping"], "industrial": ["industrial", "mechanical", "harsh"],
    "tense": ["tense", "suspenseful", "nervous", "anxious"], "mysterious": ["mysterious", "enigmatic", "eerie"], "gritty": ["gritty", "raw", "dirty"], "euphoric": ["euphoric", "ecstatic", "hands-in-the-air"],
    "uplifting": ["uplifting", "happy", "feel-good", "joyful"], "groovy": ["groovy", "bouncy", "in the pocket"], "warm": ["warm", "cosy", "mellow"], "soulful": ["soulful", "gospel-tinged", "heartfelt"], "chill": ["chill", "laid-back", "relaxed", "easy-going"],
    "sensual": ["sensual", "sexy", "intimate"], "playful": ["playful", "quirky", "cheeky", "fun"], "nostalgic": ["nostalgic", "wistful", "bittersweet"], "smooth": ["smooth", "silky", "polished"], "melancholic": ["melancholic", "sad", "lonely", "moody"],
    "dreamy": ["dreamy", "hazy", "floating"], "menacing": ["menacing", "evil", "sinister", "threatening"], "triumphant": ["triumphant", "victorious", "heroic"], "aggressive": ["aggressive", "angry", "furious", "heavy"], "anthemic": ["anthemic", "big", "stadium-sized"],
    "romantic": ["romantic", "tender", "loving"], "hopeful": ["hopeful", "optimistic", "bright"], "peaceful": ["peaceful", "calm", "serene", "tranquil"], "ethereal": ["ethereal", "weightless", "celestial"], "epic": ["epic", "huge", "grand", "majestic"],
}
# fmt: on
# fmt: off
ATTRIBUTE_WORDS = {
    ("energy", 1): ["energetic", "high-energy", "powerful", "full of energy", "intense"], ("energy", 0): ["low-energy", "gentle", "restrained", "soft", "quiet"],
    ("density", 1): ["busy", "dense", "full", "packed with notes"], ("density", 0): ["sparse", "minimal", "stripped-down", "spacious"],
    ("brightness", 1): ["bright", "shimmering", "sparkling", "sunny"], ("brightness", 0): ["dark-toned", "muted", "deep", "murky"],
    ("aggression", 1): ["aggressive", "hard", "hard-hitting", "punchy", "biting"], ("aggression", 0): ["soft", "mellow", "smooth", "delicate"],
    ("complexity", 1): ["complex", "intricate", "sophisticated", "with rich chords"], ("complexity", 0): ["simple", "straightforward", "basic", "repetitive"],
}
# fmt: on
# fmt: off
TRACK_WORDS = {
    ("bass", 1): ["driving bass", "rolling bass", "busy bass line", "pumping bass"], ("bass", 0): ["sustained bass", "long bass notes", "simple bass"],
    ("drums", 1): ["busy drums", "lively drums", "driving drums", "a busy beat"], ("drums", 0): ["minimal drums", "sparse percussion", "soft drums"],
    ("melody", 1): ["a busy melody", "fast melody lines", "an intricate lead line"], ("melody", 0): ["a sparse melody", "few melody notes", "an understated hook"],
}
# fmt: on


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = plan.stream("captions")

    def style(self) -> str:
        """A wording of the style's name, without an article."""
        word = self.rng.choice(STYLE_WORDS[self.plan.style])
        return word.split(" ", 1)[1] if word.startswith(("a ", "an ")) else word

    def adjectives(self, most: int) -> list[str]:
        """Mood and attribute words that apply to the piece."""
        rng, plan = self.rng, self.plan
        words = [rng.choice(MOOD_WORDS[mood]) for mood in plan.moods]
        for (name, high), options in ATTRIBUTE_WORDS.items():
            value = plan.attribute(name)
            if (value > 0.72) if high else (value < 0.28):
                words.append(rng.choice(options))
        if not words and rng.random() < 0.5:
            words.append(
                "minor-key"
                if plan.mode in ("minor", "dorian", "phrygian")
                else "major-key"
                if plan.mode in ("major", "lydian")
                else "loopable"
            )
        rng.shuffle(words)
        plain = [w for w in dict.fromkeys(words) if not w.startswith(("with ", "in the ", "full of ", "packed "))]
        return plain[:most]

    def tail(self) -> str:
        """A phrase such as "with ..." that applies to the piece, or nothing."""
        rng, plan = self.rng, self.plan
        values = [
            word
            for (name, high), words in ATTRIBUTE_WORDS.items()
            for word in words
            if high and plan.attribute(name) > 0.72 and word.startswith(("with ", "full of ", "packed "))
        ]
        return rng.choice(values) if values and rng.random() < 0.4 else ""

    def instruments(self, count: int) -> list[str]:
        """Instruments used in the piece."""
        tracks = self.rng.sample(["bass", "harmony", "melody", "drums"], min(count + 1, 4))
        families = list(dict.fromkeys(self.plan.families[track] for track in tracks))[:count]
        return [self.rng.choice(FAMILY_WORDS[family]) for family in families]

    def part(self) -> str:
        """A track described by how it is played."""
        rng, plan = self.rng, self.plan
        value = plan.mix(density=0.7, energy=0.4)
        if 0.38 <= value <= 0.62:
            return rng.choice(self.instruments(1))
        busy = int(value > 0.62)
        return rng.choice(rng.choice([words for (_, high), words in TRACK_WORDS.items() if high == busy]))

    def tempo(self) -> str:
        """Tempo as a number or a word."""
        rng, bpm = self.rng, self.plan.bpm
        word = "slow" if bpm < 80 else "mid-tempo" if bpm < 115 else "up-tempo" if bpm < 150 else "fast"
        return rng.choice(
            (f"{bpm:.0f} bpm", f"{bpm:.0f} BPM", f"{bpm:.0f}bpm", word, word, f"around {5 * round(bpm / 5)} bpm")
        )

    def key(self) -> str:
        """Key or mode."""
        plan = self.plan
        return self.rng.choice(
            (f"in {key_text(plan.tonic, plan.mode)}", key_text(plan.tonic, plan.mode), plan.mode, f"{plan.mode} key")
        )

    def caption(self) -> str:
        """One prompt."""
        rng, plan = self.rng, self.plan
        kind = rng.choice(
            ("plain", "plain", "with", "with", "scene", "tags", "tags", "long", "request", "band", "meter", "short")
        )
        one, two = " ".join(self.adjectives(1)), self.adjectives(2)
        both = rng.choice((", ", " and ", " ")).join(two)
        if kind == "plain":
            text = f"{both} {self.style()}"
        elif kind == "short":
            text = rng.choice((self.style(), f"{one} {self.style()}", f"{self.style()} {self.tempo()}"))
        elif kind == "with":
            text = (
                f"{one} {self.style()} with {rng.choice((self.part(), ' and '.join(self.instruments(2)), self.part()))}"
            )
        elif kind == "scene":
            scene = rng.choice(SCENES[plan.style])
            options = (
                f"{scene}, {self.tempo()}, {one}",
                f"{scene}, {one} {self.style()}",
                f"{one} {self.style()}: {scene}",
                f"{scene}, {one}",
            )
            text = rng.choice(options)
        elif kind == "tags":
            tags = [self.style(), *two, self.tempo(), *self.instruments(rng.choice((1, 2)))]
            if rng.random() < 0.4:
                tags.append(self.key().removeprefix("in "))
            head, rest = tags[0], tags[1:]
            rng.shuffle(rest)
            text = ", ".join([head, *rest])
        elif kind == "long":
            parts = ", ".join(self.instruments(2))
            opening = rng.choice(("a", "some", "an instrumental,"))
            form = rng.choice(("loop", "track", "groove", "piece"))
            where = self.key() if rng.random() < 0.5 else f"at {self.tempo()}"
            text = f"{opening} {both} {self.style()} {form} {where} with {parts} and {self.part()}"
        elif kind == "request":
            verb = rng.choice(("make me", "give me", "I want", "I need", "create", "can you write", "something"))
            text = f"{verb} {'like' if verb == 'something' else 'something'} {one} {rng.choice(('in the style of', 'like', ''))} {self.style()}"
            text += rng.choice(("", f" with {self.part()}", f", {self.tempo()}"))
        elif kind == "band":
            text = f"{', '.join(self.instruments(3))} playing {one} {self.style()}"
        else:
            meter = {
                (4, 4): "",
                (3, 4): rng.choice(("waltz in 3/4, ", "3/4 ", "in three, ")),
                (6, 8): rng.choice(("6/8 ", "lilting 6/8 ", "swaying 6/8 ")),
            }[plan.meter]
            text = f"{meter}{both} {self.style()}, {self.tempo()}"
        text = re.sub(r"\ba (?=[aeio])(?!eu|one)", "an ", text)
        tail = self.tail()
        text = " ".join(f"{text}{', ' + tail if tail else ''}".replace(" ,", ",").split()).strip(" ,:")
        while ",," in text or ", ," in text:
            text = text.replace(",,", ",").replace(", ,", ",")
        return text[0].upper() + text[1:] if rng.random() < 0.3 else text


def write_captions(plan: Plan) -> list[str]:
    """Four to eight different prompts."""
    writer = _Writer(plan)
    wanted = writer.rng.randint(4, 8)
    found: dict[str, None] = {}
    for _ in range(60):
        if len(found) >= wanted:
            break
        text = writer.caption()
        found.setdefault(text)
    return list(found)
