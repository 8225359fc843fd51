//! The ruler above the lanes: bar numbers, chords that can be changed, and the loop's end that can be dragged.

use std::ops::Range;

use egui::{
    Align2, Button, Color32, CursorIcon, Grid, Painter, Popup, PopupCloseBehavior, Pos2, Rect, RichText,
    Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};
use nice_plug::prelude::{IntParam, ParamSetter};
use resonantgen_music::plan::{BARS_RANGE, Chord, ChordQuality, Key, Plan};

use super::action::Action;
use super::control;
use super::theme::{self, palette};
use super::timeline::Timeline;
use crate::params::BARS_MAX;

/// Height of the ruler, in points.
pub const HEIGHT: f32 = 36.0;
const BARS_HEIGHT: f32 = 13.0;
/// Width of the handle at the loop's end, in points.
const HANDLE: f32 = 12.0;
/// Chord qualities offered besides the key's own chords.
const QUALITIES: [ChordQuality; 12] = [
    ChordQuality::Major,
    ChordQuality::Minor,
    ChordQuality::Major7,
    ChordQuality::Minor7,
    ChordQuality::Dominant7,
    ChordQuality::Minor9,
    ChordQuality::Add9,
    ChordQuality::Sus2,
    ChordQuality::Sus4,
    ChordQuality::Power,
    ChordQuality::Diminished,
    ChordQuality::HalfDiminished7,
];

/// Draws the part of the ruler that `timeline` shows in `rect`, and returns the user's action. `followed` has the chords that are played
/// and followed, as far as there are any, for each half bar of the plan.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    (plan, followed): (&Plan, &[Option<Chord>]),
    enabled: bool,
    timeline: &mut Timeline,
) -> Option<Action> {
    let palette = palette(ui);
    select_bars(ui, rect, plan.bars, timeline);
    let wide = timeline.wide(rect);
    let bar_width = wide.width() / plan.bars as f32;
    let every = [1, 2, 4, 8, 16].into_iter().find(|every| bar_width * *every as f32 > 24.0).unwrap_or(32);
    let painter = ui.painter().with_clip_rect(rect);
    for bar in 0..plan.bars {
        let x = wide.left() + bar as f32 * bar_width;
        if bar % every == 0 && x + bar_width > rect.left() && x < rect.right() {
            number_bar(&painter, pos2(x.max(rect.left()), rect.top()), bar, palette.dim);
        }
    }
    let mut asked = None;
    for Run { from, to, chord, followed } in runs(&plan.chords, followed) {
        let count = plan.chords.len() as f32;
        let x = |half_bar: usize| wide.left() + wide.width() * half_bar as f32 / count;
        let (left, right) = ((x(from) + 0.5).max(rect.left()), (x(to) - 0.5).min(rect.right()));
        if right - left < 1.0 {
            continue;
        }
        let block =
            Rect::from_min_max(pos2(left, rect.top() + BARS_HEIGHT + 1.0), pos2(right, rect.bottom()));
        // A chord within the selected bars is changed in all of them.
        let selected = timeline.selection().map(|bars| 2 * bars.start as usize..2 * bars.end as usize);
        let span = selected.filter(|span| span.contains(&from)).unwrap_or(from..to);
        if let Some(chord) = chord_block(ui, block, (from, &span), (chord, followed), plan.key, enabled) {
            asked = Some(Action::Chord { from: span.start, to: span.end, chord });
        }
    }
    asked
}

