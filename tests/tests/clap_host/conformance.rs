//! Checks that conformance tools make (clap-validator, pluginval) and the other tests here do not: states, parameter texts
//! and values, lifecycle, block and window sizes, presets.

use std::ffi::{CStr, CString};
use std::io::{Read, Write};

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, PluginGui};
use clack_extensions::latency::PluginLatency;
use clack_extensions::params::{ParamInfoBuffer, ParamInfoFlags, PluginParams};
use clack_extensions::preset_discovery::indexer::IndexerImpl;
use clack_extensions::preset_discovery::metadata_receiver::MetadataReceiverImpl;
use clack_extensions::preset_discovery::prelude::*;
use clack_extensions::preset_discovery::provider::Provider;
use clack_extensions::render::RenderMode;
use clack_extensions::state::PluginState;
use clack_host::events::event_types::ParamValueEvent;
use clack_host::prelude::*;
use clap_sys::ext::gui::CLAP_EXT_GUI;
use clap_sys::ext::note_ports::CLAP_EXT_NOTE_PORTS;
use clap_sys::ext::params::CLAP_EXT_PARAMS;
use clap_sys::ext::render::CLAP_EXT_RENDER;
use clap_sys::ext::state::CLAP_EXT_STATE;
use clap_sys::plugin::clap_plugin;

use crate::dice::Dice;
use crate::host::{BLOCK, Host, LONGEST, PORTS, RATE_HZ};
use crate::state;

/// What the plugin tells a host about a parameter.
struct Parameter {
    id: ClapId,
    name: String,
    min: f64,
    max: f64,
    default: f64,
    is_stepped: bool,
}

fn parameters(host: &mut Host) -> Vec<Parameter> {
    let handle = host.instance.plugin_handle();
    let params: PluginParams = handle.get_extension().expect("it has parameters");
    let mut buffer = ParamInfoBuffer::new();
    let facts = (0..params.count(&handle)).map(|index| {
        let info = params.get_info(&handle, index, &mut buffer).expect("each parameter has its facts");
        Parameter {
            id: info.id,
            name: String::from_utf8_lossy(info.name).into_owned(),
            min: info.min_value,
            max: info.max_value,
            default: info.default_value,
            is_stepped: info.flags.contains(ParamInfoFlags::IS_STEPPED),
        }
    });
    facts.collect()
}

fn values(host: &mut Host) -> Vec<(String, f64)> {
    let all = parameters(host);
    let handle = host.instance.plugin_handle();
    let params: PluginParams = handle.get_extension().expect("it has parameters");
    all.into_iter()
        .map(|one| (one.name, params.get_value(&handle, one.id).expect("each parameter has a value")))
        .collect()
}

/// A random value for each parameter.
fn random_values(all: &[Parameter], dice: &mut Dice) -> EventBuffer {
    let mut events = EventBuffer::new();
    for one in all {
        let value = one.min + dice.fraction() * (one.max - one.min);
        let value = if one.is_stepped { value.round() } else { value };
        events.push(&ParamValueEvent::new(0, one.id, Pckn::match_all(), value));
    }
    events
}

/// Reads and writes a few bytes at a time.
struct Sips<T>(T);

impl<T: Read> Read for Sips<T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let few = buffer.len().min(7_919);
        self.0.read(&mut buffer[..few])
    }
}

impl<T: Write> Write for Sips<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(5_003)])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn parameters_start_at_their_defaults_and_any_values_are_saved_and_loaded() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    let all = parameters(&mut host);
    for (one, (name, value)) in all.iter().zip(values(&mut host)) {
        assert_eq!(one.default, value, "{name}");
    }
    for seed in 0..8 {
        let mut dice = Dice(seed);
        let mut host = Host::open(None, PORTS).expect("there is a plugin");
        let events = random_values(&all, &mut dice);
        // Half of them arrive while the plugin is not processing.
        if seed % 2 == 0 {
            host.block_with(BLOCK, &events);
        } else {
            host.stop();
            host.flush(&events);
        }
        let (before, saved) = (values(&mut host), host.save());
        let mut again = Host::open(Some(&saved), PORTS).expect("there is a plugin");
        again.block(BLOCK, &[]);
        assert_eq!(values(&mut again), before, "seed {seed}");
        assert!(again.save() == saved, "the same state is the same bytes, seed {seed}");

        // Through streams that accept a few bytes at a time.
        let mut sipped = Vec::new();
        let mut third = Host::open(None, PORTS).expect("there is a plugin");
        let handle = third.instance.plugin_handle();
        let extension: PluginState = handle.get_extension().expect("it has state");
        extension.load(&handle, &mut Sips(&saved[..])).expect("the state can be loaded");
        extension.save(&handle, &mut Sips(&mut sipped)).expect("the state can be saved");
        assert!(sipped == saved, "seed {seed}");
    }
}

