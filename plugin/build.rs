//! Compiles clap-wrapper's VST3 half from the crate's sources, with a few corrections, and its Audio Unit if requested.
//!
//! clap-wrapper 0.3.1 skips a block when an output bus is missing, reads buses past the host's `numOutputs`, passes on only the
//! last automation point of a block, tells hosts that it needs neither tempo nor position, activates every output by default, and
//! reads inputs that the host does not have, and ignores bounces that hosts announce block by block. The corrections are text replacements, so that no copy of its sources is
//! kept here. Each must match exactly once, so that a new version cannot make them ineffective unnoticed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The corrected source files, relative to clap-wrapper's folder.
const PROCESS: &str = "detail/vst3/process.cpp";
const WRAPPER: &str = "wrapasvst3.cpp";

/// The corrections: file, old text, new text.
const CORRECTIONS: [(&str, &str, &str); 10] = [
    // The corrected file is in another folder, so its headers are named by their full paths. An include path would not do:
    // clap-wrapper's `process.h` would hide the one of Windows.
    (PROCESS, "#include \"process.h\"", "#include \"detail/vst3/process.h\""),
    (PROCESS, "#include \"parameter.h\"", "#include \"detail/vst3/parameter.h\""),
    (PROCESS, "#include \"../clap/automation.h\"", "#include \"detail/clap/automation.h\""),
    // Hosts leave out of the process context what the plugin does not request.
    (
        WRAPPER,
        "  auto result = super::initialize(context);
  context->queryInterface(",
        "  auto result = super::initialize(context);
  processContextRequirements.needTransportState().needTempo().needTimeSignature().needProjectTimeMusic().needBarPositionMusic();
  context->queryInterface(",
    ),
    // Hosts announce a bounce when they set up the plugin or (Ardour) in each block. The plugin's shim has an extension for the
    // latter.
    (
        PROCESS,
        "  _vstdata = &data;
",
        "  _vstdata = &data;
  if (auto render = (const clap_plugin_render_t *)_plugin->get_extension(_plugin, \"org.resonantgen.render-of-block\"))
    render->set(_plugin, data.processMode == Steinberg::Vst::kOffline ? CLAP_RENDER_OFFLINE : CLAP_RENDER_REALTIME);
",
    ),
    // Every automation point of a block reaches the plugin, not only the last.
    (
        PROCESS,
        "          auto nums = k->getPointCount();

          Vst::ParamValue value;
          int32 offset;
          if (k->getPoint(nums - 1, offset, value) == kResultOk)
          {
            clap_multi_event_t n;
            n.param.header.type = CLAP_EVENT_PARAM_VALUE;",
        "          auto nums = k->getPointCount();

          Vst::ParamValue value;
          int32 offset;
          for (decltype(nums) point = 0; point < nums; ++point)
          {
            if (k->getPoint(point, offset, value) != kResultOk) continue;
            clap_multi_event_t n;
            n.param.header.type = CLAP_EVENT_PARAM_VALUE;",
    ),
    // The drum parts are off until the host activates them.
    (
        WRAPPER,
        "    addAudioOutput(name16, spk, bustype, Vst::BusInfo::kDefaultActive);",
        "    addAudioOutput(name16, spk, bustype, audioOutputs.size() < 5 ? (uint32)Vst::BusInfo::kDefaultActive : 0);",
    ),
    // So is the sidechain.
    (
        WRAPPER,
        "    addAudioInput(name16, spk, bustype, Vst::BusInfo::kDefaultActive);",
        "    addAudioInput(name16, spk, bustype, 0);",
    ),
    // A missing input is passed on as null.
    (
        PROCESS,
        "      if (_vstdata->inputs[i].numChannels == (Steinberg::int32)_input_ports[i].channel_count)
      {
        _input_ports[i].data32 = _vstdata->inputs[i].channelBuffers32;
      }
      else
      {
        doProcess = false;
      }",
        "      bool supplied = _vstdata->inputs && i < (uint32_t)std::max(_vstdata->numInputs, 0) &&
                      _vstdata->inputs[i].numChannels > 0 && _audioinputs->at(i)->isActive();
      _input_ports[i].data32 = supplied ? _vstdata->inputs[i].channelBuffers32 : nullptr;
      _input_ports[i].channel_count = supplied ? (uint32_t)_vstdata->inputs[i].numChannels : 0;",
    ),
    // Missing outputs are passed on as null; the plugin's shim fills them in.
    (
        PROCESS,
        "      if (_vstdata->outputs[i].numChannels == (Steinberg::int32)_output_ports[i].channel_count)
      {
        _output_ports[i].data32 = _vstdata->outputs[i].channelBuffers32;
      }
      else
      {
        doProcess = false;
      }",
        "      bool supplied = _vstdata->outputs && i < (uint32_t)std::max(_vstdata->numOutputs, 0) &&
                      _vstdata->outputs[i].numChannels > 0 && (i < 5 || _audiooutputs->at(i)->isActive());
      _output_ports[i].data32 = supplied ? _vstdata->outputs[i].channelBuffers32 : nullptr;
      _output_ports[i].channel_count = supplied ? (uint32_t)_vstdata->outputs[i].numChannels : 0;
      if (supplied) _vstdata->outputs[i].silenceFlags = 0;",
    ),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_VST3").is_some() {
        build_vst3(&clap_wrapper_sources());
    }
    let is_mac = env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos");
    if is_mac && env::var_os("CARGO_FEATURE_AUV2").is_some() {
        build_auv2(&clap_wrapper_sources());
    }
}

/// Where Cargo keeps the sources of clap-wrapper.
fn clap_wrapper_sources() -> PathBuf {
    let cargo = env::var_os("CARGO").expect("Cargo sets CARGO for build scripts");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo sets CARGO_MANIFEST_DIR for build scripts");
    // Crates for other platforms may be absent.
    let target = env::var("TARGET").expect("Cargo sets TARGET for build scripts");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform", &target])
        .current_dir(folder)
        .output()
        .expect("cargo can be run again");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "clap-wrapper")
        .and_then(|package| package["manifest_path"].as_str())
        .expect("clap-wrapper is a build dependency");
    Path::new(manifest).parent().expect("a manifest lies in a folder").to_owned()
}

/// Writes a corrected file into the build folder; `wrapper` is clap-wrapper's source folder.
fn corrected(wrapper: &Path, name: &str) -> PathBuf {
    let mut text = fs::read_to_string(wrapper.join(name)).expect("clap-wrapper 0.3.1 has this file");
    text = text.replace("\r\n", "\n");
    for (_, wrong, right) in CORRECTIONS.iter().filter(|(file, ..)| *file == name) {
        assert_eq!(
            text.matches(wrong).count(),
            1,
            "clap-wrapper has changed: review CORRECTIONS in build.rs"
        );
        text = text.replace(wrong, right);
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR for build scripts"));
    let file = folder.join(Path::new(name).file_name().expect("it names a file"));
    fs::write(&file, text).expect("the build folder is writable");
    file
}

/// Follows clap-wrapper's own build script.
fn build_auv2(sources: &Path) {
    let external = sources.join("external");
    let wrapper = external.join("clap-wrapper");
    let source = wrapper.join("src");
    let sdk = external.join("AudioUnitSDK");
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false).debug(false).flag_if_supported("-fno-char8_t");
    build
        .include(sources.join("src/auv2-cpp"))
        .include(external.join("clap/include"))
        .include(wrapper.join("include"))
        .include(wrapper.join("libs/fmt"))
        .include(&source)
        .include(sdk.join("include"))
        .include(external.join("filesystem/include"));
    // Objective-C class names are global to the process, so each version of the plugin needs its own.
    let version =
        env::var("CARGO_PKG_VERSION").expect("Cargo sets the version for build scripts").replace('.', "_");
    build
        .define("CLAP_WRAPPER_VERSION", Some("\"0.14.0\""))
        .define("CLAP_WRAPPER_BUILD_AUV2", Some("1"))
        .define("STATICALLY_LINKED_CLAP_ENTRY", Some("1"))
        .define("DICTIONARY_STREAM_FORMAT_WRAPPER", Some("1"))
        .define("CLAP_WRAPPER_COCOA_CLASS_NSVIEW", Some(format!("ResonantGen_{version}_view").as_str()))
        .define("CLAP_WRAPPER_COCOA_CLASS", Some(format!("ResonantGen_{version}_factory").as_str()))
        .define("MACOS_USE_GHC_FILESYSTEM", None)
        .define("MAC", None)
        .define("RELEASE", Some("1"));
    build.files(
        [
            "AUBase.cpp",
            "AUBuffer.cpp",
            "AUBufferAllocator.cpp",
            "AUEffectBase.cpp",
            "AUMIDIBase.cpp",
            "AUMIDIEffectBase.cpp",
            "AUInputElement.cpp",
            "AUOutputElement.cpp",
            "AUScopeElement.cpp",
            "AUPlugInDispatch.cpp",
            "ComponentBase.cpp",
            "MusicDeviceBase.cpp",
        ]
        .map(|file| sdk.join("src/AudioUnitSDK").join(file)),
    );
    build.files(
        [
            "clap_proxy.cpp",
            "detail/clap/fsutil.cpp",
            "detail/clap/mac_helpers.mm",
            "detail/os/macos.mm",
            "detail/shared/sha1.cpp",
            "wrapasauv2.cpp",
            "detail/auv2/auv2_shared.mm",
            "detail/auv2/process.cpp",
            "detail/auv2/wrappedview.mm",
            "detail/auv2/parameter.cpp",
        ]
        .map(|file| source.join(file)),
    );
    build.compile("clap_wrapper_auv2");
    for framework in ["Foundation", "CoreFoundation", "AudioToolbox", "CoreMIDI", "AppKit"] {
        println!("cargo:rustc-link-lib=framework={framework}");
    }
}

/// Follows clap-wrapper's own build script, without AUv2.
fn build_vst3(sources: &Path) {
    let os = env::var("CARGO_CFG_TARGET_OS").expect("Cargo sets the target for build scripts");
    let external = sources.join("external");
    let wrapper = external.join("clap-wrapper");
    let sdk = external.join("vst3sdk");
    let mut build = cc::Build::new();
    // Nobody debugs this code, and debug information takes a third of the compile time.
    build.cpp(true).std("c++17").warnings(false).debug(false);
    build.flag_if_supported("/utf-8").flag_if_supported("/EHsc").flag_if_supported("-fvisibility=hidden");
    build
        .include(external.join("clap/include"))
        .include(wrapper.join("include"))
        .include(wrapper.join("libs/fmt"))
        .include(wrapper.join("libs/psl"))
        .include(wrapper.join("src"))
        .include(&sdk)
        .include(sdk.join("public.sdk"))
        .include(sdk.join("pluginterfaces"));
    build
        .define("CLAP_WRAPPER_VERSION", Some("\"0.14.0\""))
        .define("CLAP_WRAPPER_BUILD_FOR_VST3", Some("1"))
        .define("STATICALLY_LINKED_CLAP_ENTRY", Some("1"))
        .define(
            if env::var("DEBUG").as_deref() == Ok("true") { "DEVELOPMENT" } else { "RELEASE" },
            Some("1"),
        );
    // The entry points are renamed so that Rust can export them: those of a static library would be dropped.
    for entry in
        ["GetPluginFactory", "ModuleEntry", "ModuleExit", "InitDll", "ExitDll", "bundleEntry", "bundleExit"]
    {
        build.define(entry, Some(format!("clap_wrapper_{entry}").as_str()));
    }

    for folder in ["base/source", "base/thread/source", "pluginterfaces/base", "public.sdk/source/common"] {
        build.files(cpp_files(&sdk.join(folder)));
    }
    let vst = sdk.join("public.sdk/source");
    build.files(
        [
            "main/pluginfactory.cpp",
            "main/moduleinit.cpp",
            "vst/vstinitiids.cpp",
            "vst/vstnoteexpressiontypes.cpp",
            "vst/vstaudioeffect.cpp",
            "vst/vstcomponent.cpp",
            "vst/vstsinglecomponenteffect.cpp",
            "vst/vstcomponentbase.cpp",
            "vst/vstbus.cpp",
            "vst/vstparameters.cpp",
            "vst/utility/stringconvert.cpp",
        ]
        .map(|file| vst.join(file)),
    );
    let source = wrapper.join("src");
    build.files(
        [
            "clap_proxy.cpp",
            "detail/clap/fsutil.cpp",
            "detail/shared/sha1.cpp",
            "wrapasvst3_export_entry.cpp",
            "wrapasvst3_entry.cpp",
            "detail/vst3/parameter.cpp",
            "detail/vst3/plugview.cpp",
            "detail/vst3/categories.cpp",
        ]
        .map(|file| source.join(file)),
    );
    for name in [PROCESS, WRAPPER] {
        build.file(corrected(&source, name));
    }
    match os.as_str() {
        "macos" => {
            build.file(vst.join("main/macmain.cpp"));
            build.file(source.join("detail/os/macos.mm"));
            build.file(source.join("detail/clap/mac_helpers.mm"));
            build.define("MAC", None).define("MACOS_USE_GHC_FILESYSTEM", None);
            build.include(external.join("filesystem/include"));
            println!("cargo:rustc-link-lib=framework=CoreFoundation");
            println!("cargo:rustc-link-lib=framework=Foundation");
        }
        "windows" => {
            build.file(vst.join("main/dllmain.cpp"));
            build.file(source.join("detail/os/windows.cpp"));
            build.define("WIN", None);
        }
        "linux" => {
            build.file(vst.join("main/linuxmain.cpp"));
            build.file(source.join("detail/os/linux.cpp"));
            build.define("LIN", None);
        }
        other => panic!("the VST3 is built for Linux, macOS and Windows, not for {other}"),
    }
    build.compile("clap_wrapper_vst3");
    if os == "windows" {
        // After the library that needs them, and in lower case: GNU linkers require both.
        for library in ["shell32", "user32", "ole32", "uuid"] {
            println!("cargo:rustc-link-lib={library}");
        }
    }
}

fn cpp_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("clap-wrapper 0.3.1 has this folder") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            files.extend(cpp_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "cpp") {
            files.push(path);
        }
    }
    files.sort();
    files
}
