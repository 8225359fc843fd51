//! The score-excited codec: excitation and score features from notes, and the filter that shapes them to audio.