#[test]
fn flushed_values_are_the_same_as_processed_ones() {
    let Some(mut processed) = Host::open(None, PORTS) else { return };
    let all = parameters(&mut processed);
    for seed in 0..4 {
        let events = random_values(&all, &mut Dice(seed));
        let mut flushed = Host::open(None, PORTS).expect("there is a plugin");
        processed.block_with(BLOCK, &events);
        flushed.stop();
        flushed.flush(&events);
        assert_eq!(values(&mut processed), values(&mut flushed));
        // A block without frames is a flush too.
        let mut without_frames = Host::open(None, PORTS).expect("there is a plugin");
        without_frames.block_with(0, &events);
        assert_eq!(values(&mut processed), values(&mut without_frames));
    }
}

#[test]
fn texts_of_values_are_read_back() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    let all = parameters(&mut host);
    let handle = host.instance.plugin_handle();
    let params: PluginParams = handle.get_extension().expect("it has parameters");
    let mut dice = Dice(3);
    for one in &all {
        let ends = [one.min, one.max, one.default];
        let between = (0..40).map(|_| one.min + dice.fraction() * (one.max - one.min));
        for value in ends.into_iter().chain(between) {
            let value = if one.is_stepped { value.round() } else { value };
            let mut buffer = [0; 256];
            let text = params.value_to_text(&handle, one.id, value, &mut buffer).expect("it has a text");
            let text = CString::new(&*text).expect("no NUL in it");
            let read = params.text_to_value(&handle, one.id, &text);
            let read = read.unwrap_or_else(|| panic!("{} cannot read {text:?}", one.name));
            assert!((one.min..=one.max).contains(&read), "{}: {text:?} is read as {read}", one.name);
            let mut again = [0; 256];
            let again = params.value_to_text(&handle, one.id, read, &mut again).expect("it has a text");
            assert_eq!(text.as_bytes(), &*again, "{} of {value}", one.name);
        }
        for nonsense in [c"", c"?", c"\xff\xfe"] {
            let read = params.text_to_value(&handle, one.id, nonsense);
            assert!(read.is_none_or(|value| (one.min..=one.max).contains(&value)), "{}", one.name);
        }
    }
}

#[test]
fn a_number_that_is_shown_is_the_value() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    let all = parameters(&mut host);
    let mut numbers = 0;
    for one in all.iter().filter(|one| one.is_stepped) {
        for value in [one.min, one.min + 1.0, one.max - 1.0, one.max] {
            let handle = host.instance.plugin_handle();
            let params: PluginParams = handle.get_extension().expect("it has parameters");
            let mut buffer = [0; 256];
            let text = params.value_to_text(&handle, one.id, value, &mut buffer).expect("it has a text");
            let text = String::from_utf8_lossy(text).into_owned();
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            let Ok(shown) = digits.parse::<f64>() else { continue };
            assert_eq!(shown, value, "{} shows {text:?}", one.name);
            let typed = CString::new(digits).expect("no NUL in it");
            assert_eq!(params.text_to_value(&handle, one.id, &typed), Some(value), "{}", one.name);
            numbers += 1;
            // Automation and a panel's own values mean the same.
            let mut events = EventBuffer::new();
            events.push(&ParamValueEvent::new(0, one.id, Pckn::match_all(), value));
            host.block_with(BLOCK, &events);
            let now = values(&mut host).into_iter().find(|(name, _)| *name == one.name);
            assert_eq!(now, Some((one.name.clone(), value)));
            host.stop();
            host.flush(&events);
            let now = values(&mut host).into_iter().find(|(name, _)| *name == one.name);
            assert_eq!(now, Some((one.name.clone(), value)));
            host.start(RATE_HZ, RenderMode::Realtime);
        }
    }
    let slot = all.iter().find(|one| one.name == "Prompt Slot").expect("there is such a parameter");
    assert_eq!((slot.min, slot.max, slot.default), (1.0, 8.0, 1.0));
    assert!(numbers >= 20, "only {numbers} values are numbers");
}

