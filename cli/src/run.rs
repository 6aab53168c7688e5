// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3 run`.

use crate::args::{Args, Run};
use crate::program::{self, Verdict};
use crate::record::{self, Outcome, Wanted};
use crate::{library, pipes, say};
use anyhow::{Context, Result, bail};
use std::ffi::{CString, OsString, c_char};
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::ptr::null;

const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Executes the program, with the library where it can be had.
pub fn run(args: &Args, run: &Run) -> Result<ExitCode> {
    let name = run.command.first().context("no program")?;
    let Some(file) = program::find(name) else {
        say(&format!("{}: not found", Path::new(name).display()));
        return Ok(ExitCode::from(NOT_FOUND));
    };
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let (library, why_not) = library_for(args.library.as_deref(), &file)?;
    match why_not {
        Some(why) if run.strict => bail!("{why}"),
        Some(why) => say(&why),
        None => {}
    }
    if let Some(library) = library {
        if run.verbose {
            say(&format!("{} into {}", library.display(), file.display()));
        }
        set(&mut environment, "LD_PRELOAD", preload(library.into_os_string())?);
    }
    if run.legacy {
        set(&mut environment, "CLONE3_ROUTE", "legacy".into());
    }
    let error = match &run.output {
        None => execute(&file, &run.command, &environment)?,
        Some(output) => {
            let wanted = Wanted {
                output,
                file: &file,
                words: &run.command,
                mib: run.size,
                wait: run.wait,
                live: run.live,
                traceparent: run.traceparent,
                memory: run.memory,
            };
            let outcome = record::run(&wanted, |variables| {
                for (name, value) in variables {
                    set(&mut environment, name, value);
                }
                execute(&file, &run.command, &environment)
            })?;
            match outcome {
                Outcome::Ended(code) => return Ok(code),
                Outcome::Failed(error) => error,
            }
        }
    };
    say(&format!("{}: {error}", Path::new(name).display()));
    let is_missing = error.kind() == ErrorKind::NotFound && !file.exists();
    Ok(ExitCode::from(if is_missing { NOT_FOUND } else { NOT_EXECUTABLE }))
}

fn set(environment: &mut Vec<(OsString, OsString)>, name: &str, value: OsString) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.into(), value));
}

/// Executes a file as execvp(3) does, a script without `#!` too; says why not. Not by
/// std's Command, which changes the signal mask and SIGPIPE for the program.
fn execute(file: &Path, words: &[OsString], environment: &[(OsString, OsString)]) -> Result<Error> {
    let text = |bytes: &[u8]| CString::new(bytes).context("a NUL in an argument");
    let file = text(file.as_os_str().as_bytes())?;
    let words = words.iter().map(|word| text(word.as_bytes())).collect::<Result<Vec<_>>>()?;
    let joined = |(name, value): &(OsString, OsString)| {
        text(&[name.as_bytes(), b"=", value.as_bytes()].concat())
    };
    let environment = environment.iter().map(joined).collect::<Result<Vec<_>>>()?;
    let pointers = |list: &[CString]| {
        list.iter().map(|text| text.as_ptr()).chain([null()]).collect::<Vec<*const c_char>>()
    };
    let (words, environment) = (pointers(&words), pointers(&environment));
    pipes::close_as_given();
    // SAFETY: strings and the two arrays, which end with NULL, outlive the call.
    unsafe { libc::execvpe(file.as_ptr(), words.as_ptr(), environment.as_ptr()) };
    Ok(Error::last_os_error())
}

/// The library for a program and what it starts, and why the program itself will be without it.
fn library_for(named: Option<&Path>, file: &Path) -> Result<(Option<PathBuf>, Option<String>)> {
    let (kind, why_not) = match program::look(file) {
        Verdict::Preloadable(kind) => (kind, None),
        // What cannot be told is tried.
        Verdict::Unknown => (library::own_kind()?, None),
        Verdict::Not(_, why) => (
            library::own_kind()?,
            Some(format!("{why}; only programs that it starts get libclone3")),
        ),
    };
    match library::find(named, kind)? {
        // The loader looks for it from the working directory that a program has then.
        Some(path) => Ok((Some(std::path::absolute(&path)?), why_not)),
        None if named.is_some() => {
            bail!(
                "the library that --library names is not for {}, as {} is",
                kind.name(),
                file.display()
            )
        }
        None => {
            let why = format!(
                "{} is for {}, for which there is no libclone3.so.0 here",
                file.display(),
                kind.name()
            );
            Ok((None, Some(why)))
        }
    }
}

/// LD_PRELOAD: the library before what is there.
fn preload(library: OsString) -> Result<OsString> {
    if library.as_bytes().iter().any(|byte| matches!(byte, b' ' | b':' | b'\t' | b'\n')) {
        bail!(
            "{}: LD_PRELOAD takes no path with a space or a colon",
            Path::new(&library).display()
        );
    }
    let mut list = library;
    if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        list.push(":");
        list.push(others);
    }
    Ok(list)
}
