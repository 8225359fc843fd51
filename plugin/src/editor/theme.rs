//! Colours, fonts and spacing of the editor.

use egui::{Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Stroke, Vec2};
use resonantgen_engine::track::Track;

/// Behind everything.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x12, 0x14, 0x1a);
/// Cards and rows.
pub const CARD: Color32 = Color32::from_rgb(0x1b, 0x1e, 0x26);
/// Wells: text fields, lanes.
pub const WELL: Color32 = Color32::from_rgb(0x0d, 0x0f, 0x14);
/// Buttons at rest.
pub const BUTTON: Color32 = Color32::from_rgb(0x2a, 0x2e, 0x3a);
/// Thin lines.
pub const LINE: Color32 = Color32::from_rgb(0x2e, 0x33, 0x40);
/// Text; 13:1 on [`CARD`].
pub const TEXT: Color32 = Color32::from_rgb(0xe9, 0xeb, 0xf1);
/// Lesser text; 5.9:1 on [`CARD`].
pub const DIM: Color32 = Color32::from_rgb(0x99, 0xa1, 0xb3);
/// The one thing to press.
pub const ACCENT: Color32 = Color32::from_rgb(0x7c, 0x6c, 0xff);
/// Something is wrong.
pub const WARNING: Color32 = Color32::from_rgb(0xff, 0xb4, 0x54);
/// Margin around cards and the gap between them, in points.
pub const GAP: f32 = 10.0;
/// Rounding of cards, in points.
pub const ROUNDING: CornerRadius = CornerRadius::same(8);
/// Rounding of buttons and chips, in points.
pub const SMALL_ROUNDING: CornerRadius = CornerRadius::same(5);

/// A track's colour: after Okabe and Ito's palette, which colour-blind people can tell apart.
#[must_use]
pub const fn track_color(track: Track) -> Color32 {
    match track {
        Track::Drums => Color32::from_rgb(0xf2, 0xa5, 0x3a),
        Track::Bass => Color32::from_rgb(0x5b, 0xb8, 0xf0),
        Track::Harmony => Color32::from_rgb(0xd4, 0x86, 0xc8),
        Track::Melody => Color32::from_rgb(0x3f, 0xcf, 0xa0),
    }
}

/// The heavier face.
#[must_use]
pub fn strong(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("strong".into()))
}

/// The usual face.
#[must_use]
pub const fn plain(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Sets fonts and style; once per window.
pub fn apply(context: &egui::Context) {
    let mut fonts = FontDefinitions::empty();
    let faces: [(&str, &'static [u8]); 2] = [
        ("medium", include_bytes!("../../../assets/fonts/Inter-Medium.otf")),
        ("semibold", include_bytes!("../../../assets/fonts/Inter-SemiBold.otf")),
    ];
    for (name, bytes) in faces {
        fonts.font_data.insert(name.to_owned(), FontData::from_static(bytes).into());
    }
    let families = [
        (FontFamily::Proportional, "medium"),
        (FontFamily::Monospace, "medium"),
        (FontFamily::Name("strong".into()), "semibold"),
    ];
    for (family, face) in families {
        fonts.families.insert(family, vec![face.to_owned()]);
    }
    context.set_fonts(fonts);
    context.set_theme(egui::Theme::Dark);
    context.all_styles_mut(|style| {
        style.spacing.item_spacing = Vec2::new(6.0, 6.0);
        style.spacing.button_padding = Vec2::new(8.0, 4.0);
        style.spacing.interact_size.y = 24.0;
        style.interaction.selectable_labels = false;
        let visuals = &mut style.visuals;
        visuals.panel_fill = BACKGROUND;
        visuals.window_fill = CARD;
        visuals.extreme_bg_color = WELL;
        visuals.override_text_color = Some(TEXT);
        visuals.selection.bg_fill = ACCENT.gamma_multiply(0.6);
        visuals.selection.stroke = Stroke::new(1.0, ACCENT);
        for widget in [
            &mut visuals.widgets.inactive,
            &mut visuals.widgets.hovered,
            &mut visuals.widgets.active,
            &mut visuals.widgets.open,
            &mut visuals.widgets.noninteractive,
        ] {
            widget.corner_radius = SMALL_ROUNDING;
            widget.bg_stroke = Stroke::new(1.0, LINE);
        }
        visuals.widgets.inactive.weak_bg_fill = BUTTON;
        visuals.widgets.inactive.bg_fill = BUTTON;
        visuals.widgets.hovered.weak_bg_fill = BUTTON.gamma_multiply(1.4);
        visuals.widgets.hovered.bg_stroke = Stroke::new(1.0, DIM);
    });
}