#[test]
fn extensions_may_be_asked_for_from_any_thread() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    /// A pointer shared between threads.
    struct Shared(*const clap_plugin);
    // SAFETY: CLAP says that `get_extension` is thread-safe, which is what is tested.
    unsafe impl Sync for Shared {}
    let plugin = Shared(host.instance.plugin_handle().as_raw_ptr());
    let ask = |plugin: &Shared, name: &CStr| {
        // SAFETY: the plugin lives as long as the host.
        let extension = unsafe { (*plugin.0).get_extension.map(|get| get(plugin.0, name.as_ptr())) };
        extension.expect("it has the function").addr()
    };
    let names = [CLAP_EXT_NOTE_PORTS, CLAP_EXT_GUI, CLAP_EXT_PARAMS, CLAP_EXT_STATE, CLAP_EXT_RENDER];
    let before = names.map(|name| ask(&plugin, name));
    assert!(before.iter().all(|address| *address != 0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    assert_eq!(names.map(|name| ask(&plugin, name)), before);
                }
            });
        }
        for _ in 0..200 {
            host.block(BLOCK, &[]);
        }
    });
}

/// A host with nothing beyond what CLAP requires.
struct BareHost;

impl HostHandlers for BareHost {
    type Shared<'a> = ();
    type MainThread<'a> = ();
    type AudioProcessor<'a> = ();
}

#[test]
fn a_host_that_only_probes_is_offered_a_window_and_refused_one() {
    let Some(path) = crate::host::plugin() else { return };
    // SAFETY: the plugin is the one built from this repository.
    let entry = unsafe { PluginEntry::load(&path) }.expect("the plugin can be loaded");
    let about = HostInfo::new("A probe", "ResonantGen", "", "1").expect("no NUL in it");
    let id = c"org.resonantgen.resonantgen";
    let mut instance = PluginInstance::<BareHost>::new(|()| (), |()| (), &entry, id, &about)
        .expect("the plugin can be created");
    let handle = instance.plugin_handle();
    let gui: PluginGui = handle.get_extension().expect("the window is offered");
    let api = GuiApiType::default_for_current_platform().expect("it runs where there are windows");
    let embedded = GuiConfiguration { api_type: api, is_floating: false };
    assert!(gui.is_api_supported(&handle, embedded));
    assert!(gui.create(&handle, embedded).is_err(), "this host cannot have one");
    gui.destroy(&handle);
}

#[test]
fn what_is_no_state_is_refused_and_harms_nobody() {
    let (Some(state), Some(mut host)) = (state(), Host::open(None, PORTS)) else { return };
    let before = values(&mut host);
    let mut noise = Dice(9);
    let random: Vec<u8> = (0..1 << 20).map(|_| noise.roll(256) as u8).collect();
    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    // Truncated within the parameters. A state truncated later still opens, with whatever is left of the session.
    let cut = &state[..200];
    for (what, bytes) in [("nothing", &[][..]), ("noise", &random), ("a length", &huge), ("a start", cut)] {
        let handle = host.instance.plugin_handle();
        let extension: PluginState = handle.get_extension().expect("it has state");
        assert!(extension.load(&handle, &mut &bytes[..]).is_err(), "{what} is no state");
        host.block(BLOCK, &[]);
        assert_eq!(values(&mut host), before, "{what}");
    }
    // A truncated state opens as far as it is intact: a partial project is better than none.
    let handle = host.instance.plugin_handle();
    let extension: PluginState = handle.get_extension().expect("it has state");
    assert!(extension.load(&handle, &mut &state[..state.len() / 2]).is_ok(), "half is better than nothing");
    host.block(BLOCK, &[]);
    host.load(state);
    assert!(host.loop_once()[0][0].iter().any(|sample| sample.abs() > 1e-3), "it works after all that");
}

#[test]
fn a_loaded_state_asks_for_nothing() {
    let Some(state) = state() else { return };
    // A trigger that was on when the project was saved stays on, and fires only on its next rise.
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let dirty = host.dirty();
    host.block(BLOCK, &[(0, "Seed", 77.0), (10, "Bass Regenerate", 1.0)]);
    host.wait_for_take(dirty);
    let saved = host.save();
    for running in [false, true] {
        let mut host = Host::open(None, PORTS).expect("there is a plugin");
        if running {
            host.block(BLOCK, &[]);
        } else {
            host.stop();
        }
        host.load(&saved);
        host.start(RATE_HZ, RenderMode::Offline);
        let before = host.dirty();
        let heard = host.loop_once();
        assert_eq!(host.dirty(), before, "nothing was made");
        assert!(host.save() == saved, "nothing has changed");
        host.block(BLOCK, &[(0, "Seed", 78.0)]);
        host.trigger("Bass Regenerate");
        assert!(host.loop_once()[2] != heard[2], "it can be asked for again");
    }
}

