//! Tests the editor without a window: clicks and keys go in, jobs and parameters come out.

mod picture;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use nice_plug::context::PluginApi;
use nice_plug::context::gui::GuiContextInner;
use nice_plug::params::internals::ParamPtr;
use nice_plug::prelude::PluginState;
use resonantgen_music::variation::NoteDials;
use resonantgen_session::fake::Fake;
use resonantgen_take::Take;
use resonantgen_take::maker::{
    BundleFacts, GenerateError, Made, Maker, Observer, PerformanceRequest, TakeRequest,
};
use resonantgen_words::Overrides;
use std::sync::Mutex;

use super::*;
use crate::audio::record::{Purpose, Recording};
use crate::control::follow::FollowedPart;
use crate::control::job::{Command, Performance, QueuedJob};
use crate::control::listening::Entry;
use crate::control::played::PlayedKey;
use crate::control::sidechain::RecordError;
use crate::control::{Receivers, SwapPolicy};
use crate::params::FollowMoment;

/// A host that sets parameters at once and counts gestures.
#[derive(Default)]
struct Host {
    gestures: Mutex<(u32, u32)>,
}

impl GuiContextInner for Host {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Standalone
    }

    unsafe fn raw_begin_set_parameter(&self, _: ParamPtr) {
        self.gestures.lock().expect("not poisoned").0 += 1;
    }

    unsafe fn raw_set_parameter_normalized(&self, param: ParamPtr, normalized: f32) {
        // SAFETY: the editor's parameters outlive the editor.
        unsafe { param._internal_set_normalized_value(normalized) };
    }

    unsafe fn raw_end_set_parameter(&self, _: ParamPtr) {
        self.gestures.lock().expect("not poisoned").1 += 1;
    }

    fn get_state(&self) -> PluginState {
        unreachable!("the editor does not ask for the state")
    }

    fn set_state(&self, _: PluginState) {}

    fn request_restart(&self) {}
}

struct Bench {
    textures: picture::Textures,
    params: Arc<ResonantParams>,
    control: Arc<Control>,
    receivers: Receivers,
    host: Arc<Host>,
    harness: Harness<'static, App>,
}

fn bench(width: f32, height: f32) -> Bench {
    let (control, receivers) = Control::new();
    let params = Arc::new(ResonantParams::new(&control));
    let host = Arc::new(Host::default());
    // Sizes in the tests are those of the window.
    let look = Look { grows: false, ..Look::default() };
    let mut app = App::new(Arc::clone(&params), Arc::clone(&control), look, understanding::jazz());
    // An old window that has settled.
    app.opened = Instant::now().checked_sub(SETTLING).expect("the machine runs for some seconds");
    let gui = GuiContext::new(Arc::clone(&host) as Arc<dyn GuiContextInner>);
    let opened = app.opened;
    let mut is_open = false;
    let textures = picture::Textures::default();
    let builder = Harness::builder().with_size(vec2(width, height)).renderer(textures.clone());
    let harness = builder.build_ui_state(
        move |ui, app: &mut App| {
            if !is_open {
                app.open(ui.ctx(), gui.clone());
                app.opened = opened;
                is_open = true;
                // Fonts are available in the next pass.
                ui.ctx().request_repaint();
                return;
            }
            app.show(ui);
        },
        app,
    );
    let mut bench = Bench { textures, params, control, receivers, host, harness };
    bench.harness.run();
    bench
}

impl Bench {
    fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run();
    }

    fn job(&self) -> Option<(Target, String)> {
        match self.next_job()? {
            Job::Make { trigger, edit, candidates: 1 } => Some((trigger.target, edit)),
            Job::Make { .. } | Job::Perform { .. } | Job::Song { .. } | Job::Change { .. } => None,
        }
    }

    /// What is asked for with several scores to choose from.
    fn choice(&self) -> Option<(Target, u32)> {
        match self.next_job()? {
            Job::Make { trigger, candidates, .. } => Some((trigger.target, candidates)),
            Job::Perform { .. } | Job::Song { .. } | Job::Change { .. } => None,
        }
    }

    fn next_queued(&self) -> Option<QueuedJob> {
        self.receivers.commands.try_iter().find_map(|command| match command {
            Command::Job(queued) => Some(queued),
            Command::Follow(_) | Command::Look(_) | Command::Saved => None,
        })
    }

    fn next_job(&self) -> Option<Job> {
        Some(self.next_queued()?.job)
    }

    /// What is seen.
    fn picture(&self) -> egui::ColorImage {
        let context = &self.harness.ctx;
        let primitives = context.tessellate(self.harness.output().shapes.clone(), 1.0);
        let size = context.content_rect().size();
        let size = [size.x as usize, size.y as usize];
        self.textures.draw(&primitives, size, theme::Palette::DARK.background)
    }

    fn notices(&self) -> Vec<String> {
        self.control.notices.all().into_iter().map(|notice| notice.text).collect()
    }
}

/// A session as a generation would leave it, with an engine of its own.
fn give_session(bench: &mut Bench) {
    let session = fixture();
    bench.harness.state_mut().prompt.clone_from(&session.prompt);
    assert!(bench.control.commit(session, bench.control.epoch(), SwapPolicy::default()));
    bench.harness.run();
}

/// Four tracks of two short takes each, made by hand.
pub(crate) fn fixture() -> resonantgen_session::Session {
    use resonantgen_music::score::{Note, Score};
    use resonantgen_session::Session;
    use resonantgen_take::{
        GenerationSettings, Recipe, StageSeconds, StemAudio, TAKE_SAMPLE_RATE_HZ, Take, Tokens,
    };
    use resonantgen_words::make_plan;
    use resonantgen_words::parse;
    let prompt = "dark techno in A minor, 240 bpm";
    let intent = parse(prompt).expect("a prompt");
    let overrides = Overrides {
        bars: Some(2),
        chords: Some(vec!["Am".parse().expect("a chord"), "F".parse().expect("a chord")]),
        ..Overrides::default()
    };
    let plan = make_plan(&intent, &overrides, 1).expect("a plan");
    let mut session = Session::default();
    prompt.clone_into(&mut session.prompt);
    session.seed = 2;
    for track in Track::ALL {
        for seed in [1, 2] {
            let recipe = Recipe {
                track,
                prompt: prompt.to_owned(),
                intent: intent.clone(),
                plan: plan.clone(),
                seed,
                settings: GenerationSettings::default(),
                bundle_id: "test".to_owned(),
                context: Vec::new(),
                imported: None,
                held_patch: None,
                taken_over: None,
            };
            let frames = plan.audio_frames(TAKE_SAMPLE_RATE_HZ);
            let saw: Vec<i32> = (0..frames).map(|frame| (frame as i32 % 4_800) * 400).collect();
            let pitch = if track == Track::Drums { 36 } else { 45 };
            let note = Note { step: 4, offset: 0.0, length: 2.0, pitch, velocity: 100 };
            session.track_mut(track).add(Arc::new(Take {
                id: recipe.take_id(),
                recipe,
                patch: format!("{track}.test_patch"),
                score: Score { notes: vec![note] },
                tokens: Tokens::default(),
                audio: Arc::new(StemAudio { left: saw.clone(), right: saw }),
                timings: StageSeconds::default(),
                measures: None,
            }));
        }
    }
    session.intent = Some(intent);
    session.plan = Some(plan);
    session
}

