// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which file a command is, and whether a preload gets into it.

use crate::elf::{self, Kind};
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Interpreters of interpreters that the kernel follows.
const DEEPEST: usize = 4;
/// Bytes of a script's first line that the kernel reads (Linux 5.1).
const FIRST_LINE: usize = 256;

/// What a preload finds there.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A dynamic program of this kind.
    Preloadable(Kind),
    /// The preload will not be seen: why, and in words.
    Not(Why, String),
    /// It cannot be told: the file cannot be read, or is of a kind of its own (binfmt_misc).
    Unknown,
}

/// Why a preload is not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Go's programs make their own system calls.
    Go,
    /// There is no loader.
    Static,
    /// The loader does not preload into what has privileges of its own.
    Privileged,
}

/// The file of a command: as execvp(3) looks for it.
pub fn find(command: &OsStr) -> Option<PathBuf> {
    if command.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(command));
    }
    // Where there is no PATH the C libraries have one of their own.
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let files = || std::env::split_paths(&path).map(|directory| directory.join(command));
    // One that may not be executed is still what was meant, where there is no other.
    files().find(|file| is_executable(file)).or_else(|| files().find(|file| file.is_file()))
}

fn is_executable(file: &Path) -> bool {
    let Ok(name) = CString::new(file.as_os_str().as_bytes()) else { return false };
    // SAFETY: a string that outlives the call.
    file.is_file() && unsafe { libc::access(name.as_ptr(), libc::X_OK) } == 0
}

/// Looks at a program, through the interpreters of scripts.
pub fn look(file: &Path) -> Verdict {
    let mut file = file.to_owned();
    for _ in 0..=DEEPEST {
        match look_at(&file) {
            Ok(Found::Script(interpreter)) => file = interpreter,
            Ok(Found::Verdict(verdict)) => return verdict,
            Err(_) => return Verdict::Unknown,
        }
    }
    Verdict::Unknown
}

enum Found {
    Script(PathBuf),
    Verdict(Verdict),
}

fn look_at(file: &Path) -> io::Result<Found> {
    let mut line = Vec::new();
    let opened = elf::open(file)?;
    (&opened).take(FIRST_LINE as u64).read_to_end(&mut line)?;
    if let Some(rest) = line.strip_prefix(b"#!") {
        return Ok(interpreter(rest).map_or(Found::Verdict(Verdict::Unknown), Found::Script));
    }
    let shown = file.display();
    let not = |why, text: String| Ok(Found::Verdict(Verdict::Not(why, text)));
    if let Some(which) = privileges(file)? {
        let text = format!("{shown} {which}: the loader does not preload into it");
        return not(Why::Privileged, text);
    }
    let Some(program) = elf::look(opened) else {
        return Ok(Found::Verdict(Verdict::Unknown));
    };
    match program {
        elf::File { has_loader: false, is_go: true, .. } => {
            not(Why::Go, format!("{shown} is a static Go program"))
        }
        elf::File { has_loader: false, .. } => {
            not(Why::Static, format!("{shown} is static: no loader preloads anything"))
        }
        elf::File { is_go: true, .. } => {
            not(Why::Go, format!("{shown} is a Go program, which makes its own system calls"))
        }
        elf::File { kind, .. } => Ok(Found::Verdict(Verdict::Preloadable(kind))),
    }
}

/// The word after `#!`.
fn interpreter(line: &[u8]) -> Option<PathBuf> {
    let line = line.split(|byte| *byte == b'\n').next()?;
    let word = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())?;
    Some(PathBuf::from(OsString::from_vec(word.to_vec())))
}

/// What gives a program rights that its caller has not.
fn privileges(file: &Path) -> io::Result<Option<&'static str>> {
    let about = fs::metadata(file)?;
    // SAFETY: takes only numbers.
    if unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } == 1 {
        return Ok(None); // then execve(2) gives none
    }
    // SAFETY: takes nothing, cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    // A set-group-id bit without the group's right to execute is a lock mark.
    let takes_group = about.mode() & 0o2010 == 0o2010;
    Ok(if about.mode() & 0o4000 != 0 && about.uid() != uid {
        Some("is set-user-id")
    } else if takes_group && about.gid() != gid {
        Some("is set-group-id")
    } else if uid != 0 && has_capabilities(file) {
        Some("has file capabilities")
    } else {
        None
    })
}

fn has_capabilities(file: &Path) -> bool {
    let Ok(name) = CString::new(file.as_os_str().as_bytes()) else { return false };
    // SAFETY: two strings that outlive the call; no buffer, only the size is asked for.
    unsafe {
        libc::getxattr(name.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_after_the_mark() {
        let word = |line: &[u8]| interpreter(line).map(|path| path.display().to_string());
        assert_eq!(word(b" /usr/bin/env  -S bash\nrest").as_deref(), Some("/usr/bin/env"));
        assert_eq!(word(b"/bin/sh\n").as_deref(), Some("/bin/sh"));
        assert_eq!(word(b"/bin/sh").as_deref(), Some("/bin/sh"));
        assert_eq!(word(b"  \n/bin/sh"), None);
    }

    #[test]
    fn a_command_is_looked_for_as_execvp_does() {
        assert_eq!(find(OsStr::new("./x")), Some(PathBuf::from("./x")));
        assert!(find(OsStr::new("sh")).is_some_and(|file| file.ends_with("sh")));
        assert_eq!(find(OsStr::new("no-such-command-here")), None);
    }
}
