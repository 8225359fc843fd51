//! Tokenizes a prompt: the most likely segmentation of the text into known pieces.
//!
//! Source: Kudo 2018, "Subword Regularization" (unigram language model, Viterbi search); the space mark and the penalty of
//! unknown characters are those of SentencePiece.

use std::collections::HashMap;

/// Represents the space before a word.
const SPACE: char = '\u{2581}';
/// Log-probability penalty of an unknown character relative to the least likely piece.
const UNKNOWN_PENALTY: f32 = 10.0;

/// A vocabulary.
#[derive(Clone, Debug)]
pub struct Pieces {
    scores: HashMap<String, (usize, f32)>,
    longest: usize,
    unknown: usize,
    unknown_score: f32,
    end: usize,
}

impl Pieces {
    /// Builds a vocabulary from pieces with their log probabilities; control pieces such as `</s>` never match text.
    pub(super) fn new(pieces: &[(String, f32)], unknown: usize, end: usize) -> Self {
        let is_mark = |piece: &str| piece.starts_with('<') && piece.ends_with('>');
        let scores: HashMap<_, _> = pieces
            .iter()
            .enumerate()
            .filter(|(_, (piece, score))| !piece.is_empty() && !is_mark(piece) && score.is_finite())
            .map(|(token, (piece, score))| (piece.clone(), (token, *score)))
            .collect();
        let longest = scores.keys().map(|piece| piece.chars().count()).max().unwrap_or(1);
        let least = scores.values().map(|(_, score)| *score).fold(0.0, f32::min);
        Self { scores, longest, unknown, unknown_score: least - UNKNOWN_PENALTY, end }
    }

    /// The tokens of a text, followed by the end token.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Vec<i64> {
        let mut tokens = Vec::new();
        for word in text.split_whitespace() {
            let characters: Vec<char> = std::iter::once(SPACE).chain(word.chars()).collect();
            tokens.extend(self.cut(&characters));
        }
        // A run of unknown characters is one token.
        tokens.dedup_by(|a, b| *a == self.unknown && *b == self.unknown);
        tokens.push(self.end);
        tokens.into_iter().map(|token| token as i64).collect()
    }

    /// The best segmentation of one word.
    fn cut(&self, characters: &[char]) -> Vec<usize> {
        // Per end: the best score up to there, the start of its last piece, and that piece's token.
        let mut best: Vec<(f32, usize, usize)> =
            vec![(f32::NEG_INFINITY, 0, self.unknown); characters.len() + 1];
        best[0].0 = 0.0;
        for start in 0..characters.len() {
            let so_far = best[start].0;
            let mut piece = String::new();
            for (length, character) in characters[start..].iter().take(self.longest).enumerate() {
                piece.push(*character);
                let found = self.scores.get(&piece).copied();
                let candidate = found.or((length == 0).then_some((self.unknown, self.unknown_score)));
                if let Some((token, score)) = candidate
                    && so_far + score > best[start + length + 1].0
                {
                    best[start + length + 1] = (so_far + score, start, token);
                }
            }
        }
        let mut tokens = Vec::new();
        let mut end = characters.len();
        while end > 0 {
            let (_, start, token) = best[end];
            tokens.push(token);
            end = start;
        }
        tokens.reverse();
        tokens
    }
}
