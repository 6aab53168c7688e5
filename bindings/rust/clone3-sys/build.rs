// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks pkg-config where the library is, and links with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let whole = std::env::var_os("CARGO_FEATURE_WHOLE").is_some();
    let archive = std::env::var_os("CARGO_FEATURE_STATIC").is_some();
    let name = if whole { "clone3" } else { "clone3-api" };
    let package = format!("lib{name}");
    // The instructions for cargo are our own: the crate pkg-config links no archive that is
    // below /usr.
    let found = pkg_config::Config::new()
        .atleast_version(env!("CARGO_PKG_VERSION"))
        .cargo_metadata(false)
        .probe(&package);
    let directory = found.and_then(|_| pkg_config::get_variable(&package, "libdir"));
    let directory = match directory {
        Ok(directory) => directory,
        Err(why) => {
            eprintln!("{why}\n");
            eprintln!("clone3-sys links with libclone3 ('make install' in its sources, or a");
            eprintln!("distribution's package); PKG_CONFIG_PATH is where {package}.pc is.");
            return ExitCode::FAILURE;
        }
    };
    let file = format!("{directory}/{package}.{}", if archive { "a" } else { "so" });
    println!("cargo::rerun-if-changed={file}");
    let kind = if archive { "static" } else { "dylib" };
    println!("cargo::rustc-link-search=native={directory}");
    println!("cargo::rustc-link-lib={kind}={name}");
    // For the build scripts of crates that depend on this one: an rpath, say.
    println!("cargo::metadata=libdir={directory}");
    ExitCode::SUCCESS
}