#[test]
fn the_first_click_generates_from_the_example() {
    let mut bench = bench(980.0, 640.0);
    bench.click("Generate");
    assert_eq!(bench.job(), Some((Target::All, String::new())));
}

#[test]
fn a_typed_prompt_is_kept_and_enter_generates() {
    let mut bench = bench(980.0, 640.0);
    bench.harness.get_by_label("Prompt").focus();
    bench.harness.run();
    bench.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.harness.get_by_label("Prompt").type_text("smoky jazz");
    bench.harness.run();
    assert_eq!(bench.control.prompts.get(0), "smoky jazz");
    bench.harness.key_press(Key::Enter);
    bench.harness.run();
    assert_eq!(bench.job(), Some((Target::All, String::new())));
}

#[test]
fn a_prompt_that_was_used_before_is_brought_back_and_typed_on() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let before = bench.control.session().prompt;
    bench.harness.get_by_label("Prompt").focus();
    bench.harness.run();
    bench.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    bench.harness.get_by_label("Prompt").type_text("jazz");
    bench.harness.run();
    bench.harness.key_press(Key::ArrowUp);
    bench.harness.run();
    bench.harness.get_by_label("Prompt").type_text(", sparse");
    bench.harness.run();
    assert_eq!(bench.control.prompts.get(0), before + ", sparse");
}

/// Names of all enabled controls; fails if one has no name.
fn controls(bench: &Bench) -> Vec<String> {
    use egui::accesskit::Role;
    let nodes = bench.harness.root().children_recursive().map(|node| node.accesskit_node());
    let mut names = Vec::new();
    for node in nodes {
        let is_control = matches!(
            node.role(),
            Role::Button
                | Role::Slider
                | Role::TextInput
                | Role::PasswordInput
                | Role::CheckBox
                | Role::RadioButton
                | Role::ComboBox
                | Role::SpinButton
        );
        if is_control {
            let name = node.label().unwrap_or_default();
            assert!(!name.trim().is_empty(), "a {:?} at {:?} has no name", node.role(), node.raw_bounds());
            if !node.is_disabled() {
                names.push(name);
            }
        }
    }
    names
}

#[test]
fn all_controls_have_names_in_menus_too() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    assert!(controls(&bench).len() > 50, "few controls: {:?}", controls(&bench));
    let menus = [
        ("Menu", "a server"),
        ("What to export", "MIDI of all tracks"),
        ("Presets", "Save as preset"),
        ("Prompt slot 1", "Recent"),
        ("techno", "jazz"),
        ("240 bpm", "Tempo in bpm"),
        ("A minor", "dorian"),
        ("4/4", "6/8"),
        ("next 8 bars", "16"),
        ("Am F", "Use these chords"),
        ("Chord Am, bar 1", "sus4"),
        ("Swap At: bar", "beat: on the next beat"),
        ("Bass dials", "All dials to their middle"),
        ("Bass: candidates", "Write 8 and choose …"),
    ];
    for (button, inside) in menus {
        let before = controls(&bench).len();
        bench.click(button);
        assert!(bench.harness.query_by_label(inside).is_some(), "{button} does not show {inside}");
        assert!(controls(&bench).len() > before, "{button} opens nothing");
        bench.harness.key_press(Key::Escape);
        bench.harness.run();
        assert!(bench.harness.query_by_label(inside).is_none(), "Escape does not close {button}");
    }
    for (control, inside) in [
        ("Drums lane, patch test patch", "Export WAV"),
        ("Drums: take 2 of 2", "Play it"),
        ("Bass Pan", "Bass Pan as text"),
    ] {
        bench.harness.get_by_label(control).click_secondary();
        bench.harness.run();
        controls(&bench);
        assert!(bench.harness.query_by_label(inside).is_some(), "{control} does not show {inside}");
        bench.harness.key_press(Key::Escape);
        bench.harness.run();
    }
    bench.harness.state_mut().helps = true;
    bench.harness.run();
    controls(&bench);
    bench.click("Close");
    bench.harness.state_mut().importing =
        Some(Importing { track: Track::Drums, browser: browse::Browser::default() });
    bench.harness.run();
    controls(&bench);
}

/// Whether something within a rectangle is drawn in the colour of focus rings.
fn has_ring(bench: &Bench, within: Rect) -> bool {
    fn is_ring(shape: &egui::Shape, within: Rect) -> bool {
        match shape {
            egui::Shape::Rect(rect) => {
                rect.stroke.color == theme::Palette::DARK.focus
                    && rect.stroke.width >= 1.5
                    && rect.rect.intersects(within)
            }
            egui::Shape::Vec(shapes) => shapes.iter().any(|shape| is_ring(shape, within)),
            _ => false,
        }
    }
    bench.harness.output().shapes.iter().any(|shape| is_ring(&shape.shape, within))
}

#[test]
fn tab_reaches_every_control_and_shows_where_it_is() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let mut missing = controls(&bench);
    let all = missing.len();
    for _ in 0..all + 5 {
        bench.harness.key_press(Key::Tab);
        bench.harness.run();
        let root = bench.harness.root();
        let focused =
            root.children_recursive().find(|node| node.is_focused()).expect("something has the keyboard");
        let name = focused.accesskit_node().label().unwrap_or_default();
        assert!(has_ring(&bench, focused.rect()), "{name} does not show that it has the keyboard");
        missing.retain(|other| *other != name);
    }
    assert!(missing.is_empty(), "Tab does not reach {missing:?} of {all}");
}

#[test]
fn mixer_controls_set_their_parameters_in_one_gesture() {
    let mut bench = bench(980.0, 640.0);
    bench.click("Drums Lock");
    assert!(bench.params.drums.lock.value());
    bench.click("Melody Mute");
    assert!(bench.params.melody.mute.value());
    bench.click("Bass Main: auto");
    bench.click("on: always");
    assert_eq!(bench.params.bass.in_main.value(), crate::params::InMain::On);
    assert_eq!(*bench.host.gestures.lock().expect("not poisoned"), (3, 3));
    // A locked track is not regenerated.
    bench.click("Regenerate Drums");
    assert_eq!(bench.job(), None);
}