#[test]
fn copies_of_a_project_are_independent() {
    let Some(state) = state() else { return };
    let mut one = Host::open(Some(state), PORTS).expect("there is a plugin");
    let mut other = Host::open(Some(&one.save()), PORTS).expect("there is a plugin");
    let before = one.loop_once();
    one.block(BLOCK, &[(0, "Seed", 31.0), (0, "Drums Lock", 1.0), (0, "Harmony Level", -12.0)]);
    one.trigger("Generate");
    assert!(one.loop_once()[2] != before[2]);
    assert!(other.loop_once() == before, "the copy plays what it played");
    drop(one);
    assert!(other.loop_once() == before, "also when the first is gone");
}

#[test]
fn it_is_activated_at_any_rate_and_runs_in_any_blocks() {
    let Some(state) = state() else { return };
    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let mut dice = Dice(5);
    for rate_hz in [8_000.0, 22_050.0, 44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0, 384_000.0] {
        for mode in [RenderMode::Realtime, RenderMode::Offline] {
            host.start(rate_hz, mode);
            host.start(rate_hz, mode);
            for frames in [0, 1, 2, 1_024, LONGEST, 1 + dice.roll(LONGEST as u32) as usize] {
                let heard = host.block(frames, &[]);
                assert!(heard.iter().flatten().flatten().all(|sample| sample.abs() < 8.0), "{rate_hz} Hz");
            }
            host.stop();
        }
    }
    let handle = host.instance.plugin_handle();
    if let Some(latency) = handle.get_extension::<PluginLatency>() {
        assert_eq!(latency.get(&handle), 0);
    }
    // The same as before at the original rate.
    host.start(RATE_HZ, RenderMode::Realtime);
    let fresh = Host::open(Some(state), PORTS).expect("there is a plugin").loop_once();
    assert!(host.loop_once() == fresh);
}

#[test]
fn the_window_has_a_size_and_any_order_of_calls_is_survived() {
    let Some(mut host) = Host::open(None, PORTS) else { return };
    let handle = host.instance.plugin_handle();
    let gui: PluginGui = handle.get_extension().expect("it has a window");
    let api = GuiApiType::default_for_current_platform().expect("it runs where there are windows");
    let embedded = GuiConfiguration { api_type: api, is_floating: false };
    assert!(gui.is_api_supported(&handle, embedded));
    for _ in 0..3 {
        if gui.create(&handle, embedded).is_err() {
            assert!(std::env::var_os("DISPLAY").is_none(), "there is a screen");
            // The error is reported, and the plugin keeps working.
            gui.destroy(&handle);
            continue;
        }
        let size = gui.get_size(&handle).expect("it has a size");
        assert!(size.width >= 300 && size.height >= 200, "{size:?}");
        if gui.can_resize(&handle) {
            for wish in [GuiSize { width: 1, height: 1 }, GuiSize { width: 5_000, height: 4_000 }, size] {
                let fits = gui.adjust_size(&handle, wish).expect("there is a size near it");
                assert!(fits.width > 0 && fits.height > 0);
                assert_eq!(gui.adjust_size(&handle, fits), Some(fits), "what fits stays");
            }
        }
        // Never shown, so no screen is needed.
        gui.destroy(&handle);
    }
    host.block(BLOCK, &[]);
}

/// What a host learns of presets.
#[derive(Default)]
struct Index {
    extensions: Vec<String>,
    /// The user's folders; `None` stands for the plugin itself.
    locations: Vec<Option<CString>>,
    presets: Vec<(String, Option<CString>)>,
    errors: usize,
    foreign: usize,
}

impl IndexerImpl for Index {
    fn declare_filetype(&mut self, file_type: FileType) -> Result<(), HostError> {
        let extension = file_type.file_extension.unwrap_or_default();
        self.extensions.push(extension.to_string_lossy().into_owned());
        Ok(())
    }

    fn declare_location(&mut self, location: LocationInfo) -> Result<(), HostError> {
        self.locations.push(match location.location {
            Location::Plugin => None,
            Location::File { path } => Some(path.to_owned()),
        });
        Ok(())
    }

    fn declare_soundpack(&mut self, _soundpack: Soundpack) -> Result<(), HostError> {
        Ok(())
    }
}

impl MetadataReceiverImpl for Index {
    fn on_error(&mut self, _code: i32, _message: Option<&CStr>) {
        self.errors += 1;
    }

    fn begin_preset(&mut self, name: Option<&CStr>, key: Option<&CStr>) -> Result<(), HostError> {
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        self.presets.push((name, key.map(CStr::to_owned)));
        Ok(())
    }

    fn add_plugin_id(&mut self, id: UniversalPluginId) {
        let is_ours = id.abi == c"clap" && id.id == c"org.resonantgen.resonantgen";
        self.foreign += usize::from(!is_ours);
    }

