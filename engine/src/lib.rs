//! The crates together: tests that need models, a disk or several crates at once (`tests/`), and the whole way from words to
//! stems in one file (`examples/stems.rs`).
