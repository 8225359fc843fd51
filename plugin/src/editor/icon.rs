//! Icons, drawn with lines so that they are crisp at every scale.

use std::f32::consts::{PI, TAU};

use egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, Vec2, pos2, vec2};

use super::theme;

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A closed padlock.
    Locked,
    /// An open padlock.
    Unlocked,
    /// Three small faders.
    Dials,
    /// A pin: a value that is held.
    Pin,
    /// An arrow in a circle.
    Again,
    /// A triangle.
    Play,
    /// A square.
    Stop,
    /// An arrow that turns back.
    Undo,
    /// Its mirror image.
    Redo,
    /// An arrow out of a tray.
    Export,
    /// A star, filled or not.
    Star(bool),
    /// A small arrow to the left.
    Previous,
    /// A small arrow to the right.
    Next,
    /// A small arrow down: a menu.
    Down,
    /// A small arrow up: the folder above.
    Up,
    /// Two sheets.
    Copy,
    /// A cross.
    Close,
    /// A bin.
    Delete,
    /// A waveform.
    Sound,
    /// Bars of a piano roll.
    Notes,
    /// Lines of a list, the first of them marked.
    List,
    /// Three dots.
    More,
    /// A letter.
    Letter(char),
    /// Two letters that are compared.
    Compare,
}

/// Points of an arc around `middle`; angles in radians, clockwise from the right.
fn arc(from: f32, to: f32, radius: f32, middle: Pos2) -> Vec<Pos2> {
    const PIECES: u8 = 14;
    (0..=PIECES)
        .map(|piece| {
            let angle = from + (to - from) * f32::from(piece) / f32::from(PIECES);
            middle + vec2(angle.cos(), angle.sin()) * radius
        })
        .collect()
}

fn triangle(painter: &Painter, points: [Pos2; 3], ink: Color32) {
    painter.add(Shape::convex_polygon(points.to_vec(), ink, Stroke::NONE));
}

