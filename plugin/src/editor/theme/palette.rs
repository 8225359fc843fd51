//! The two palettes, and tests of their contrast.

use egui::Color32;
use resonantgen_music::track::{TRACK_COUNT, Track};

/// All colours of one theme. The tests below check the pairs used for text and controls against WCAG 2, level AA.
#[derive(Debug)]
pub struct Palette {
    /// Behind everything.
    pub background: Color32,
    /// Cards, rows, menus.
    pub card: Color32,
    /// Wells: text fields, lanes.
    pub well: Color32,
    /// Buttons at rest.
    pub button: Color32,
    /// Buttons under the pointer.
    pub button_hover: Color32,
    /// Thin lines that carry no meaning.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Secondary text.
    pub dim: Color32,
    /// The primary button.
    pub accent: Color32,
    /// Text on [`accent`](Self::accent).
    pub on_accent: Color32,
    /// Focus rings and highlighted text.
    pub focus: Color32,
    /// Behind selected text.
    pub selection: Color32,
    /// Something is wrong.
    pub warning: Color32,
    /// Behind a message about it.
    pub warning_card: Color32,
    /// Ink on a track's colour.
    pub on_track: Color32,
    /// White and black keys of a piano.
    pub keys: [Color32; 2],
    tracks: [Color32; TRACK_COUNT],
}

impl Palette {
    /// For dark rooms.
    pub const DARK: Self = Self {
        background: Color32::from_rgb(0x13, 0x15, 0x1b),
        card: Color32::from_rgb(0x1d, 0x20, 0x29),
        well: Color32::from_rgb(0x0e, 0x10, 0x15),
        button: Color32::from_rgb(0x2c, 0x31, 0x3d),
        button_hover: Color32::from_rgb(0x3a, 0x40, 0x4f),
        line: Color32::from_rgb(0x31, 0x36, 0x44),
        text: Color32::from_rgb(0xec, 0xee, 0xf4),
        dim: Color32::from_rgb(0xa6, 0xae, 0xc0),
        accent: Color32::from_rgb(0x6a, 0x58, 0xee),
        on_accent: Color32::WHITE,
        focus: Color32::from_rgb(0xb3, 0xa9, 0xff),
        selection: Color32::from_rgb(0x4a, 0x40, 0x9c),
        warning: Color32::from_rgb(0xff, 0xb8, 0x5c),
        warning_card: Color32::from_rgb(0x38, 0x2c, 0x1c),
        on_track: Color32::from_rgb(0x0e, 0x10, 0x15),
        keys: [Color32::from_rgb(0xae, 0xb0, 0xb5), Color32::from_rgb(0x0e, 0x10, 0x15)],
        tracks: [
            Color32::from_rgb(0xf2, 0xa5, 0x3a),
            Color32::from_rgb(0x4d, 0xa6, 0xff),
            Color32::from_rgb(0xd9, 0x86, 0xcb),
            Color32::from_rgb(0x5c, 0xe6, 0xa8),
        ],
    };
    /// For bright rooms.
    pub const LIGHT: Self = Self {
        background: Color32::from_rgb(0xe6, 0xe8, 0xee),
        card: Color32::from_rgb(0xfb, 0xfc, 0xfe),
        well: Color32::from_rgb(0xf0, 0xf2, 0xf6),
        button: Color32::from_rgb(0xd6, 0xdb, 0xe6),
        button_hover: Color32::from_rgb(0xc4, 0xcb, 0xd9),
        line: Color32::from_rgb(0xcb, 0xd1, 0xdc),
        text: Color32::from_rgb(0x18, 0x1b, 0x24),
        dim: Color32::from_rgb(0x4d, 0x55, 0x66),
        accent: Color32::from_rgb(0x57, 0x44, 0xdd),
        on_accent: Color32::WHITE,
        focus: Color32::from_rgb(0x46, 0x32, 0xcc),
        selection: Color32::from_rgb(0xcf, 0xc8, 0xff),
        warning: Color32::from_rgb(0x85, 0x49, 0x00),
        warning_card: Color32::from_rgb(0xff, 0xee, 0xd6),
        on_track: Color32::WHITE,
        keys: [Color32::WHITE, Color32::from_rgb(0x3a, 0x3f, 0x4c)],
        tracks: [
            Color32::from_rgb(0x8a, 0x5a, 0x00),
            Color32::from_rgb(0x2a, 0x50, 0xc0),
            Color32::from_rgb(0xa8, 0x2f, 0x8c),
            Color32::from_rgb(0x00, 0x70, 0x40),
        ],
    };

