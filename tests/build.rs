//! Builds the tests of Steinberg's validator from clap-wrapper's copy of the VST3 SDK, where they can be run.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=hosts/vst3_validator.cpp");
    println!("cargo:rustc-check-cfg=cfg(steinberg_validator)");
    let is_wanted = env::var_os("CARGO_FEATURE_STEINBERG_VALIDATOR").is_some();
    let system = match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => "linux",
        // With mingw-w64 only: Microsoft's compiler wants other options.
        Ok("windows") if env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") => "win32",
        _ => return,
    };
    if is_wanted {
        build(&sdk(), system);
        println!("cargo:rustc-cfg=steinberg_validator");
    }
}

/// Folder of the SDK.
fn sdk() -> PathBuf {
    let cargo = env::var_os("CARGO").expect("Cargo sets CARGO for build scripts");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo sets CARGO_MANIFEST_DIR for build scripts");
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
        .expect("the plugin is built with clap-wrapper");
    Path::new(manifest).parent().expect("a manifest lies in a folder").join("external/vst3sdk")
}

/// Compiles the tests; `system` is how the SDK names the operating system in its files.
fn build(sdk: &Path, system: &str) {
    let common = sdk.join("public.sdk/source/common");
    let vst = sdk.join("public.sdk/source/vst");
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .opt_level(0)
        .debug(false)
        .define("DEVELOPMENT", Some("1"))
        .include(sdk);
    build.file("hosts/vst3_validator.cpp");
    for folder in [
        sdk.join("base/source"),
        sdk.join("base/thread/source"),
        sdk.join("pluginterfaces/base"),
        vst.join("testsuite"),
    ] {
        // It reads a bundle's moduleinfo.json, which ours has none of.
        build.files(cpp_files(&folder).into_iter().filter(|path| !path.ends_with("plugcompat.cpp")));
    }
    build.files(
        [
            "commoniids.cpp",
            "commonstringconvert.cpp",
            "memorystream.cpp",
            "readfile.cpp",
            &format!("threadchecker_{system}.cpp"),
        ]
        .map(|file| common.join(file)),
    );
    build.files(
        [
            "hosting/connectionproxy.cpp",
            "hosting/eventlist.cpp",
            "hosting/hostclasses.cpp",
            "hosting/module.cpp",
            &format!("hosting/module_{system}.cpp"),
            "hosting/parameterchanges.cpp",
            "hosting/pluginterfacesupport.cpp",
            "hosting/plugprovider.cpp",
            "hosting/processdata.cpp",
            "utility/stringconvert.cpp",
            "utility/testing.cpp",
            "vstinitiids.cpp",
            "vstpresetfile.cpp",
        ]
        .map(|file| vst.join(file)),
    );
    build.compile("steinberg_validator");
}

fn cpp_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the SDK has this folder") {
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
