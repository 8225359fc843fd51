//! Empty: this package only holds benchmarks. Run `cargo bench -p resonantgen-benches`.