    fn set_soundpack_id(&mut self, _id: &CStr) {}
    fn set_flags(&mut self, _flags: Flags) {}
    fn add_creator(&mut self, _creator: &CStr) {}
    fn set_description(&mut self, _description: &CStr) {}
    fn set_timestamps(&mut self, _created: Option<Timestamp>, _changed: Option<Timestamp>) {}
    fn add_feature(&mut self, _feature: &CStr) {}
    fn add_extra_info(&mut self, _key: &CStr, _value: &CStr) {}
}

#[test]
fn a_host_finds_presets_and_loads_them() {
    let (Some(state), Some(path)) = (state(), crate::host::plugin()) else { return };
    // SAFETY: the plugin is the one built from this repository.
    let entry = unsafe { PluginEntry::load(&path) }.expect("the plugin can be loaded");
    let factory: PresetDiscoveryFactory = entry.get_factory().expect("it tells of presets");
    let ids: Vec<&CStr> = factory.provider_descriptors().filter_map(ProviderDescriptor::id).collect();
    assert_eq!(ids.len(), 1);
    let about = HostInfo::new("ResonantGen tests", "ResonantGen", "", "1").expect("no NUL in it");
    assert!(Provider::instantiate(Index::default(), &entry, c"another", &about).is_err());
    let mut provider =
        Provider::instantiate(Index::default(), &entry, ids[0], &about).expect("it can be created");
    assert_eq!(provider.indexer().extensions, ["json"]);
    let mut found = Index::default();
    provider.get_metadata(Location::Plugin, &mut found);
    assert!(found.presets.len() >= 24 && found.errors == 0 && found.foreign == 0);
    // The same presets as files, if the plugin was installed with its resources.
    let folders: Vec<CString> = provider.indexer().locations.iter().flatten().cloned().collect();
    let mut shipped = Index::default();
    for folder in folders {
        let entries = std::fs::read_dir(folder.to_string_lossy().as_ref()).expect("what is told is there");
        for entry in entries.map(|entry| entry.expect("it can be read").path()) {
            let path = CString::new(entry.to_string_lossy().as_bytes()).expect("no NUL in it");
            provider.get_metadata(Location::File { path: &path }, &mut shipped);
        }
    }
    let is_shipped = |name: &str| shipped.presets.iter().any(|(known, _)| known == name);
    assert!(found.presets.iter().all(|(name, _)| is_shipped(name)), "{:?}", shipped.presets);

    // One of the user's presets, and a file that is not a preset.
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        CString::new(path.to_string_lossy().as_bytes()).expect("no NUL in it")
    };
    let own = file(
        "mine.json",
        r#"{"name": "Mine", "prompt": "slow jazz with brushes", "bars": 12, "variation": 0.75}"#,
    );
    let other = file("other.json", r#"{"name": "Mine", "prompt": "", "bars": 12000}"#);
    let mut files = Index::default();
    provider.get_metadata(Location::File { path: &own }, &mut files);
    provider.get_metadata(Location::File { path: &other }, &mut files);
    assert_eq!(files.presets, [("Mine".to_owned(), None)]);

    let mut host = Host::open(Some(state), PORTS).expect("there is a plugin");
    let heard = host.loop_once();
    let dirty = host.dirty();
    let load = |host: &mut Host, location: Location, key: Option<&CStr>| {
        let handle = host.instance.plugin_handle();
        let extension: PluginPresetLoad = handle.get_extension().expect("it loads presets");
        extension.load_from_location(&handle, location, key).is_ok()
    };
    for (name, key) in &found.presets {
        assert!(load(&mut host, Location::Plugin, key.as_deref()), "{name}");
        host.block(BLOCK, &[]);
    }
    assert!(load(&mut host, Location::File { path: &own }, None));
    let value = |host: &mut Host, name: &str| {
        values(host).into_iter().find(|(known, _)| known == name).expect("there is such a parameter").1
    };
    assert_eq!((value(&mut host, "Bars"), value(&mut host, "Variation")), (12.0, 0.75));
    assert!(String::from_utf8_lossy(&host.save()).contains("slow jazz with brushes"));
    for (location, key) in [
        (Location::Plugin, None),
        (Location::Plugin, Some(c"no such preset")),
        (Location::File { path: &other }, None),
        (Location::File { path: c"/nowhere/at/all.json" }, None),
    ] {
        assert!(!load(&mut host, location, key), "{location:?} {key:?}");
    }
    assert_eq!(value(&mut host, "Bars"), 12.0, "what cannot be loaded changes nothing");
    assert_eq!(host.dirty(), dirty, "loading generates nothing");
    assert!(host.loop_once() == heard, "the takes stay");
}