#[test]
fn values_take_keys_and_reset() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.harness.get_by_label("Loop length in bars").focus();
    bench.harness.run();
    bench.harness.key_press(Key::ArrowRight);
    bench.harness.run();
    assert_eq!(bench.params.bars.value(), 3);
    bench.harness.key_press(Key::Delete);
    bench.harness.run();
    assert_eq!(bench.params.bars.value(), 0);
    let rest = bench.params.drums.pan.value();
    bench.harness.get_by_label("Drums Pan").focus();
    bench.harness.run();
    bench.harness.key_press(Key::ArrowRight);
    bench.harness.run();
    assert!(bench.params.drums.pan.value() > rest);
    bench.harness.key_press(Key::Delete);
    bench.harness.run();
    assert_eq!(bench.params.drums.pan.value(), rest);
}

#[test]
fn space_is_the_hosts_and_enter_presses() {
    let mut bench = bench(980.0, 640.0);
    bench.harness.get_by_label("Bass Solo").focus();
    bench.harness.run();
    bench.harness.key_press(Key::Space);
    bench.harness.run();
    assert!(!bench.params.bass.solo.value());
    bench.harness.key_press(Key::Enter);
    bench.harness.run();
    assert!(bench.params.bass.solo.value());
}

#[test]
fn a_row_is_worked_by_keys() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.harness.key_press(Key::Num2);
    bench.harness.run();
    bench.harness.key_press(Key::L);
    bench.harness.run();
    assert!(bench.params.bass.lock.value());
    bench.harness.key_press(Key::R);
    bench.harness.run();
    assert_eq!(bench.job(), None, "it is locked");
    bench.harness.key_press(Key::ArrowDown);
    bench.harness.run();
    bench.harness.key_press(Key::R);
    bench.harness.run();
    assert_eq!(bench.job(), Some((Target::One(Track::Harmony), String::new())));
}

#[test]
fn words_change_one_track() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let field = "Change the bass by words";
    bench.harness.get_by_label(field).focus();
    bench.harness.run();
    bench.harness.get_by_label(field).type_text("more aggressive");
    bench.harness.run();
    bench.harness.key_press(Key::Enter);
    bench.harness.run();
    assert_eq!(bench.job(), Some((Target::One(Track::Bass), "more aggressive".to_owned())));
}

#[test]
fn takes_are_stepped_through_and_compared() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Drums: older take");
    let Some(Job::Change { change, .. }) = bench.next_job() else { panic!("a change is requested") };
    let mut session = bench.control.session();
    change(&mut session, &bench.control.cancellation()).expect("there is an older take");
    assert_eq!(session.track(Track::Drums).current, Some(0));
    assert!(bench.control.commit(session, bench.control.epoch(), SwapPolicy::default()));
    bench.harness.run();
    assert!(bench.harness.query_by_label("Drums: take 1 of 2").is_some());
}

#[test]
fn any_take_can_be_kept_and_its_prompt_typed_again() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let prompt = bench.control.session().prompt;
    bench.harness.state_mut().prompt = "something else".to_owned();
    let dots = bench.harness.get_by_label("Drums: take 2 of 2").rect();
    let older = dots.left_center() + vec2(3.0, 0.0);
    for entry in ["Use its prompt", "Make it a favourite"] {
        bench.harness.hover_at(older);
        bench.harness.run();
        for pressed in [true, false] {
            let button = egui::PointerButton::Secondary;
            let modifiers = Modifiers::NONE;
            bench.harness.event(egui::Event::PointerButton { pos: older, button, pressed, modifiers });
        }
        bench.harness.run();
        assert!(bench.harness.query_by_label("Drums, take 1 of 2").is_some());
        bench.click(entry);
    }
    assert_eq!(bench.harness.state().prompt, prompt);
    let Some(Job::Change { change, .. }) = bench.next_job() else { panic!("a change is requested") };
    let mut session = bench.control.session();
    change(&mut session, &bench.control.cancellation()).expect("there is such a take");
    assert!(session.track(Track::Drums).is_favourite(0));
    assert!(!session.track(Track::Drums).is_favourite(1));
}

#[test]
fn a_chip_fixes_a_fact_and_lets_it_go() {
    let mut bench = bench(980.0, 640.0);
    bench.click("techno");
    bench.click("jazz");
    assert_eq!(bench.control.overrides().style, Some(resonantgen_words::Style::Jazz));
    bench.click("Leave it to the prompt");
    assert_eq!(bench.control.overrides(), Overrides::default());
}

#[test]
fn another_sound_is_found_by_words_and_arrow_keys_and_held() {
    use resonantgen_models::sounds::Sound;
    let sound = |id: &str, tags: &[&str]| Sound {
        id: id.to_owned(),
        track: Track::Bass,
        name: id.replace("bass.", ""),
        family: resonantgen_models::generator::condition::Family::BassSynth,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        styles: [0.0; resonantgen_words::STYLE_COUNT],
        brightness: 0.5,
        aggression: 0.5,
    };
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let all = [
        sound("bass.acid", &["bright"]),
        sound("bass.round", &["warm"]),
        sound("bass.test_patch", &["plain"]),
    ];
    bench.harness.state_mut().shelf = sounds::Shelf::of(all.to_vec());
    bench.click("Bass sound: test patch");
    controls(&bench);
    let asked = |bench: &Bench| match bench.next_job()? {
        Job::Perform { performance: Performance::Sound { track: Track::Bass, patch }, .. } => Some(patch),
        _ => None,
    };
    let heard = |bench: &Bench| match bench.control.listening()?.at? {
        Entry::Sound(patch) => Some(patch),
        Entry::Candidate(_) => None,
    };
    assert_eq!((heard(&bench), asked(&bench)), (None, None), "the list is open, and the take plays");
    bench.harness.get_by_label("acid").hover();
    bench.harness.run();
    assert_eq!((heard(&bench).as_deref(), asked(&bench)), (Some("bass.acid"), None), "it is only heard");
    bench.harness.hover_at(pos2(5.0, 5.0));
    bench.harness.run();
    assert_eq!(heard(&bench), None, "the take is back");
    bench.harness.key_press(Key::ArrowUp);
    bench.harness.run();
    assert_eq!((heard(&bench).as_deref(), asked(&bench)), (Some("bass.round"), None));
    bench.harness.key_press(Key::Enter);
    bench.harness.run();
    assert_eq!(asked(&bench).as_deref(), Some("bass.round"));
    bench.harness.get_by_label("Search the sounds").focus();
    bench.harness.run();
    bench.harness.get_by_label("Search the sounds").type_text("bright");
    bench.harness.run();
    assert!(bench.harness.query_by_label("round").is_none());
    bench.click("acid");
    assert_eq!(asked(&bench).as_deref(), Some("bass.acid"));
    bench.click("Hold");
    let Some(Job::Change { change, .. }) = bench.next_job() else { panic!("a change is requested") };
    let mut session = bench.control.session();
    change(&mut session, &bench.control.cancellation()).expect("there is a take");
    assert_eq!(session.track(Track::Bass).held_sound.as_deref(), Some("bass.test_patch"));
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    assert_eq!(bench.control.listening(), None, "the list is closed");
}