    /// A track's colour, after Okabe and Ito's palette, which colour-blind people can tell apart.
    #[must_use]
    pub const fn track(&self, track: Track) -> Color32 {
        self.tracks[track.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKS: [(&str, Palette); 2] = [("dark", Palette::DARK), ("light", Palette::LIGHT)];

    fn linear(color: Color32) -> [f64; 3] {
        [color.r(), color.g(), color.b()].map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// Contrast ratio of WCAG 2.
    fn contrast(a: Color32, b: Color32) -> f64 {
        let luminance = |color| {
            let [red, green, blue] = linear(color);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_has_the_contrast_of_level_aa() {
        for (look, palette) in &LOOKS {
            let surfaces = [palette.background, palette.card, palette.well, palette.button];
            let mut pairs = vec![
                ("accent", palette.on_accent, palette.accent),
                ("selection", palette.text, palette.selection),
                ("hover", palette.text, palette.button_hover),
                ("warning", palette.warning, palette.warning_card),
                ("message", palette.text, palette.warning_card),
                ("warning on background", palette.warning, palette.background),
                ("warning on card", palette.warning, palette.card),
                ("mute", palette.on_track, palette.warning),
            ];
            pairs.extend(surfaces.map(|surface| ("text", palette.text, surface)));
            pairs.extend(surfaces.map(|surface| ("dim", palette.dim, surface)));
            for track in Track::ALL {
                pairs.push(("track on card", palette.track(track), palette.card));
                pairs.push(("ink on track", palette.on_track, palette.track(track)));
            }
            for (what, ink, paper) in pairs {
                let ratio = contrast(ink, paper);
                assert!(ratio >= 4.5, "{look}: {what}: {ink:?} on {paper:?} has {ratio:.2}:1");
            }
        }
    }

    #[test]
    fn rings_and_lanes_stand_out() {
        for (look, palette) in &LOOKS {
            for surface in [palette.background, palette.card, palette.well, palette.button] {
                let ratio = contrast(palette.focus, surface);
                assert!(ratio >= 3.0, "{look}: focus on {surface:?} has {ratio:.2}:1");
            }
            for track in Track::ALL {
                let ratio = contrast(palette.track(track), palette.well);
                assert!(ratio >= 3.0, "{look}: {track} on its lane has {ratio:.2}:1");
            }
        }
    }

    /// CIE L*a*b* of a linear colour under D65.
    fn lab([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let bend = |value: f64| if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 };
        let x = bend((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.950_47);
        let y = bend(0.2126 * red + 0.7152 * green + 0.0722 * blue);
        let z = bend((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.088_83);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Full dichromacy after Machado, Oliveira and Fernandes (2009), for linear colours.
    const EYES: [(&str, [[f64; 3]; 3]); 4] = [
        ("usual", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    #[test]
    fn tracks_can_be_told_apart_by_all_eyes() {
        for (look, palette) in &LOOKS {
            for (eye, matrix) in EYES {
                let seen = Track::ALL.map(|track| {
                    let color = linear(palette.track(track));
                    lab(matrix.map(|row| {
                        row.iter()
                            .zip(color)
                            .map(|(weight, value)| weight * value)
                            .sum::<f64>()
                            .clamp(0.0, 1.0)
                    }))
                });
                for a in 0..TRACK_COUNT {
                    for b in 0..a {
                        let distance =
                            seen[a].iter().zip(seen[b]).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                        assert!(
                            distance > 14.0,
                            "{look}, {eye}: {} and {} are {distance:.1} apart",
                            Track::ALL[a],
                            Track::ALL[b]
                        );
                    }
                }
            }
        }
    }
}
