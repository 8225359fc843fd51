//! A picture with anti-aliased shapes and text.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

/// A colour: red, green, blue.
pub type Colour = [u8; 3];

/// A rectangle in pixels; edges may lie between pixels.
#[derive(Clone, Copy, Debug)]
pub struct Rect {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Lower edge.
    pub bottom: f32,
}

impl Rect {
    /// Width in pixels.
    pub fn width(self) -> f32 {
        self.right - self.left
    }

    /// Height in pixels.
    pub fn height(self) -> f32 {
        self.bottom - self.top
    }
}

/// Alignment of text relative to its x position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The text starts there.
    Left,
    /// The text is centred there.
    Centre,
    /// The text ends there.
    Right,
}

/// A weight of the font.
#[derive(Clone, Copy, Debug)]
pub enum Weight {
    /// For most text.
    Medium,
    /// For titles.
    SemiBold,
}

/// The picture.
pub struct Canvas {
    width: usize,
    /// Row by row.
    pixels: Vec<Colour>,
    medium: FontRef<'static>,
    semi_bold: FontRef<'static>,
}

impl Canvas {
    /// A picture of one colour.
    pub fn new(width: u32, height: u32, background: Colour) -> Self {
        let font = |bytes| FontRef::try_from_slice(bytes).expect("the shipped fonts are valid");
        Self {
            width: width as usize,
            pixels: vec![background; width as usize * height as usize],
            medium: font(include_bytes!("../../../assets/fonts/Inter-Medium.otf")),
            semi_bold: font(include_bytes!("../../../assets/fonts/Inter-SemiBold.otf")),
        }
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// Returns an error if the encoder fails, which happens only when memory runs out.
    pub fn into_png(self) -> Result<Vec<u8>, png::EncodingError> {
        let mut bytes = Vec::new();
        let height = self.pixels.len() / self.width.max(1);
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(bytes)
    }

    /// Mixes a colour into one pixel; pixels outside the picture are ignored.
    fn blend(&mut self, x: i32, y: i32, colour: Colour, alpha: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        let Some(pixel) = self.pixels.get_mut(y * self.width + x).filter(|_| x < self.width) else { return };
        let alpha = alpha.clamp(0.0, 1.0);
        for (channel, target) in pixel.iter_mut().zip(colour) {
            *channel = (f32::from(*channel) * (1.0 - alpha) + f32::from(target) * alpha).round() as u8;
        }
    }

    /// Fills a rectangle with rounded corners.
    pub fn fill(&mut self, rect: Rect, radius: f32, colour: Colour, alpha: f32) {
        let (half_width, half_height) = (rect.width() / 2.0, rect.height() / 2.0);
        if half_width <= 0.0 || half_height <= 0.0 {
            return;
        }
        let radius = radius.min(half_width).min(half_height);
        let (centre_x, centre_y) = (rect.left + half_width, rect.top + half_height);
        for y in rect.top.floor() as i32..rect.bottom.ceil() as i32 {
            for x in rect.left.floor() as i32..rect.right.ceil() as i32 {
                let coverage = if radius < 0.5 {
                    overlap(x, rect.left, rect.right) * overlap(y, rect.top, rect.bottom)
                } else {
                    // Signed distance to a rounded rectangle.
                    let dx = ((x as f32 + 0.5) - centre_x).abs() - half_width + radius;
                    let dy = ((y as f32 + 0.5) - centre_y).abs() - half_height + radius;
                    let distance = dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius;
                    (0.5 - distance).clamp(0.0, 1.0)
                };
                self.blend(x, y, colour, alpha * coverage);
            }
        }
    }

    /// A vertical line, one pixel wide.
    pub fn vertical(&mut self, x: f32, top: f32, bottom: f32, colour: Colour, alpha: f32) {
        self.fill(Rect { left: x - 0.5, top, right: x + 0.5, bottom }, 0.0, colour, alpha);
    }

    /// A horizontal line, one pixel wide.
    pub fn horizontal(&mut self, y: f32, left: f32, right: f32, colour: Colour, alpha: f32) {
        self.fill(Rect { left, top: y - 0.5, right, bottom: y + 0.5 }, 0.0, colour, alpha);
    }

    /// Width in pixels of a text.
    pub fn text_width(&self, text: &str, weight: Weight, size: f32) -> f32 {
        let font = self.font(weight).as_scaled(PxScale::from(size));
        text.chars().map(|character| font.h_advance(font.glyph_id(character))).sum()
    }

    /// Draws a text whose capitals are centred on `y`; characters missing from the font are skipped.
    pub fn text(&mut self, text: &str, at: (f32, f32), align: Align, font: (Weight, f32), colour: Colour) {
        let (weight, size) = font;
        let known: String =
            text.chars().filter(|&character| self.font(weight).glyph_id(character).0 != 0).collect();
        let width = self.text_width(&known, weight, size);
        let mut x = match align {
            Align::Left => at.0,
            Align::Centre => at.0 - width / 2.0,
            Align::Right => at.0 - width,
        };
        // Inter's capitals are 0.73 em high; ab_glyph's pixel scale is ascent minus descent, about 1.21 em.
        let baseline = at.1 + size / 1.21 * 0.73 / 2.0;
        let scale = PxScale::from(size);
        for character in known.chars() {
            let face = self.font(weight).clone();
            let scaled = face.as_scaled(scale);
            let id = scaled.glyph_id(character);
            let glyph = id.with_scale_and_position(scale, point(x, baseline));
            x += scaled.h_advance(id);
            if let Some(outline) = face.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                outline.draw(|glyph_x, glyph_y, coverage| {
                    self.blend(
                        bounds.min.x as i32 + glyph_x as i32,
                        bounds.min.y as i32 + glyph_y as i32,
                        colour,
                        coverage,
                    );
                });
            }
        }
    }