#[test]
fn what_was_not_understood_opens_and_what_overrules_is_said() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Bass Lock");
    bench.harness.state_mut().prompt = "7/8, 200 bpm, reggae, xyzzyx".to_owned();
    bench.harness.run();
    understanding::settle(&bench.harness.state().understanding);
    bench.harness.run();
    bench.harness.get_by_label_contains("overruled").click();
    bench.harness.run();
    assert!(bench.harness.query_by_label_contains("locked tracks keep 4/4").is_some());
}

#[test]
fn escape_closes_first_and_cancels_by_a_press_of_its_own() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Generate");
    let queued = bench.next_queued().expect("the worker takes it");
    bench.click("Swap At: bar");
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    bench.harness.state_mut().escaped_at = bench.harness.ctx.input(|input| input.time);
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    assert!(!cancelled(&bench, &queued), "it closed the menu, and a second press in haste means the same");
    bench.harness.state_mut().escaped_at = f64::NEG_INFINITY;
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    assert!(cancelled(&bench, &queued));
}

fn cancelled(bench: &Bench, queued: &QueuedJob) -> bool {
    bench.control.is_cancelled(queued.ticket)
}

#[test]
fn bars_are_selected_and_a_chord_changes_in_all_of_them() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.harness.get_by_label("Select bars").focus();
    bench.harness.run();
    bench.harness.key_press(Key::ArrowRight);
    bench.harness.run();
    bench.harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    bench.harness.run();
    assert!(bench.harness.query_by_label("Selected bars 1 to 2").is_some());
    bench.click("Chord F, bar 2");
    bench.click("Dm");
    let Some(Job::Perform { performance, .. }) = bench.next_job() else { panic!("notes are moved") };
    let chord = "Dm".parse().expect("a chord");
    assert_eq!(performance, Performance::Chords(vec![Some(chord); 4]));
}

#[test]
fn what_is_pasted_is_one_line_and_a_long_prompt_stays_in_its_field() {
    let mut bench = bench(720.0, 540.0);
    bench.harness.get_by_label("Prompt").focus();
    bench.harness.run();
    bench.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    let long = format!("deep house\r\nwith 🎹 keys, {}", "warm and round and ".repeat(30));
    bench.harness.get_by_label("Prompt").type_text(&long);
    bench.harness.run();
    let kept = bench.control.prompts.get(0);
    assert!(kept.starts_with("deep house with 🎹 keys, warm"), "{kept}");
    let field = bench.harness.get_by_label("Generate").rect();
    bench.harness.key_press(Key::Tab);
    bench.harness.run();
    assert!(bench.harness.get_by_label("Undo").rect().bottom() < field.top());
}

#[test]
fn a_lane_and_the_name_are_dragged_out() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let app = bench.harness.state();
    let parcel = app.parcel(Track::ALL).expect("there are takes");
    assert_eq!(parcel.takes, Track::ALL.map(|track| (track, 1)));
    assert_eq!(parcel.form, resonantgen_project::Form::Wav);
    bench.click("Show the notes");
    let parcel = bench.harness.state().parcel([Track::Bass]).expect("a take");
    assert_eq!(parcel.form, resonantgen_project::Form::Midi);
    assert!(bench.harness.query_by_label("All stems").is_some());
}

#[test]
fn a_chord_is_changed_and_the_rest_kept() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Chord F, bar 2");
    bench.click("Dm");
    let fixed = bench.control.overrides();
    let chords: Vec<String> = fixed.chords.expect("chords").iter().map(ToString::to_string).collect();
    assert_eq!(chords, ["Am", "Am", "Dm", "Dm"]);
    assert_eq!(fixed.key.map(|key| key.to_string()).as_deref(), Some("A minor"));
    let Some(Job::Perform { performance, .. }) = bench.next_job() else { panic!("notes are moved") };
    let chord = "Dm".parse().expect("a chord");
    assert_eq!(performance, Performance::Chords(vec![None, None, Some(chord), Some(chord)]));
}

#[test]
fn chords_that_were_played_are_captured_where_they_were_played() {
    const CAPTURE: &str = "Capture the chords that you played";
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let mut keys = bench.control.played.lock().open();
    let mut play = |key: u8, is_down: bool, beat: Option<f64>| {
        keys.push(PlayedKey { key, is_down, beat }).expect("room");
    };
    // While the host is stopped, a chord is only shown.
    for key in [72, 76, 81] {
        play(key, true, None);
    }
    bench.harness.run();
    assert!(bench.harness.query_by_label(CAPTURE).is_none());
    for key in [72, 76, 81] {
        play(key, false, None);
    }
    // D minor in bar 2, in the second turn of a loop of two bars.
    for key in [74, 77, 81] {
        play(key, true, Some(12.0));
    }
    for key in [74, 77, 81] {
        play(key, false, Some(16.0));
    }
    bench.harness.run();
    bench.click(CAPTURE);
    let Some(Job::Perform { performance, .. }) = bench.next_job() else { panic!("notes are moved") };
    let chord = "Dm".parse().expect("a chord");
    assert_eq!(performance, Performance::Chords(vec![None, None, Some(chord), Some(chord)]));
}

#[test]
fn the_ruler_shows_the_chords_that_are_followed_and_the_button_beside_it_turns_that_on() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Follow played chords: Off");
    bench.click("Follow: a chord sounds two bars later");
    assert_eq!(bench.params.follow_chords.value(), FollowMoment::InTwoBars);
    assert_eq!(bench.control.session().plan.expect("a plan").chords[2].to_string(), "F");
    let chord = "Dm".parse().ok();
    let part = FollowedPart {
        run: 3,
        from: 6,
        chords: vec![None, None, chord, chord],
        of: Default::default(),
        takes: Default::default(),
    };
    assert!(bench.control.follow(part, bench.control.epoch()));
    bench.harness.run();
    bench.harness.get_by_label("Chord F, bar 2");
    bench.control.audio.follow_run.store(3, Ordering::Relaxed);
    bench.harness.run();
    bench.harness.get_by_label("Chord F, bar 2, follows Dm");
    bench.harness.get_by_label("Chord Am, bar 1");
    // The take's own chord can still be changed.
    bench.click("Chord F, bar 2, follows Dm");
    bench.click("Em");
    assert!(matches!(bench.next_job(), Some(Job::Perform { .. })));
}

#[test]
fn undoing_a_changed_chord_also_releases_it() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Chord F, bar 2");
    bench.click("Dm");
    let overrides = bench.control.overrides();
    let changed = overrides.chords.clone().expect("chords are fixed");
    let first = bench.control.session().plan.expect("a plan").chords;
    for (chords, expected) in
        [(changed.clone(), overrides.clone()), (first, Overrides::default()), (changed, overrides)]
    {
        let mut session = bench.control.session();
        session.plan.as_mut().expect("a plan").chords = chords;
        // As undo and redo do.
        bench.harness.state_mut().follows_session = true;
        assert!(bench.control.commit(session, bench.control.epoch(), SwapPolicy::default()));
        bench.harness.run();
        assert_eq!(bench.control.overrides(), expected);
    }
}