/// The strip with the bars' numbers: drag over it, or use the arrow keys, to select bars.
fn select_bars(ui: &mut Ui, rect: Rect, bars: u32, timeline: &mut Timeline) {
    let palette = palette(ui);
    let strip = Rect::from_min_size(rect.min, vec2(rect.width(), BARS_HEIGHT));
    let id = ui.scope_id().with("bars");
    let response = ui.interact(strip, id, Sense::click_and_drag());
    let wide = timeline.wide(rect);
    let bar_at = |x: f32| {
        let share = ((x - wide.left()) / wide.width()).clamp(0.0, 1.0);
        ((share * bars as f32) as u32).min(bars.saturating_sub(1))
    };
    let pointer = response.interact_pointer_pos().map(|pointer| bar_at(pointer.x));
    if let Some(bar) = pointer {
        let shift = ui.input(|input| input.modifiers.shift);
        if response.drag_started() || (response.clicked() && !shift) {
            ui.data_mut(|data| data.insert_temp(id, bar));
        }
        let anchor = ui.data(|data| data.get_temp(id)).unwrap_or(bar);
        if response.clicked() && !shift && timeline.selection() == Some(bar..bar + 1) {
            timeline.select_none();
        } else if response.clicked() || response.dragged() {
            timeline.select(anchor, bar);
        }
    }
    if response.double_clicked() {
        timeline.show_all();
        timeline.select_none();
    }
    let (steps, reset) = control::pressed_arrows(ui, &response);
    if steps != 0 {
        let shift = ui.input(|input| input.modifiers.shift);
        let here = timeline.selection().unwrap_or(0..0);
        let moved = |bar: u32| bar.saturating_add_signed(steps);
        match (here.is_empty(), shift) {
            (true, _) => timeline.select(0, 0),
            (_, true) => timeline.select(here.start, moved(here.end - 1).max(here.start)),
            _ => timeline.select(moved(here.start), moved(here.start)),
        }
    }
    if reset {
        timeline.select_none();
    }
    let name = timeline.selection().map_or("Select bars".to_owned(), |bars| {
        if bars.end - bars.start == 1 {
            format!("Selected bar {}", bars.end)
        } else {
            format!("Selected bars {} to {}", bars.start + 1, bars.end)
        }
    });
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
    if let Some(selected) = timeline.selection() {
        let x = |bar: u32| egui::lerp(wide.left()..=wide.right(), bar as f32 / bars.max(1) as f32);
        let mark = Rect::from_x_y_ranges(x(selected.start)..=x(selected.end), strip.y_range());
        ui.painter().with_clip_rect(rect).rect_filled(mark, 2.0, palette.selection);
    }
    if !timeline.is_whole() {
        // Position of the visible part in the loop.
        let part = timeline.part();
        let x = |share: f32| egui::lerp(strip.left()..=strip.right(), share);
        let line = Stroke::new(2.0, palette.focus);
        ui.painter().hline(x(part.start)..=x(part.end), strip.bottom(), line);
    }
    control::focus_ring(ui, &response, strip);
    response.on_hover_text(
        "Drag to select bars, double-click to see all. Ctrl and the wheel zoom, Shift and the wheel move along",
    );
}

/// Writes the number of the bar that starts at `corner`; `bar` counts from 0.
fn number_bar(painter: &Painter, corner: Pos2, bar: u32, colour: Color32) {
    painter.text(corner + vec2(2.0, 0.0), Align2::LEFT_TOP, bar + 1, theme::plain(10.5), colour);
}

/// Before anything is generated: the bars of the next piece.
pub fn show_empty(ui: &Ui, rect: Rect, bars: u32) {
    let palette = palette(ui);
    let painter = ui.painter().with_clip_rect(rect);
    let width = rect.width() / bars.max(1) as f32;
    for bar in 0..bars {
        let x = rect.left() + bar as f32 * width;
        if width > 24.0 || bar % 4 == 0 {
            number_bar(&painter, pos2(x, rect.top()), bar, palette.dim);
        }
        let block = Rect::from_min_max(
            pos2(x + 0.5, rect.top() + BARS_HEIGHT + 1.0),
            pos2(x + width - 0.5, rect.bottom()),
        );
        painter.rect_filled(block, 3.0, palette.card);
    }
}

/// Half bars of one chord.
struct Run {
    from: usize,
    to: usize,
    chord: Chord,
    /// The chord that is followed instead.
    followed: Option<Chord>,
}

/// Runs of one chord, with the half bars they span.
fn runs(chords: &[Chord], followed: &[Option<Chord>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, chord) in chords.iter().enumerate() {
        let followed = followed.get(index).copied().flatten();
        match runs.last_mut() {
            // A bar line also ends a block, so that each bar can be changed on its own.
            Some(run) if (run.chord, run.followed) == (*chord, followed) && index % 2 == 1 => {
                run.to = index + 1;
            }
            _ => runs.push(Run { from: index, to: index + 1, chord: *chord, followed }),
        }
    }
    runs
}