    /// The longest prefix of a text that fits, with an ellipsis if it was cut.
    pub fn shorten(&self, text: &str, weight: Weight, size: f32, width: f32) -> String {
        if self.text_width(text, weight, size) <= width {
            return text.to_owned();
        }
        let mut kept = String::new();
        for character in text.chars() {
            kept.push(character);
            if self.text_width(&kept, weight, size) + size > width {
                break;
            }
        }
        format!("{}…", kept.trim_end())
    }

    fn font(&self, weight: Weight) -> &FontRef<'static> {
        match weight {
            Weight::Medium => &self.medium,
            Weight::SemiBold => &self.semi_bold,
        }
    }
}

/// How much of pixel `index` lies between two positions, in `0.0..=1.0`.
fn overlap(index: i32, from: f32, to: f32) -> f32 {
    let start = index as f32;
    ((start + 1.0).min(to) - start.max(from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_covered_pixels_are_half_blended() {
        let mut canvas = Canvas::new(4, 4, [0, 0, 0]);
        canvas.fill(Rect { left: 0.5, top: 0.0, right: 2.0, bottom: 1.0 }, 0.0, [200, 200, 200], 1.0);
        assert_eq!(canvas.pixels[0], [100; 3]);
        assert_eq!(canvas.pixels[1], [200; 3]);
        assert_eq!(canvas.pixels[2], [0; 3]);
    }

    #[test]
    fn drawing_outside_is_harmless() {
        let mut canvas = Canvas::new(8, 8, [0, 0, 0]);
        canvas.fill(Rect { left: -50.0, top: -50.0, right: 50.0, bottom: 50.0 }, 9.0, [255; 3], 1.0);
        canvas.text("far away 🔥", (-100.0, 400.0), Align::Left, (Weight::Medium, 14.0), [255; 3]);
        assert_eq!(canvas.pixels[4 * 8 + 4], [255; 3]);
    }

    #[test]
    fn long_text_is_shortened() {
        let canvas = Canvas::new(1, 1, [0, 0, 0]);
        let short = canvas.shorten(&"techno ".repeat(100), Weight::Medium, 20.0, 300.0);
        assert!(short.ends_with('…'));
        assert!(canvas.text_width(&short, Weight::Medium, 20.0) <= 300.0);
    }
}