#[test]
fn a_locked_track_holds_its_chords() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Bass Lock");
    bench.click("Chord Am, bar 1");
    bench.click("Dm");
    assert!(bench.next_job().is_none());
    assert!(bench.notices().iter().any(|notice| notice.contains("bass")));
}

#[test]
fn the_seed_is_held_and_let_go() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Hold the seed");
    assert_eq!(bench.params.seed.value(), 2);
    assert_eq!(bench.params.seed_mode.value(), crate::params::SeedMode::Fixed);
    bench.click("Hold the seed");
    assert_eq!(bench.params.seed_mode.value(), crate::params::SeedMode::Next);
}

#[test]
fn a_long_notice_takes_a_few_lines_at_the_bottom() {
    for (width, height) in [(720.0, 540.0), (980.0, 640.0), (1_600.0, 1_000.0)] {
        let mut bench = bench(width, height);
        give_session(&mut bench);
        let exported = Exported { folder: "/somewhere".into(), files: 10 };
        *bench.harness.state_mut().exported.lock().expect("no panic") = Some(exported);
        bench.harness.run();
        bench.control.notify(format!("Something went wrong {}and that was it.", "again and ".repeat(20)));
        // The editor draws once for it, and does not wait until everything has settled.
        bench.harness.step();
        let text = bench.harness.get_by_label_contains("Something went wrong").rect();
        let files = bench.harness.get_by_label_contains("10 files in").rect();
        let dismiss: Vec<Rect> =
            bench.harness.get_all_by_label("Dismiss").map(|button| button.rect()).collect();
        assert!((20.0..80.0).contains(&text.height()), "{text:?} at {width} x {height}");
        assert!(text.top() > height - 230.0 && text.bottom() < files.top(), "{text:?}, {files:?}");
        assert!(files.bottom() < height - 20.0, "{files:?} at {width} x {height}");
        for (text, dismiss) in [text, files].iter().zip(dismiss) {
            assert!(text.right() < dismiss.left(), "{text:?}, {dismiss:?}");
            assert!((dismiss.center().y - text.center().y).abs() < 4.0, "{text:?}, {dismiss:?}");
        }
    }
}

#[test]
fn nothing_overlaps_or_leaves_the_window_at_any_size() {
    for (width, height) in [(720.0, 540.0), (980.0, 640.0), (1_600.0, 1_000.0)] {
        let mut bench = bench(width, height);
        give_session(&mut bench);
        let window = Rect::from_min_size(egui::Pos2::ZERO, vec2(width, height)).expand(1.0);
        let names = [
            "Undo",
            "Export",
            "What to export",
            "Menu",
            "Prompt",
            "Generate",
            "techno",
            "A minor",
            "4/4",
            "next 8 bars",
            "240 bpm",
            "Am F",
            "Chord Am, bar 1",
            "Chord F, bar 2",
            "Drums",
            "Drums sound: test patch",
            "Drums dials",
            "Drums Lock",
            "Regenerate Drums",
            "Drums Mute",
            "Drums Solo",
            "Drums Main: auto",
            "Drums Level",
            "Drums Pan",
            "Change the drums by words",
            "Drums: candidates",
            "Drums: older take",
            "Drums: newer take",
            "Drums: favourite",
            "Drums: A/B",
            "Melody Level",
            "Melody Pan",
            "Change the melody by words",
            "Melody: A/B",
            "Hold the seed",
            "Copy the seed",
        ];
        let rects: Vec<(&str, Rect)> =
            names.iter().map(|name| (*name, bench.harness.get_by_label(name).rect())).collect();
        for (index, (name, rect)) in rects.iter().enumerate() {
            assert!(window.contains_rect(*rect), "{name} leaves {width} x {height}: {rect:?}");
            for (other, beside) in &rects[..index] {
                let shared = rect.intersect(*beside);
                let overlaps = shared.width() > 0.5 && shared.height() > 0.5;
                assert!(!overlaps, "{name} lies on {other} at {width} x {height}: {rect:?}, {beside:?}");
            }
        }
    }
}

#[test]
fn what_is_awaited_is_said_and_can_be_cancelled() {
    let mut bench = bench(980.0, 640.0);
    bench.click("Generate");
    assert!(bench.harness.query_by_label("Cancel").is_some());
    let queued = bench.next_queued().expect("the worker takes it");
    for progress in &bench.control.progress {
        progress.store(Progress::Begun);
    }
    bench.harness.run();
    assert!(bench.harness.query_by_label("Bass lane, loading the models").is_some());
    bench.control.progress[0].store(Progress::In(resonantgen_models::generator::Stage::Perform, 0.5));
    bench.harness.run();
    assert!(bench.harness.query_by_label("Drums lane, performing  50 %").is_some());
    assert!(bench.harness.query_by_label("Bass lane, waits to hear the drums").is_some());
    // Work after the takes are ready cannot be cancelled, and neither can an undo.
    drop(queued);
    bench.control.note_made();
    bench.harness.run();
    assert!(bench.harness.query_by_label("Cancel").is_none());
    bench.control.change(bench.params.locked(), |session, _| session.undo());
    bench.harness.run();
    assert!(bench.harness.query_by_label("Cancel").is_none());
}

#[test]
fn requests_for_the_same_tick_are_one() {
    for elapsed in [0, 1, 16, 32] {
        let elapsed = Duration::from_millis(elapsed);
        assert_eq!(elapsed + until_tick(elapsed), PLAYHEAD_INTERVAL);
    }
    assert_eq!(until_tick(PLAYHEAD_INTERVAL), PLAYHEAD_INTERVAL);
}

#[test]
fn it_rests_when_nothing_happens() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let delay = |bench: &Bench| {
        bench.harness.output().viewport_output.values().map(|output| output.repaint_delay).min()
    };
    assert_eq!(delay(&bench), Some(Duration::MAX));
    bench.control.audio.playing.store(true, Ordering::Relaxed);
    bench.harness.step();
    let next = delay(&bench).expect("a window");
    assert!(next > Duration::ZERO && next <= PLAYHEAD_INTERVAL, "{next:?}");
}

#[test]
fn an_audio_file_is_asked_for_and_imported_by_the_worker() {
    let mut bench = bench(980.0, 640.0);
    bench.harness.state_mut().importing =
        Some(Importing { track: Track::Drums, browser: browse::Browser::default() });
    bench.harness.run();
    bench.harness.get_by_label("Path of the file").type_text("\"/nowhere/beat.wav\"");
    bench.harness.run();
    bench.click("Import and lock");
    assert!(bench.harness.state().importing.is_none());
    let Some(Job::Change { change, .. }) = bench.next_job() else { panic!("a change is requested") };
    let error = change(&mut resonantgen_session::Session::default(), &bench.control.cancellation())
        .expect_err("there is no such file");
    assert!(error.contains("/nowhere/beat.wav"), "{error}");
}

