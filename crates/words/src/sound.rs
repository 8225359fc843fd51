//! Properties of the sound that words can request.

/// Maximum strength of a word.
const MOST: f32 = 2.0;

/// The properties that words can request, by name. The generator determines what they do to a stem.
pub const SOUNDS: [&str; 23] = [
    "bright",
    "dark",
    "muffled",
    "crisp",
    "airy",
    "harsh",
    "warm",
    "fat",
    "thin",
    "punchy",
    "soft",
    "tight",
    "crunchy",
    "gritty",
    "clean",
    "dusty",
    "lo-fi",
    "distant",
    "wet",
    "dry",
    "wide",
    "narrow",
    "unprocessed",
];

/// The property with this name. Spaces, hyphens and underscores are equivalent.
pub(super) fn named(name: &str) -> Option<&'static str> {
    let name = name.replace(['_', ' '], "-");
    SOUNDS.into_iter().find(|known| *known == name)
}

/// Adds a requested property to the existing ones: the same word again makes it stronger, its opposite cancels it.
pub(super) fn add(wanted: &mut Vec<(String, f32)>, name: &str, strength: f32) {
    match wanted.iter_mut().find(|(known, _)| known == name) {
        Some((_, before)) => *before = (*before + strength).clamp(-MOST, MOST),
        None => wanted.push((name.to_owned(), strength.clamp(-MOST, MOST))),
    }
    wanted.retain(|(_, strength)| strength.abs() > 0.05);
}
