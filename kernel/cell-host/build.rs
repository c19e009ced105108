//! Exports the host's own `read`, which cells find before the C library's (see src/standard_input.rs).

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol=read");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