#[test]
fn what_does_not_fit_can_be_let_go() {
    let mut bench = bench(980.0, 640.0);
    let chords = "Am F C G Em".split(' ').map(|name| name.parse().expect("a chord")).collect();
    bench.control.set_overrides(Overrides { chords: Some(chords), bars: Some(2), ..Overrides::default() });
    bench.harness.run();
    bench.click("Reset fixed facts");
    assert_eq!(bench.control.overrides(), Overrides::default());
    assert!(bench.harness.query_by_label("techno").is_some());
}

#[test]
fn what_the_words_leave_open_is_understood_in_the_background() {
    let mut bench = bench(980.0, 640.0);
    bench.harness.state_mut().prompt = "the last train home after midnight".to_owned();
    bench.harness.run();
    understanding::settle(&bench.harness.state().understanding);
    bench.harness.run();
    assert!(bench.harness.query_by_label("jazz").is_some());
}

#[test]
fn a_preset_of_ones_own_is_kept_deleted_and_brought_back() {
    let mut bench = bench(980.0, 640.0);
    let folder = tempfile::tempdir().expect("room");
    bench.harness.state_mut().preset_folder = Some(folder.path().to_owned());
    bench.click("Presets");
    bench.harness.get_by_label("Name of the preset").focus();
    bench.harness.run();
    bench.harness.get_by_label("Name of the preset").type_text("Mine");
    bench.harness.run();
    bench.click("Save as preset");
    let kept = || preset::list(folder.path()).len();
    assert_eq!(kept(), 1);
    bench.click("Delete the preset Mine");
    assert_eq!(kept(), 0);
    bench.click("Restore");
    assert_eq!(kept(), 1);
    bench.click("Mine");
    assert!(bench.harness.query_by_label("Save as preset").is_none(), "the menu closes");
}

#[test]
fn a_preset_brings_its_prompt_and_settings() {
    let mut bench = bench(980.0, 640.0);
    bench.click("Presets");
    bench.click("house");
    bench.click("Late Deep House");
    assert!(bench.harness.state().prompt.starts_with("deep house"), "{}", bench.harness.state().prompt);
    assert_eq!(bench.params.bars.value(), 8);
    assert_eq!(bench.job(), None, "it is the user who generates");
}

#[test]
fn a_preset_is_found_by_words_kept_as_a_favourite_and_heard_at_once() {
    let mut bench = bench(980.0, 640.0);
    bench.click("Presets");
    bench.harness.get_by_label("Search the presets").focus();
    bench.harness.run();
    bench.harness.get_by_label("Search the presets").type_text("WALTZ strings");
    bench.harness.run();
    assert!(bench.harness.query_by_label("Title Sequence").is_none(), "it is no waltz");
    bench.click("Favourite preset Waltz Noir");
    bench.click("favourites");
    assert!(bench.harness.query_by_label("Waltz Noir").is_some());
    bench.click("Generate with the preset Waltz Noir");
    assert!(bench.harness.state().prompt.contains("waltz"), "{}", bench.harness.state().prompt);
    assert_eq!(bench.job(), Some((Target::All, String::new())));
    assert!(bench.harness.query_by_label("Search the presets").is_some(), "the menu stays open");
    bench.click("Favourite preset Waltz Noir");
    assert!(bench.harness.query_by_label("Waltz Noir").is_none());
    assert!(bench.harness.query_by_label_contains("None yet").is_some());
}

#[test]
fn a_finished_take_is_seen_while_the_others_are_made() {
    let mut bench = bench(980.0, 640.0);
    let session = fixture();
    let drums = session.track(Track::Drums).take().expect("a take");
    bench.control.hear_early(drums, 0, SwapPolicy::default());
    bench.harness.run();
    assert!(bench.harness.query_by_label("Drums lane, patch test patch").is_some());
    assert!(bench.harness.query_by_label("Bass lane, no take").is_some());
    bench.control.end_early();
    bench.harness.run();
    assert!(bench.harness.query_by_label("Drums lane, no take").is_some());
}

#[test]
fn a_dropped_file_is_imported_where_it_was_dropped() {
    let mut bench = bench(980.0, 640.0);
    let lane = bench.harness.get_by_label("Bass lane, no take").rect().center();
    let at = [lane.x as i16, lane.y as i16];
    let drop = |bench: &mut Bench, path: &str| {
        bench.harness.state().drag.drop_at(at, vec![path.into()]);
        bench.harness.run();
    };
    drop(&mut bench, "/nowhere/notes.txt");
    assert!(bench.next_job().is_none());
    assert!(bench.notices().iter().any(|notice| notice.contains("not an audio file")));
    drop(&mut bench, "/nowhere/beat.wav");
    assert!(matches!(bench.next_job(), Some(Job::Change { .. })));
    bench.click("Bass Lock");
    drop(&mut bench, "/nowhere/beat.wav");
    assert!(bench.next_job().is_none(), "it is locked");
}

#[test]
fn the_score_has_names_beside_it_and_the_ruler_follows() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let left = |bench: &Bench| bench.harness.get_by_label("Chord Am, bar 1").rect().left();
    let before = left(&bench);
    bench.click("Show the notes");
    assert_eq!(left(&bench) - before, Face::Notes.gutter());
}

/// The fixture as a song of fake takes.
fn give_song(bench: &mut Bench) {
    use resonantgen_session::Request;
    use resonantgen_take::maker::Silent;
    let mut session = fixture();
    let form = "intro 2, drop 4, break 2, drop 2".parse().ok();
    session.apply(&Fake::default(), &Request::song(form), &Silent).expect("a song");
    assert!(bench.control.commit(session, bench.control.epoch(), SwapPolicy::default()));
    bench.harness.run();
}

/// Does what was asked for, and shows it.
fn do_change(bench: &mut Bench) -> resonantgen_session::Session {
    let Some(Job::Change { change, .. }) = bench.next_job() else { panic!("a change is requested") };
    let mut session = bench.control.session();
    change(&mut session, &bench.control.cancellation()).expect("it can be done");
    assert!(bench.control.commit(session.clone(), bench.control.epoch(), SwapPolicy::default()));
    bench.harness.run();
    session
}

/// Names of the sections in the order in which they are played.
fn order(session: &resonantgen_session::Session) -> Vec<String> {
    let name = |id| session.section(id).expect("it is there").name.to_owned();
    session.order().iter().map(|part| name(part.section)).collect()
}

#[test]
fn a_loop_becomes_a_song_in_the_form_that_was_typed() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let asked = |bench: &Bench| match bench.next_job() {
        Some(Job::Song { request, .. }) => Some(request.form.map(|form| form.bars())),
        _ => None,
    };
    bench.click("Make a song of it");
    assert_eq!(asked(&bench), Some(None), "in the form of its genre");
    bench.harness.run();
    bench.harness.get_by_label("Form of the song").focus();
    bench.harness.run();
    bench.harness.get_by_label("Form of the song").type_text("intro 8, verse 16");
    bench.harness.run();
    bench.click("Make a song of it");
    assert_eq!(asked(&bench), Some(Some(24)));
    bench.harness.run();
    bench.harness.get_by_label("Form of the song").focus();
    bench.harness.run();
    bench.harness.get_by_label("Form of the song").type_text(", kazoo 4");
    bench.harness.run();
    bench.click("Make a song of it");
    assert_eq!(asked(&bench), None);
    assert!(bench.notices().iter().any(|notice| notice.contains("kazoo")), "{:?}", bench.notices());
}