/// Draws an icon in the middle of `rect`.
pub fn paint(painter: &Painter, icon: Icon, rect: Rect, ink: Color32) {
    let center = rect.center();
    let stroke = Stroke::new(1.5, ink);
    let line = |points: &[Vec2]| {
        painter.line(points.iter().map(|point| center + *point).collect(), stroke);
    };
    match icon {
        Icon::Locked | Icon::Unlocked => {
            let body = Rect::from_center_size(center + vec2(0.0, 2.5), vec2(11.0, 8.0));
            painter.rect_filled(body, 1.5, ink);
            let shift = if icon == Icon::Locked { 0.0 } else { 4.0 };
            let top = center + vec2(shift, -2.5);
            painter.line(arc(PI, TAU, 3.5, top), stroke);
            painter.line_segment([top + vec2(-3.5, 0.0), top + vec2(-3.5, 2.0)], stroke);
            if icon == Icon::Locked {
                painter.line_segment([top + vec2(3.5, 0.0), top + vec2(3.5, 2.0)], stroke);
            }
        }
        Icon::Dials => {
            for (x, y) in [(-4.5, 1.5), (0.0, -2.5), (4.5, 0.5)] {
                line(&[vec2(x, -5.5), vec2(x, 5.5)]);
                painter.circle_filled(center + vec2(x, y), 2.2, ink);
            }
        }
        Icon::Pin => {
            line(&[vec2(-3.5, -5.5), vec2(3.5, -5.5)]);
            line(&[
                vec2(-2.0, -5.5),
                vec2(-2.0, -0.5),
                vec2(-4.5, 1.5),
                vec2(4.5, 1.5),
                vec2(2.0, -0.5),
                vec2(2.0, -5.5),
            ]);
            line(&[vec2(0.0, 1.5), vec2(0.0, 6.0)]);
        }
        Icon::Again => {
            const RADIUS: f32 = 5.5;
            painter.line(arc(-0.6, 4.4, RADIUS, center), stroke);
            let tip = center + vec2((-0.6_f32).cos(), (-0.6_f32).sin()) * RADIUS;
            triangle(painter, [tip + vec2(-4.0, 0.6), tip + vec2(2.1, 2.5), tip + vec2(1.6, -4.0)], ink);
        }
        Icon::Play => triangle(
            painter,
            [center + vec2(-3.5, -5.5), center + vec2(6.0, 0.0), center + vec2(-3.5, 5.5)],
            ink,
        ),
        Icon::Stop => {
            painter.rect_filled(Rect::from_center_size(center, Vec2::splat(9.0)), 1.0, ink);
        }
        Icon::Undo | Icon::Redo => {
            let side = if icon == Icon::Undo { 1.0 } else { -1.0 };
            let points = arc(-PI * 0.5, PI * 0.5, 3.6, center + vec2(1.6, 0.6));
            let mut points: Vec<Pos2> = points
                .into_iter()
                .map(|point| pos2(center.x + (point.x - center.x) * side, point.y))
                .collect();
            points.insert(0, center + vec2(-4.0 * side, -3.0));
            points.push(center + vec2(-3.0 * side, 4.2));
            painter.line(points, stroke);
            triangle(
                painter,
                [
                    center + vec2(-7.0 * side, -3.0),
                    center + vec2(-3.0 * side, -6.2),
                    center + vec2(-3.0 * side, 0.2),
                ],
                ink,
            );
        }
        Icon::Export => {
            line(&[vec2(-5.5, 1.5), vec2(-5.5, 5.5), vec2(5.5, 5.5), vec2(5.5, 1.5)]);
            line(&[vec2(0.0, 2.0), vec2(0.0, -3.0)]);
            triangle(
                painter,
                [center + vec2(-3.6, -2.4), center + vec2(3.6, -2.4), center + vec2(0.0, -6.6)],
                ink,
            );
        }
        Icon::Star(filled) => {
            let points: Vec<Pos2> = (0..10_u8)
                .map(|corner| {
                    let radius = if corner % 2 == 0 { 6.2 } else { 2.6 };
                    let angle = -PI / 2.0 + f32::from(corner) * PI / 5.0;
                    center + vec2(angle.cos(), angle.sin()) * radius
                })
                .collect();
            if filled {
                // A star is not convex, so draw five points around a middle.
                for corner in 0..5 {
                    let at = |index: usize| points[index % 10];
                    let spike = [at(2 * corner + 9), at(2 * corner), at(2 * corner + 1)];
                    triangle(painter, spike, ink);
                    triangle(painter, [center, spike[2], spike[0]], ink);
                }
            }
            painter.add(Shape::closed_line(points, Stroke::new(1.2, ink)));
        }
        Icon::Previous | Icon::Next => {
            let side = if icon == Icon::Next { 1.0 } else { -1.0 };
            line(&[vec2(-2.0 * side, -4.5), vec2(2.5 * side, 0.0), vec2(-2.0 * side, 4.5)]);
        }
        Icon::Up => line(&[vec2(-4.5, 2.5), vec2(0.0, -2.5), vec2(4.5, 2.5)]),
        Icon::Down => line(&[vec2(-4.0, -2.0), vec2(0.0, 2.5), vec2(4.0, -2.0)]),
        Icon::Copy => {
            let sheet = |shift: Vec2| Rect::from_center_size(center + shift, vec2(7.0, 8.5));
            painter.rect_stroke(
                sheet(vec2(-1.8, -1.6)),
                1.0,
                Stroke::new(1.2, ink),
                egui::StrokeKind::Middle,
            );
            painter.rect_filled(sheet(vec2(1.8, 1.6)), 1.0, ink);
        }
        Icon::Close => {
            line(&[vec2(-4.0, -4.0), vec2(4.0, 4.0)]);
            line(&[vec2(4.0, -4.0), vec2(-4.0, 4.0)]);
        }
        Icon::Delete => {
            line(&[vec2(-5.0, -3.5), vec2(5.0, -3.5)]);
            line(&[vec2(-1.8, -3.5), vec2(-1.8, -5.5), vec2(1.8, -5.5), vec2(1.8, -3.5)]);
            line(&[vec2(-3.8, -3.5), vec2(-3.2, 5.5), vec2(3.2, 5.5), vec2(3.8, -3.5)]);
        }
        Icon::Sound => {
            for (column, half) in [2.0, 5.0, 3.5, 6.0, 2.5].into_iter().enumerate() {
                let x = -6.0 + 3.0 * column as f32;
                line(&[vec2(x, -half), vec2(x, half)]);
            }
        }
        Icon::Notes => {
            for (from, to, height) in [(-6.0, -1.0, 3.5), (-1.5, 3.0, -3.5), (2.0, 6.5, 0.0)] {
                let bar =
                    Rect::from_min_max(center + vec2(from, height - 1.4), center + vec2(to, height + 1.4));
                painter.rect_filled(bar, 1.0, ink);
            }
        }
        Icon::List => {
            for y in [-4.5, 0.0, 4.5] {
                painter.circle_filled(center + vec2(-5.0, y), if y < 0.0 { 1.7 } else { 1.1 }, ink);
                line(&[vec2(-2.0, y), vec2(6.0, y)]);
            }
        }
        Icon::More => {
            for x in [-4.5, 0.0, 4.5] {
                painter.circle_filled(center + vec2(x, 0.0), 1.5, ink);
            }
        }
        Icon::Letter(letter) => {
            painter.text(center, Align2::CENTER_CENTER, letter, theme::strong(12.5), ink);
        }
        Icon::Compare => {
            painter.text(center, Align2::CENTER_CENTER, "A/B", theme::strong(10.5), ink);
        }
    }
}
