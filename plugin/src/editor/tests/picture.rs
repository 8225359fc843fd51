//! Pictures of the editor without a window or a graphics card: its triangles are filled here, one pixel after the other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use egui::epaint::{ClippedPrimitive, ImageData, Mesh, Primitive, TextureId, Vertex};
use egui::{Color32, ColorImage, Pos2, TexturesDelta};
use egui_kittest::TestRenderer;

/// Share of pixels that may differ from a golden picture.
const TOLERANCE: f64 = 0.004;
/// Difference of a colour component that is seen.
const SEEN: u8 = 24;

/// The textures that the editor has loaded: letters and waveforms.
#[derive(Clone, Debug, Default)]
pub struct Textures(Arc<Mutex<HashMap<TextureId, ColorImage>>>);

impl TestRenderer for Textures {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        let mut textures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changes =
            delta.set.iter().flat_map(|(id, changes)| changes.iter().map(move |change| (id, change)));
        for (id, change) in changes {
            let ImageData::Color(image) = &change.image;
            match (change.pos, textures.get_mut(id)) {
                (Some([left, top]), Some(texture)) => {
                    for y in 0..image.height() {
                        for x in 0..image.width() {
                            texture[(left + x, top + y)] = image[(x, y)];
                        }
                    }
                }
                _ => drop(textures.insert(*id, ColorImage::clone(image))),
            }
        }
        for id in &delta.free {
            textures.remove(id);
        }
        delta.clear();
    }
}

impl Textures {
    /// Draws what the editor has drawn last.
    pub fn draw(&self, primitives: &[ClippedPrimitive], size: [usize; 2], background: Color32) -> ColorImage {
        let mut picture = ColorImage::filled(size, background);
        let textures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            let Primitive::Mesh(mesh) = primitive else { continue };
            let Some(texture) = textures.get(&mesh.texture_id) else { continue };
            let place = |position: f32, most: usize| (position.round().max(0.0) as usize).min(most);
            let clip = [
                place(clip_rect.left(), size[0])..place(clip_rect.right(), size[0]),
                place(clip_rect.top(), size[1])..place(clip_rect.bottom(), size[1]),
            ];
            fill(&mut picture, mesh, texture, &clip);
        }
        picture
    }
}

/// Twice the area to the left of the line from `from` to `to`, as seen from `at`.
fn side(from: Pos2, to: Pos2, at: Pos2) -> f32 {
    (to.x - from.x) * (at.y - from.y) - (to.y - from.y) * (at.x - from.x)
}

fn fill(picture: &mut ColorImage, mesh: &Mesh, texture: &ColorImage, clip: &[std::ops::Range<usize>; 2]) {
    for corners in mesh.indices.chunks_exact(3) {
        let mut corners: [Vertex; 3] = std::array::from_fn(|index| mesh.vertices[corners[index] as usize]);
        let [a, b, c] = corners.map(|corner| corner.pos);
        let area = side(a, b, c);
        if area == 0.0 {
            continue;
        }
        if area < 0.0 {
            corners.swap(1, 2);
        }
        let places = corners.map(|corner| corner.pos);
        let edge = |index: usize| (places[(index + 1) % 3], places[(index + 2) % 3]);
        // A pixel on the edge of two triangles belongs to one of them.
        let owns = [0, 1, 2].map(|index| {
            let (from, to) = edge(index);
            to.y < from.y || (to.y == from.y && to.x > from.x)
        });
        let least =
            |of: fn(&Pos2) -> f32| places.iter().map(of).fold(f32::INFINITY, f32::min).max(0.0) as usize;
        let most = |of: fn(&Pos2) -> f32| places.iter().map(of).fold(0.0, f32::max) as usize + 1;
        for y in least(|place| place.y).max(clip[1].start)..most(|place| place.y).min(clip[1].end) {
            for x in least(|place| place.x).max(clip[0].start)..most(|place| place.x).min(clip[0].end) {
                let at = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
                let sides = [0, 1, 2].map(|index| side(edge(index).0, edge(index).1, at));
                let is_in = sides.iter().zip(owns).all(|(side, owns)| *side > 0.0 || (*side == 0.0 && owns));
                if is_in {
                    let color = color_at(&corners, sides.map(|side| side / area.abs()), texture);
                    let pixel = &mut picture[(x, y)];
                    *pixel = over(color, *pixel);
                }
            }
        }
    }
}

/// The premultiplied colour of a triangle where its corners have these shares.
fn color_at(corners: &[Vertex; 3], shares: [f32; 3], texture: &ColorImage) -> [f32; 4] {
    let mix = |of: &dyn Fn(&Vertex) -> f32| -> f32 {
        corners.iter().zip(shares).map(|(corner, share)| of(corner) * share).sum()
    };
    let texel = |share: f32, length: usize| ((share * length as f32) as usize).min(length - 1);
    let (u, v) = (mix(&|corner| corner.uv.x), mix(&|corner| corner.uv.y));
    let texel = texture[(texel(u, texture.width()), texel(v, texture.height()))].to_array();
    std::array::from_fn(|index| {
        mix(&|corner| f32::from(corner.color.to_array()[index])) * f32::from(texel[index]) / 255.0
    })
}

fn over(color: [f32; 4], below: Color32) -> Color32 {
    let below = below.to_array();
    let rest = 1.0 - color[3] / 255.0;
    let [red, green, blue] = std::array::from_fn(|index| {
        (color[index] + f32::from(below[index]) * rest).round().clamp(0.0, 255.0) as u8
    });
    Color32::from_rgb(red, green, blue)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/editor")
}

fn write(picture: &ColorImage, path: &Path) {
    let file = std::fs::File::create(path).expect("a file");
    let mut encoder = png::Encoder::new(file, picture.width() as u32, picture.height() as u32);
    encoder.set_color(png::ColorType::Rgb);
    let bytes: Vec<u8> = picture.pixels.iter().flat_map(|pixel| pixel.to_array()[..3].to_vec()).collect();
    let mut writer = encoder.write_header().expect("room");
    writer.write_image_data(&bytes).expect("room");
}

/// The bytes of a picture: red, green, blue.
fn read(path: &Path) -> Option<Vec<u8>> {
    let file = std::io::BufReader::new(std::fs::File::open(path).ok()?);
    let mut reader = png::Decoder::new(file).read_info().ok()?;
    let mut bytes = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut bytes).ok()?;
    Some(bytes)
}

/// Compares with a picture in `tests/golden/editor`; what is seen instead is kept.
///
/// # Panics
/// Panics if they differ.
pub fn assert_golden(picture: &ColorImage, name: &str) {
    let golden = folder().join(name);
    let difference = read(&golden).map_or(f64::INFINITY, |bytes| {
        let pixels = bytes.as_chunks::<3>().0;
        if pixels.len() != picture.pixels.len() {
            return f64::INFINITY;
        }
        let differs = |golden: &[u8; 3], pixel: &Color32| {
            golden.iter().zip(pixel.to_array()).any(|(one, other)| one.abs_diff(other) > SEEN)
        };
        let others = pixels.iter().zip(&picture.pixels).filter(|(golden, pixel)| differs(golden, pixel));
        others.count() as f64 / pixels.len() as f64
    });
    if difference > TOLERANCE {
        let seen = std::env::temp_dir().join(format!("resonantgen-{name}"));
        write(picture, &seen);
        panic!(
            "{} differs from what is seen in {} ({difference:.4} of the pixels): if that is meant, copy the latter over the \
             former",
            golden.display(),
            seen.display()
        );
    }
}