#[test]
fn sections_are_opened_moved_copied_and_deleted_with_mouse_and_keys() {
    let mut bench = bench(980.0, 640.0);
    give_song(&mut bench);
    assert_eq!(order(&bench.control.session()), ["Intro", "Drop", "Break", "Drop 2"]);
    bench.harness.get_by_label_contains("Section 1: Intro").click();
    bench.harness.run();
    let session = do_change(&mut bench);
    assert!(session.section(session.open_section_id()).is_some_and(|section| section.name == "Intro"));

    bench.harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    bench.harness.run();
    assert_eq!(order(&do_change(&mut bench)), ["Drop", "Intro", "Break", "Drop 2"]);
    // The focus has gone with it.
    bench.harness.key_press(Key::D);
    bench.harness.run();
    assert_eq!(order(&do_change(&mut bench)), ["Drop", "Intro", "Intro 2", "Break", "Drop 2"]);
    bench.harness.key_press(Key::ArrowRight);
    bench.harness.run();
    bench.harness.key_press(Key::Delete);
    bench.harness.run();
    assert_eq!(order(&do_change(&mut bench)), ["Drop", "Intro", "Break", "Drop 2"]);

    bench.harness.get_by_label_contains("Section 3: Break").click_secondary();
    bench.harness.run();
    bench.click("Play it once more");
    let session = do_change(&mut bench);
    assert_eq!(session.order().iter().map(|part| part.repeats).max(), Some(2));
    bench.harness.get_by_label_contains("Section 3: Break").click_secondary();
    bench.harness.run();
    bench.click("Make it again");
    assert!(matches!(bench.next_job(), Some(Job::Song { request, .. })
        if request.operation == resonantgen_session::Operation::Section));
}

#[test]
fn the_song_is_played_by_the_hosts_timeline_from_a_bar() {
    let mut bench = bench(980.0, 640.0);
    give_song(&mut bench);
    bench.click("Play the song from bar");
    assert!(bench.params.song_mode.value());
    assert_eq!(bench.params.song_start(), Some(0));
    let gestures = *bench.host.gestures.lock().expect("not poisoned");
    assert_eq!(gestures, (1, 1), "the host can record it");
}

/// A session of fake takes, each the best of so many scores. The scores are long enough to be told apart.
pub(crate) fn chosen(candidates: u32) -> resonantgen_session::Session {
    use resonantgen_session::Request;
    use resonantgen_take::maker::Silent;
    let facts = Overrides { bars: Some(1), bpm: Some(240.0), ..Overrides::default() };
    let request = Request::generate("dark techno in A minor").facts(facts).seed(1).candidates(candidates);
    let mut session = resonantgen_session::Session::default();
    session.apply(&Varied::default(), &request, &Silent).expect("takes");
    session
}

fn listening(bench: &Bench) -> Option<u32> {
    match bench.control.listening()?.at? {
        Entry::Candidate(number) => Some(number),
        Entry::Sound(_) => None,
    }
}

#[test]
fn scores_to_choose_from_are_asked_for_by_menu_button_and_keys() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.harness.get_by_label("Generate").click_secondary();
    bench.harness.run();
    bench.click("Write 8 and choose …");
    assert_eq!(bench.choice(), Some((Target::All, 8)));
    bench.harness.run();
    bench.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Enter);
    bench.harness.run();
    assert_eq!(bench.choice(), Some((Target::All, 8)));
    bench.harness.get_by_label("Drums lane, patch test patch").click_secondary();
    bench.harness.run();
    bench.click("Write 8 and choose …");
    assert_eq!(bench.choice(), Some((Target::One(Track::Drums), 8)));
    assert!(bench.harness.query_by_label("Drums candidates").is_some(), "the list is open");
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    bench.harness.key_press(Key::Num2);
    bench.harness.run();
    bench.harness.key_press_modifiers(Modifiers::SHIFT, Key::R);
    bench.harness.run();
    assert_eq!(bench.choice(), Some((Target::One(Track::Bass), 8)));
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    bench.click("Bass: candidates");
    bench.click("Write 8 and choose …");
    assert_eq!(bench.choice(), Some((Target::One(Track::Bass), 8)));
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    bench.click("Bass Lock");
    bench.click("Bass: candidates");
    bench.click("Write 8 and choose …");
    assert_eq!(bench.choice(), None, "it is locked");
}

#[test]
fn a_candidate_is_heard_under_the_pointer_or_by_arrows_and_taken_by_a_click_or_enter() {
    let mut bench = bench(980.0, 640.0);
    assert!(bench.control.commit(chosen(8), bench.control.epoch(), SwapPolicy::default()));
    bench.harness.run();
    let asked = |bench: &Bench| match bench.next_job()? {
        Job::Perform { performance: Performance::Candidate { track, number }, .. } => Some((track, number)),
        _ => None,
    };
    assert_eq!(bench.control.listening(), None, "no list is open");
    bench.click("Bass: candidates");
    assert_eq!(bench.control.listening().map(|listening| listening.track), Some(Track::Bass));
    // The last that was written is the best.
    bench.harness.get_by_label("Bass candidate 3").hover();
    bench.harness.run();
    assert_eq!(listening(&bench), Some(6));
    bench.harness.hover_at(pos2(5.0, 5.0));
    bench.harness.run();
    assert_eq!(listening(&bench), None, "the take is back");
    for (key, number) in [(Key::ArrowDown, 8), (Key::ArrowDown, 7), (Key::ArrowDown, 6), (Key::ArrowUp, 7)] {
        bench.harness.key_press(key);
        bench.harness.run();
        assert_eq!(listening(&bench), Some(number));
    }
    bench.harness.key_press(Key::Enter);
    bench.harness.run();
    assert_eq!(asked(&bench), Some((Track::Bass, 7)));
    assert_eq!(bench.control.listening(), None, "the list is closed");
    bench.click("Bass: candidates");
    bench.click("Bass candidate 4");
    assert_eq!(asked(&bench), Some((Track::Bass, 5)));
    bench.click("Bass: candidates");
    bench.click("Bass candidate 1");
    assert_eq!(asked(&bench), None, "it plays already");
    bench.click("Bass: candidates");
    bench.harness.get_by_label("Bass candidate 2").hover();
    bench.harness.run();
    bench.harness.key_press(Key::Escape);
    bench.harness.run();
    assert_eq!(bench.control.listening(), None, "Esc leaves without taking");
    assert_eq!(asked(&bench), None);
}

