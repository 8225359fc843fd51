//! A small random number generator with a seed, so that failures can be repeated.

pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % sides
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u32) as usize]
    }

    pub fn fraction(&mut self) -> f64 {
        f64::from(self.roll(1 << 20)) / f64::from(1 << 20)
    }
}
