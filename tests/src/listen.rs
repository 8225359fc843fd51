//! Detects onsets and pitch from audio alone.

/// Onset times in seconds: local maxima of the rise of high-frequency energy, above a tenth of the strongest.
#[must_use]
pub fn onsets(mono: &[f32], rate_hz: f32) -> Vec<f32> {
    const HOP: usize = 64;
    // The first difference favours high frequencies, where attacks are sharp.
    let energy: Vec<f32> = mono
        .chunks(HOP)
        .map(|chunk| chunk.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f32>().sqrt())
        .collect();
    // Attacks rise within about 5 ms; the level just before is the reference.
    let span = (0.005 * rate_hz / HOP as f32).ceil() as usize;
    let rise: Vec<f32> = (0..energy.len())
        .map(|index| {
            let before = energy[index.saturating_sub(span)..index].iter().copied().fold(0.0, f32::max);
            (energy[index] - before).max(0.0)
        })
        .collect();
    let threshold = rise.iter().copied().fold(0.0, f32::max) * 0.1;
    let apart = (0.04 * rate_hz / HOP as f32) as usize;
    let mut found: Vec<usize> = Vec::new();
    for index in 0..rise.len() {
        let neighbours = index.saturating_sub(apart)..(index + apart).min(rise.len());
        let is_top = rise[neighbours].iter().all(|&other| other <= rise[index]);
        if rise[index] > threshold && is_top && found.last().is_none_or(|&last| index - last >= apart) {
            found.push(index);
        }
    }
    found.into_iter().map(|index| (index * HOP) as f32 / rate_hz).collect()
}

/// Fundamental frequency in Hz of a stretch of audio, if it is clearly periodic.
///
/// YIN, steps 2 to 5 (de Cheveigné and Kawahara, JASA 111, 2002), between 30 and 500 Hz.
#[must_use]
pub fn pitch_hz(samples: &[f32], rate_hz: f32) -> Option<f32> {
    let (shortest, longest) = ((rate_hz / 500.0) as usize, (rate_hz / 30.0) as usize);
    let window = samples.len().checked_sub(longest + 1)?;
    if window < longest {
        return None;
    }
    let mut sum = 0.0;
    let mut normalised = vec![1.0; longest + 1];
    for lag in 1..=longest {
        let difference: f32 =
            samples[..window].iter().zip(&samples[lag..]).map(|(now, later)| (now - later).powi(2)).sum();
        sum += difference;
        normalised[lag] = if sum > 0.0 { difference * lag as f32 / sum } else { 1.0 };
    }
    let mut lag = (shortest..longest).find(|&lag| normalised[lag] < 0.15)?;
    while lag < longest && normalised[lag + 1] < normalised[lag] {
        lag += 1;
    }
    if lag == longest {
        return None;
    }
    let (before, at, after) = (normalised[lag - 1], normalised[lag], normalised[lag + 1]);
    let curvature = before - 2.0 * at + after;
    let shift = if curvature > 0.0 { (before - after) / (2.0 * curvature) } else { 0.0 };
    Some(rate_hz / (lag as f32 + shift))
}