/// A maker whose scores differ from number to number.
#[derive(Default)]
struct Varied(Fake);

impl Maker for Varied {
    fn make(&self, request: &TakeRequest<'_>, observer: &dyn Observer) -> Result<Take, GenerateError> {
        self.0.make(request, observer)
    }

    fn make_in_turn(
        &self,
        requests: &[TakeRequest<'_>],
        candidates: u32,
        observer: &dyn Observer,
    ) -> Result<Vec<Made>, GenerateError> {
        let mut made = self.0.make_in_turn(requests, candidates, observer)?;
        for made in &mut made {
            Arc::make_mut(&mut made.take).measures = None;
        }
        for candidate in made.iter_mut().flat_map(|made| &mut made.candidates) {
            let note = |step: u32| {
                let pitch = 36 + ((step * candidate.number * 7 + step / 3) % 24) as u8;
                let velocity = 60 + (step * 23 % 60) as u8;
                resonantgen_music::score::Note { step, offset: 0.0, length: 1.0, pitch, velocity }
            };
            let steps = (0..16).filter(|step| (step * step + candidate.number) % 3 != 0);
            Arc::make_mut(&mut candidate.sketch).score.notes = steps.map(note).collect();
        }
        Ok(made)
    }

    fn perform(
        &self,
        request: &PerformanceRequest<'_>,
        observer: &dyn Observer,
    ) -> Result<Take, GenerateError> {
        self.0.perform(request, observer)
    }

    fn bundle(&self) -> BundleFacts {
        self.0.bundle()
    }

    fn understanding(&self) -> Option<&dyn resonantgen_words::TextUnderstanding> {
        None
    }
}

#[test]
fn the_list_of_candidates_is_as_drawn() {
    let mut bench = bench(980.0, 640.0);
    let session = chosen(8);
    bench.harness.state_mut().prompt.clone_from(&session.prompt);
    assert!(bench.control.commit(session, bench.control.epoch(), SwapPolicy::default()));
    bench.harness.run();
    bench.click("Bass: candidates");
    bench.harness.get_by_label("Bass candidate 3").hover();
    bench.harness.run();
    picture::assert_golden(&bench.picture(), "candidates.png");
}

#[test]
fn the_dials_are_as_drawn_and_what_they_play_can_be_kept() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    bench.click("Bass dials");
    bench.click("Keep these notes as a take");
    assert!(bench.next_job().is_none(), "in the middle there is nothing to keep");
    for (dial, steps) in [("Bass Density", 1), ("Bass Fills", 2)] {
        bench.harness.get_by_label(dial).focus();
        bench.harness.run();
        for _ in 0..steps {
            bench.harness.key_press(Key::ArrowRight);
            bench.harness.run();
        }
    }
    controls(&bench);
    let dials = NoteDials { density: 1, complexity: 0, fills: 2 };
    assert_eq!(bench.params.note_dials()[Track::Bass.index()], dials, "a key is a step");
    assert!(bench.harness.query_by_label("denser").is_some());
    picture::assert_golden(&bench.picture(), "dials.png");

    bench.click("Keep these notes as a take");
    let Some(Job::Perform { performance, .. }) = bench.next_job() else { panic!("a take is made") };
    assert_eq!(performance, Performance::Varied { track: Track::Bass, dials });
    assert!(bench.params.note_dials()[Track::Bass.index()].is_middle());
}

#[test]
fn bars_of_the_sidechain_are_recorded_and_locked() {
    let mut bench = bench(980.0, 640.0);
    give_session(&mut bench);
    let mut recorder = bench.control.host.take_recorder().expect("nobody has taken it");
    let sound: Vec<f32> = (0..24_000).map(|sample| 0.4 * (sample as f32 * 0.0144).sin()).collect();
    let mut play = |beat: f64| {
        recorder.process(
            Some(&crate::audio::record::playing(beat, 120.0)),
            48_000.0,
            Some([&sound; 2]),
            sound.len(),
        );
    };
    play(1.0);
    bench.control.audio.song_quarter.store(f64::NAN, Ordering::Relaxed);
    bench.harness.state_mut().recording = Some(RecordDialog::new(Track::Bass, Some(2)));
    bench.harness.run();
    controls(&bench);
    bench.click("Record");
    assert_eq!(bench.control.host.sidechain.recording(), Recording::Waiting);
    // The recording begins with bar 2.
    for beat in 7..11 {
        play(f64::from(beat));
    }
    bench.harness.run();
    picture::assert_golden(&bench.picture(), "record.png");
    for beat in 11..16 {
        play(f64::from(beat));
    }
    bench.control.tend_recording();
    bench.harness.run();
    assert!(bench.harness.state().recording.is_none(), "the dialog has closed");
    let Some(Job::Change { change, .. }) = bench.next_job() else { panic!("a change is requested") };
    let mut session = bench.control.session();
    let bars = session.plan.as_ref().map(|plan| plan.bars);
    change(&mut session, &bench.control.cancellation()).expect("it fits the loop");
    let bass = session.track(Track::Bass);
    assert!(bass.locked && bass.take().is_some_and(|take| take.recipe.imported.is_some()));
    assert_eq!(session.plan.as_ref().map(|plan| plan.bars), bars, "the loop stays as long as it is");
}

#[test]
fn a_recording_without_a_host_or_on_a_locked_track_is_refused_with_a_reason() {
    let bench = bench(980.0, 640.0);
    assert_eq!(bench.control.start_recording(Track::Bass, 2, Purpose::Take), Err(RecordError::NoHost));
    let mut recorder = bench.control.host.take_recorder().expect("nobody has taken it");
    assert_eq!(bench.control.start_recording(Track::Bass, 2, Purpose::Take), Err(RecordError::NotRunning));
    for (bpm, expected) in [(30.0, Err(RecordError::Tempo)), (120.0, Ok(())), (120.0, Err(RecordError::Busy))]
    {
        recorder.process(Some(&crate::audio::record::playing(1.0, bpm)), 48_000.0, None, 64);
        bench.control.audio.song_quarter.store(f64::NAN, Ordering::Relaxed);
        assert_eq!(bench.control.start_recording(Track::Bass, 2, Purpose::Take), expected);
    }
    bench.control.audio.song_quarter.store(0.0, Ordering::Relaxed);
    assert_eq!(bench.control.start_recording(Track::Bass, 2, Purpose::Take), Err(RecordError::SongMode));
    bench.control.audio.store_locks([false, true, false, false]);
    assert_eq!(
        bench.control.start_recording(Track::Bass, 2, Purpose::Take),
        Err(RecordError::Locked(Track::Bass))
    );
    // Silence is said to be silence.
    for beat in 8..16 {
        recorder.process(
            Some(&crate::audio::record::playing(f64::from(beat), 120.0)),
            48_000.0,
            None,
            24_000,
        );
    }
    bench.control.tend_recording();
    assert!(bench.control.notices.all().iter().any(|notice| notice.text.contains("silent")));
}
