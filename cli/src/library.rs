// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where libclone3.so is, and its functions that this command calls.

use crate::elf::{self, Kind};
use anyhow::{Context, Result, bail};
use libloading::os::unix::{Library as Object, RTLD_LOCAL, RTLD_NOW};
use std::ffi::{CStr, c_char, c_int};
use std::fs;
use std::path::{Path, PathBuf};

const NAME: &str = "libclone3.so.0";

/// The library for programs of this kind: the one that was named; else beside this command,
/// as in the build directory, or where `make install` put both. None where there is none
/// of the kind.
pub fn find(named: Option<&Path>, kind: Kind) -> Result<Option<PathBuf>> {
    if let Some(path) = named {
        let opened = elf::open(path).with_context(|| path.display().to_string())?;
        let Some(file) = elf::look(opened) else { bail!("{}: not an ELF file", path.display()) };
        return Ok((file.kind == kind).then(|| path.to_owned()));
    }
    let is_it = |path: &PathBuf| {
        elf::open(path).is_ok_and(|file| elf::look(file).is_some_and(|file| file.kind == kind))
    };
    // Without the "..", since users see it in LD_PRELOAD.
    Ok(candidates(kind).into_iter().filter_map(|place| fs::canonicalize(place).ok()).find(is_it))
}

/// Places, best first.
fn candidates(kind: Kind) -> Vec<PathBuf> {
    let name = kind.name();
    let mut places = Vec::new();
    if let Ok(this) = std::env::current_exe() {
        let here = this.parent().unwrap_or(Path::new("/"));
        places.push(here.to_owned());
        places.push(here.join(&name));
        let triplet = if name == "i686" { "i386" } else { &name };
        for library in ["lib", "lib64", "lib32", &format!("lib/{triplet}-linux-gnu")] {
            places.push(here.join("..").join(library));
        }
    }
    places.extend(option_env!("CLONE3_LIBDIR").map(PathBuf::from));
    places.into_iter().map(|place| place.join(NAME)).collect()
}

/// This command's own kind.
pub fn own_kind() -> Result<Kind> {
    let file = elf::open(Path::new("/proc/self/exe")).context("/proc/self/exe")?;
    Ok(elf::look(file).context("/proc/self/exe: not an ELF file")?.kind)
}

include!(concat!(env!("OUT_DIR"), "/features.rs"));

/// The opened library.
pub struct Library(Object);

impl Library {
    /// The one for this command itself.
    pub fn open(named: Option<&Path>) -> Result<Library> {
        let kind = own_kind()?;
        let Some(path) = find(named, kind)? else {
            bail!(
                "{NAME} for {} is not where it belongs to this command; name it with --library",
                kind.name()
            )
        };
        // SAFETY: the library's constructor may run in any process; its functions take
        // nothing over here, since this program's references were bound before.
        let object = unsafe { Object::open(Some(&path), RTLD_NOW | RTLD_LOCAL) }?;
        Ok(Library(object))
    }

    /// clone3_probe().
    pub fn probe(&self, mode: u32) -> Result<Features> {
        let mut features =
            Features { size: size_of::<Features>() as u32, mode, ..Features::default() };
        // SAFETY: the function's prototype in clone3.h; the struct outlives the call and
        // says its own size.
        let result = unsafe {
            let probe =
                self.0.get::<unsafe extern "C" fn(*mut Features) -> c_int>(b"clone3_probe\0")?;
            probe(&mut features)
        };
        match result {
            0 => Ok(features),
            _ => Err(std::io::Error::last_os_error()).context("clone3_probe()"),
        }
    }

    /// clone3_explain(): "" if nothing is wrong.
    pub fn explain(&self, args: &mut [u64], size: usize) -> Result<String> {
        type Explain = unsafe extern "C" fn(*mut u64, usize, *mut c_char, usize) -> *const c_char;
        assert!(size <= size_of_val(args));
        let mut text = [0 as c_char; 1000];
        // SAFETY: the function's prototype in clone3.h; array and buffer outlive the call
        // and are as large as is said; the answer ends with a NUL.
        let answer = unsafe {
            let explain = self.0.get::<Explain>(b"clone3_explain\0")?;
            CStr::from_ptr(explain(args.as_mut_ptr(), size, text.as_mut_ptr(), text.len()))
        };
        Ok(answer.to_string_lossy().into_owned())
    }
}
