//! The plugin in a window of its own, for development: `resonantgen-standalone --help` lists the audio backends.

fn main() {
    nice_plug::nice_export_standalone::<resonantgen_plugin::ResonantGen>();
}
