//! Records a window, with the pointer drawn into it, as an animated PNG.

use std::path::Path;
use std::time::{Duration, Instant};

use resonantgen_tests::editor::Place;
use resonantgen_tests::screen::{Picture, Screen, wait_for};

/// Minimum time between two frames of an animation, in milliseconds.
const PACE: u16 = 120;
/// Number of frames while the pointer moves from one place to the next.
const STEPS: i16 = 5;
/// The pointer, an arrow: `#` is its edge, `.` its inside.
const POINTER: [&str; 17] = [
    "#",
    "##",
    "#.#",
    "#..#",
    "#...#",
    "#....#",
    "#.....#",
    "#......#",
    "#.......#",
    "#........#",
    "#.....####",
    "#..#..#",
    "#.# #..#",
    "##  #..#",
    "#    #..#",
    "     #..#",
    "      ##",
];

/// A recording of a window.
pub struct Film<'a> {
    screen: &'a Screen,
    window: u32,
    pointer: Place,
    /// Frames, each with its duration in milliseconds.
    frames: Vec<(Picture, u16)>,
}

impl<'a> Film<'a> {
    /// Starts with the pointer at a place.
    pub fn new(screen: &'a Screen, window: u32, pointer: Place) -> Self {
        screen.point(window, pointer);
        Self { screen, window, pointer, frames: Vec::new() }
    }

    /// Holds the current picture for some milliseconds.
    pub fn hold(&mut self, milliseconds: u16) {
        let mut picture = self.screen.look(self.window);
        draw_pointer(&mut picture, self.pointer);
        match self.frames.last_mut() {
            Some((last, shown)) if *last == picture => *shown += milliseconds,
            _ => self.frames.push((picture, milliseconds)),
        }
    }

    /// Moves the pointer to a place and clicks.
    pub fn click(&mut self, place: Place) {
        let from = self.pointer;
        for step in 1..=STEPS {
            let between = |from: i16, to: i16| from + (to - from) * step / STEPS;
            self.pointer = (between(from.0, place.0), between(from.1, place.1));
            self.screen.point(self.window, self.pointer);
            self.hold(60);
        }
        self.hold(250);
        self.screen.click(self.window, place);
    }

    /// Records until the window meets a condition.
    pub fn follow(&mut self, what: &str, is_so: impl Fn(&Picture) -> bool) {
        let mut next = Instant::now();
        wait_for(what, || {
            let is_done = is_so(&self.screen.look(self.window));
            if !is_done && Instant::now() >= next {
                next = Instant::now() + Duration::from_millis(PACE.into());
                self.hold(PACE);
            }
            is_done.then_some(())
        });
    }

    /// Writes the recording as a looping animated PNG that stores only the changes after the first frame.
    pub fn write(&self, path: &Path) {
        let file = std::fs::File::create(path).expect("the folder is there");
        let (first, _) = self.frames.first().expect("something was filmed");
        let mut encoder = png::Encoder::new(file, first.width as u32, first.height as u32);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_compression(png::Compression::High);
        encoder.set_animated(self.frames.len() as u32, 0).expect("there are frames");
        encoder.set_blend_op(png::BlendOp::Over).expect("it is animated");
        let mut writer = encoder.write_header().expect("room");
        let mut before: Option<&Picture> = None;
        for (picture, milliseconds) in &self.frames {
            let [left, top, width, height] =
                before.map_or([0, 0, first.width, first.height], |before| changed(before, picture));
            writer.set_frame_delay(*milliseconds, 1_000).expect("it is animated");
            // A dimension is checked against the position of the previous frame.
            writer.set_frame_position(0, 0).expect("it lies within");
            writer.set_frame_dimension(width as u32, height as u32).expect("it lies within");
            writer.set_frame_position(left as u32, top as u32).expect("it lies within");
            let mut bytes = Vec::with_capacity(width * height * 4);
            for at in
                (top..top + height).flat_map(|row| (left..left + width).map(move |x| row * first.width + x))
            {
                let is_same = before.is_some_and(|before| before.pixels[at] == picture.pixels[at]);
                let [red, green, blue] = picture.pixels[at];
                bytes.extend(if is_same { [0; 4] } else { [red, green, blue, 255] });
            }
            writer.write_image_data(&bytes).expect("room");
            before = Some(picture);
        }
        writer.finish().expect("room");
    }
}

/// The smallest rectangle that contains all differences: left, top, width, height; one pixel if there are none.
fn changed(before: &Picture, after: &Picture) -> [usize; 4] {
    let width = after.width;
    let places = (0..after.pixels.len()).filter(|at| before.pixels[*at] != after.pixels[*at]);
    let (mut min, mut max) = ((usize::MAX, usize::MAX), (0, 0));
    for (x, y) in places.map(|at| (at % width, at / width)) {
        min = (min.0.min(x), min.1.min(y));
        max = (max.0.max(x), max.1.max(y));
    }
    if min.0 > max.0 { [0, 0, 1, 1] } else { [min.0, min.1, max.0 - min.0 + 1, max.1 - min.1 + 1] }
}

fn draw_pointer(picture: &mut Picture, (x, y): Place) {
    for (row, line) in POINTER.into_iter().enumerate() {
        for (column, ink) in line.bytes().enumerate() {
            let (x, y) = (x as usize + column, y as usize + row);
            if ink != b' ' && x < picture.width && y < picture.height {
                picture.pixels[y * picture.width + x] = if ink == b'#' { [16; 3] } else { [255; 3] };
            }
        }
    }
}
