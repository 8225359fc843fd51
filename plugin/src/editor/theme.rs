//! Colours, fonts and spacing of the editor: a dark and a light palette, both with the contrast that WCAG 2 requires.

mod palette;

use egui::{Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Stroke, Theme, Ui, Vec2};

pub use palette::Palette;

/// Margin around cards and the gap between them, in points.
pub const GAP: f32 = 8.0;
/// Rounding of cards, in points.
pub const ROUNDING: CornerRadius = CornerRadius::same(8);
/// Rounding of buttons and chips, in points.
pub const SMALL_ROUNDING: CornerRadius = CornerRadius::same(5);

/// The colours in use.
#[must_use]
pub fn palette(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &Palette::DARK } else { &Palette::LIGHT }
}

/// The semi-bold face.
#[must_use]
pub fn strong(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("strong".into()))
}

/// The regular face.
#[must_use]
pub const fn plain(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Sets fonts and both styles; once per window.
pub fn apply(context: &Context) {
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
    for (theme, palette) in [(Theme::Dark, &Palette::DARK), (Theme::Light, &Palette::LIGHT)] {
        context.style_mut_of(theme, |style| set_style(style, palette));
    }
}

/// Chooses the dark or the light palette.
pub fn choose(context: &Context, light: bool) {
    context.set_theme(if light { Theme::Light } else { Theme::Dark });
}

fn set_style(style: &mut egui::Style, palette: &Palette) {
    for (text_style, font) in &mut style.text_styles {
        *font = plain(if *text_style == egui::TextStyle::Small { 11.0 } else { 13.0 });
    }
    style.spacing.item_spacing = Vec2::new(6.0, 6.0);
    style.spacing.button_padding = Vec2::new(8.0, 4.0);
    style.spacing.interact_size.y = 24.0;
    style.spacing.menu_margin = egui::Margin::same(8);
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.6;
    // No animations: a repaint costs the host time.
    style.animation_time = 0.0;
    let visuals = &mut style.visuals;
    visuals.text_cursor.blink = false;
    visuals.panel_fill = palette.background;
    visuals.window_fill = palette.card;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.window_corner_radius = ROUNDING;
    visuals.menu_corner_radius = ROUNDING;
    visuals.extreme_bg_color = palette.well;
    visuals.text_edit_bg_color = Some(palette.well);
    visuals.faint_bg_color = palette.well;
    visuals.override_text_color = Some(palette.text);
    visuals.weak_text_color = Some(palette.dim);
    visuals.selection.bg_fill = palette.selection;
    visuals.selection.stroke = Stroke::new(2.0, palette.focus);
    visuals.hyperlink_color = palette.focus;
    visuals.warn_fg_color = palette.warning;
    visuals.error_fg_color = palette.warning;
    for widget in [
        &mut visuals.widgets.inactive,
        &mut visuals.widgets.hovered,
        &mut visuals.widgets.active,
        &mut visuals.widgets.open,
        &mut visuals.widgets.noninteractive,
    ] {
        widget.corner_radius = SMALL_ROUNDING;
        widget.bg_stroke = Stroke::new(1.0, palette.line);
        widget.fg_stroke = Stroke::new(1.2, palette.text);
        widget.weak_bg_fill = palette.button;
        widget.bg_fill = palette.button;
        widget.expansion = 0.0;
    }
    visuals.widgets.noninteractive.bg_fill = palette.card;
    for widget in [&mut visuals.widgets.hovered, &mut visuals.widgets.active, &mut visuals.widgets.open] {
        widget.weak_bg_fill = palette.button_hover;
        widget.bg_fill = palette.button_hover;
    }
    // The focused control is drawn as active.
    visuals.widgets.active.bg_stroke = Stroke::new(2.0, palette.focus);
}
