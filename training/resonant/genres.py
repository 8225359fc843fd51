"""The genre table shared with the engine (`crates/words/src/genre/*.toml`): parents, style weights, patterns."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from resonant.composer.styles import STYLES

FOLDER = Path(__file__).parents[2] / "crates" / "words" / "src" / "genre"
KINDS = ("groove", "bass", "comping", "lead")


@dataclass(frozen=True)
class Genre:
    """A genre, including the fields inherited from its heaviest parent."""

    name: str
    styles: dict[str, float]  # weights that sum to 1
    roles: dict[str, list[str]]  # kind -> names of patterns
    fields: dict[str, object]  # all other fields as written


@dataclass(frozen=True)
class Table:
    """All genres, and the patterns that they refer to."""

    genres: dict[str, Genre]
    patterns: dict[str, dict[str, dict]]  # kind -> name -> fields


def load(folder: Path = FOLDER) -> Table:
    """Reads the TOML files. Raises ValueError for unknown parents and for cycles."""
    raw: dict[str, dict] = {}
    patterns: dict[str, dict[str, dict]] = {kind: {} for kind in KINDS}
    for path in sorted(folder.glob("*.toml")):
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        raw.update(text.get("genre", {}))
        for kind in KINDS:
            patterns[kind].update(text.get(kind, {}))
    for fields in raw.values():
        if "groove" in fields:
            fields["groove"] = _spelled_out(fields["groove"], patterns["groove"])
    genres: dict[str, Genre] = {}
    for name in raw:
        _resolve(name, raw, genres, ())
    return Table(genres, patterns)


def _spelled_out(names: list[str], known: dict[str, dict]) -> list[str]:
    """Names of grooves; a name ending in a star stands for all grooves with that prefix."""
    found = []
    for name in names:
        begun = sorted(other for other in known if name.endswith("*") and other.startswith(name[:-1]))
        found += begun or [name]
    return found


def bars(pattern: str) -> list[str]:
    """The signs of each bar of a pattern, one per sixteenth."""
    return [bar.replace(" ", "") for bar in pattern.split("|")]


def _resolve(name: str, raw: dict[str, dict], genres: dict[str, Genre], path: tuple[str, ...]) -> Genre:
    if name in genres:
        return genres[name]
    if name in path:
        raise ValueError(f"genre {name} leads back to itself: {' > '.join(path)}")
    if name not in raw:
        raise ValueError(f"there is no genre {name}")
    own = raw[name]
    parents = {parent: _resolve(parent, raw, genres, (*path, name)) for parent in own.get("parents", {})}
    total = sum(own.get("parents", {}).values())
    styles = {style: 0.0 for style in STYLES}
    if not parents:
        styles[name] = 1.0
    for parent, genre in parents.items():
        for style, weight in genre.styles.items():
            styles[style] += own["parents"][parent] / total * weight
    # The heaviest parent; on a tie, the first by name, as in the engine.
    heir = genres[min(parents, key=lambda parent: (-own["parents"][parent], parent))] if parents else None
    roles = {kind: own.get(kind, heir.roles[kind] if heir else []) for kind in KINDS}
    fields = {**(heir.fields if heir else {}), **{key: value for key, value in own.items() if key not in KINDS}}
    genres[name] = Genre(name, styles, roles, fields)
    return genres[name]
