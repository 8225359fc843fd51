//! Notices about the parts of a request that cannot be met.

use super::{Operation, Request, Session};
use resonantgen_music::plan::Plan;
use resonantgen_words::Intent;

impl Session {
    /// The parts of `request` that are not met, in sentences: contradictions and how they were resolved, words without a meaning,
    /// and facts that kept takes do not allow. `intent` and `plan` are from [`Session::prepare`].
    #[must_use]
    pub fn notices(&self, request: &Request, intent: &Intent, plan: &Plan) -> Vec<String> {
        let mut notices = intent.notices();
        if request.operation != Operation::Generate {
            return notices;
        }
        let facts = &request.facts;
        let wanted_bpm = facts.bpm.or(intent.bpm).filter(|bpm| *bpm != plan.bpm);
        let wanted_key = facts.key.or(intent.key).filter(|key| *key != plan.key);
        let wanted_meter = facts.meter.or(intent.meter).filter(|meter| *meter != plan.meter);
        let wanted_bars = facts.bars.or(intent.bars).filter(|bars| *bars != plan.bars);
        let wanted_chords = facts.chords.as_ref().or(intent.chords.as_ref());
        let has_other_chords =
            wanted_chords.is_some_and(|chords| chords.iter().any(|chord| !plan.chords.contains(chord)));
        let kept = [
            wanted_bpm.map(|bpm| format!("{bpm} bpm (it stays {} bpm)", plan.bpm)),
            wanted_key.map(|key| format!("{key} (it stays {})", plan.key)),
            wanted_meter.map(|meter| format!("{meter} (it stays {})", plan.meter)),
            wanted_bars.map(|bars| format!("{bars} bars (it stays {})", plan.bars)),
            has_other_chords.then(|| "other chords".to_owned()),
        ];
        let kept: Vec<String> = kept.into_iter().flatten().collect();
        if !kept.is_empty() {
            notices.push(format!(
                "takes that are kept do not allow {}: unlock or renew them for that",
                kept.join(", ")
            ));
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use crate::fake::{generated, request};
    use crate::{Overrides, Request, Session};
    use resonantgen_music::track::Track;

    fn told(session: &Session, request: &Request) -> String {
        let (intent, plan) = session.prepare(request, None).expect("a plan");
        session.notices(request, &intent, &plan).join("; ")
    }

    #[test]
    fn what_is_not_met_is_said() {
        let nothing = Session::default();
        assert_eq!(told(&nothing, &request("dark techno", 1)), "");
        let both = told(&nothing, &request("fast slow techno in C and F# minor", 1));
        assert!(
            both.contains("fast was taken, slow left out") && both.contains("C major was taken, F# minor"),
            "{both}"
        );
        assert!(told(&nothing, &request("techno xyzzy", 1)).contains("nothing was made of: xyzzy"));
        let mut kept = generated("techno", 1);
        kept.track_mut(Track::Bass).locked = true;
        let overrides = Overrides { bpm: Some(90.0), bars: Some(3), ..Overrides::default() };
        let facts = request("techno", 2).facts(overrides);
        let text = told(&kept, &facts);
        assert!(text.contains("90 bpm (it stays 240 bpm)") && text.contains("3 bars (it stays 1)"), "{text}");
    }
}