fn chord_block(
    ui: &mut Ui,
    rect: Rect,
    (from, span): (usize, &Range<usize>),
    (chord, followed): (Chord, Option<Chord>),
    key: Key,
    enabled: bool,
) -> Option<Chord> {
    let palette = palette(ui);
    let mut asked = None;
    ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(("chord", from)), |ui| {
        if !enabled {
            ui.disable();
        }
        let (_, response) = ui.allocate_exact_size(rect.size(), Sense::click());
        let name = match followed {
            Some(followed) => format!("Chord {chord}, bar {}, follows {followed}", from / 2 + 1),
            None => format!("Chord {chord}, bar {}", from / 2 + 1),
        };
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, enabled, &name));
        let open = Popup::is_id_open(ui.ctx(), Popup::default_response_id(&response));
        let fill = if response.hovered() || open { palette.button_hover } else { palette.button };
        ui.painter().rect_filled(rect, 3.0, fill);
        let ink = if followed.is_some() { palette.focus } else { palette.text };
        let shown = followed.unwrap_or(chord).to_string();
        let text = ui.painter().layout_no_wrap(shown, theme::strong(12.0), ink);
        if text.size().x < rect.width() - 4.0 {
            let left = (rect.left() + 6.0).min(rect.center().x - text.size().x / 2.0);
            ui.painter().galley(pos2(left, rect.center().y - text.size().y / 2.0), text, ink);
        }
        if response.has_focus() {
            ui.painter().rect_stroke(rect, 3.0, Stroke::new(2.0, palette.focus), StrokeKind::Inside);
        }
        let hint = format!(
            "{chord} in bar {}. Click to change it: the notes there move to the new chord, the pattern stays",
            from / 2 + 1
        );
        let hint = match followed {
            Some(followed) => format!("Follows {followed}, which you play. The take itself has {hint}"),
            None => hint,
        };
        let response = response.on_hover_text(hint);
        Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            asked = chord_menu(ui, chord, key, span.len());
            if asked.is_some() {
                ui.close();
            }
        });
    });
    asked
}

/// The chord menu: the key's chords first, then any root and quality.
fn chord_menu(ui: &mut Ui, chord: Chord, key: Key, half_bars: usize) -> Option<Chord> {
    let palette = palette(ui);
    let mut asked = None;
    let flats = key.uses_flats();
    let mut pick = |ui: &mut Ui, shown: &str, candidate: Chord, on: bool| {
        let fill = if on { palette.selection } else { palette.button };
        let button = Button::new(RichText::new(shown).font(theme::plain(12.5))).fill(fill);
        if ui.add_sized(vec2(46.0, 24.0), button).clicked() {
            asked = Some(candidate);
        }
    };
    let length = match half_bars {
        1 => "this half bar".to_owned(),
        2 => "this bar".to_owned(),
        many => format!("these {} bars", many / 2),
    };
    ui.label(RichText::new(format!("{length}, chords of {key}")).color(palette.dim));
    ui.horizontal(|ui| {
        for candidate in diatonic(key) {
            pick(ui, &candidate.to_string(), candidate, candidate == chord);
        }
    });
    ui.label(RichText::new("root").color(palette.dim));
    Grid::new("roots").spacing(vec2(6.0, 6.0)).show(ui, |ui| {
        for step in 0..12_u8 {
            let root = (key.tonic + step) % 12;
            let candidate = Chord::new(root, chord.quality, flats);
            let name = Chord::new(root, ChordQuality::Major, flats).to_string();
            pick(ui, &name, candidate, root == chord.root);
            if step % 6 == 5 {
                ui.end_row();
            }
        }
    });
    ui.label(RichText::new("kind").color(palette.dim));
    Grid::new("qualities").spacing(vec2(6.0, 6.0)).show(ui, |ui| {
        for (index, quality) in QUALITIES.into_iter().enumerate() {
            let candidate = Chord::new(chord.root, quality, flats).over(chord.bass_note());
            let name = if quality == ChordQuality::Major { "maj" } else { quality.suffix() };
            pick(ui, name, candidate, quality == chord.quality);
            if index % 6 == 5 {
                ui.end_row();
            }
        }
    });
    asked
}

/// The seven triads of a key.
fn diatonic(key: Key) -> Vec<Chord> {
    let degrees = key.mode.degrees();
    (0..7)
        .map(|degree| {
            let above = |steps: usize| (degrees[(degree + steps) % 7] + 12 - degrees[degree]) % 12;
            let quality = match (above(2), above(4)) {
                (4, 7) => ChordQuality::Major,
                (3, 7) => ChordQuality::Minor,
                (4, 8) => ChordQuality::Augmented,
                _ => ChordQuality::Diminished,
            };
            Chord::new(key.tonic + degrees[degree], quality, key.uses_flats())
        })
        .collect()
}

