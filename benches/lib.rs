//! Nothing: this package only holds benches. `cargo bench -p resonantgen-benches`.