/// The handle at the loop's end, right of the lanes' `ruler`: drag it to set another length, double-click for the prompt's.
pub fn length_handle(ui: &mut Ui, ruler: Rect, bars: u32, param: &IntParam, setter: &ParamSetter<'_>) {
    let palette = palette(ui);
    let rect = Rect::from_min_size(
        pos2(ruler.right() - HANDLE / 2.0, ruler.top() - 1.0),
        vec2(HANDLE, BARS_HEIGHT + 2.0),
    );
    let response = ui.interact(rect, ui.scope_id().with("length"), Sense::click_and_drag());
    let asked = u32::try_from(param.value()).unwrap_or(0);
    let shown = if asked == 0 { bars } else { asked };
    response.widget_info(|| WidgetInfo::slider(true, f64::from(shown), "Loop length in bars"));
    let start = ui.scope_id().with("length start");
    if response.drag_started() {
        ui.data_mut(|data| data.insert_temp(start, (shown, 0.0_f32)));
    }
    if response.dragged()
        && let Some((from, moved)) = ui.data(|data| data.get_temp::<(u32, f32)>(start))
    {
        let moved = moved + response.drag_delta().x;
        ui.data_mut(|data| data.insert_temp(start, (from, moved)));
        // Snap to usual loop lengths, with comfortable steps.
        const STEP: f32 = 26.0;
        let wanted = dragged_bars(from, (moved / STEP).round() as i32);
        if wanted != shown {
            control::set(setter, param, wanted as i32);
        }
    }
    let (steps, reset) = control::pressed_arrows(ui, &response);
    if steps != 0 {
        control::set(setter, param, dragged_bars(shown, steps) as i32);
    }
    if reset || response.double_clicked() {
        control::set(setter, param, 0);
    }
    let color = if response.hovered() || response.dragged() || response.has_focus() {
        palette.focus
    } else {
        palette.dim
    };
    let x = ruler.right() - 0.5;
    ui.painter().vline(x, ruler.top()..=ruler.top() + BARS_HEIGHT, Stroke::new(2.0, color));
    let tip = pos2(x, ruler.top() + 6.0);
    ui.painter().add(egui::Shape::convex_polygon(
        vec![tip + vec2(0.0, -5.0), tip + vec2(-6.0, 0.0), tip + vec2(0.0, 5.0)],
        color,
        Stroke::NONE,
    ));
    control::focus_ring(ui, &response, rect);
    if asked != 0 && asked != bars {
        let text = format!("next: {}", bars_in_words(asked));
        let place = pos2(x - 10.0, ruler.top());
        let galley = ui.painter().layout_no_wrap(text, theme::strong(11.0), palette.focus);
        let rect = Align2::RIGHT_TOP.anchor_size(place, galley.size());
        ui.painter().rect_filled(rect.expand2(vec2(4.0, 0.0)), 3.0, palette.background);
        ui.painter().galley(rect.min, galley, palette.focus);
    }
    response
        .on_hover_cursor(CursorIcon::ResizeHorizontal)
        .on_hover_text("Drag to set the length of the next generation. Double-click to follow the prompt");
}

/// A number of bars in words.
#[must_use]
pub fn bars_in_words(bars: u32) -> String {
    if bars == 1 { "1 bar".to_owned() } else { format!("{bars} bars") }
}

/// The length `steps` away from `from` among the usual loop lengths.
fn dragged_bars(from: u32, steps: i32) -> u32 {
    const LENGTHS: [u32; 9] = [1, 2, 3, 4, 6, 8, 12, 16, 32];
    let near = LENGTHS.iter().position(|length| *length >= from).unwrap_or(LENGTHS.len() - 1);
    let wanted = (near as i32 + steps).clamp(0, LENGTHS.len() as i32 - 1) as usize;
    LENGTHS[wanted].clamp(*BARS_RANGE.start(), BARS_MAX as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_seven_triads() {
        let names = |key: &str| -> Vec<String> {
            diatonic(key.parse().expect("a key")).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("A minor"), ["Am", "Bdim", "C", "Dm", "Em", "F", "G"]);
        assert_eq!(names("Eb major"), ["Eb", "Fm", "Gm", "Ab", "Bb", "Cm", "Ddim"]);
    }

    #[test]
    fn blocks_end_at_bar_lines() {
        let chords: Vec<Chord> =
            ["Am", "Am", "Am", "Am", "F", "G"].map(|name| name.parse().expect("a chord")).to_vec();
        let spans: Vec<(usize, usize)> = runs(&chords, &[]).iter().map(|run| (run.from, run.to)).collect();
        assert_eq!(spans, [(0, 2), (2, 4), (4, 5), (5, 6)]);
    }

    #[test]
    fn dragging_goes_through_usual_lengths() {
        assert_eq!(dragged_bars(4, 1), 6);
        assert_eq!(dragged_bars(4, -2), 2);
        assert_eq!(dragged_bars(5, 0), 6);
        assert_eq!((dragged_bars(8, 99), dragged_bars(8, -99)), (32, 1));
    }
}
