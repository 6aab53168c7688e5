// SPDX-License-Identifier: MIT OR Apache-2.0
//! A request in words, as strace prints it: `{flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD}`.

use anyhow::{Context, Result, anyhow, bail};
use std::fs::File;
use std::os::fd::AsRawFd;

include!(concat!(env!("OUT_DIR"), "/flags.rs"));

/// The fields of struct clone_args, in its order.
const FIELDS: [&str; 11] = [
    "flags",
    "pidfd",
    "child_tid",
    "parent_tid",
    "exit_signal",
    "stack",
    "stack_size",
    "tls",
    "set_tid",
    "set_tid_size",
    "cgroup",
];
/// Sizes that struct clone_args has had (Linux 5.3, 5.5, 5.7).
const SIZES: [usize; 3] = [64, 80, 88];

/// A request, and what its addresses lead to.
#[derive(Default)]
pub struct Request {
    /// The fields.
    pub args: [u64; FIELDS.len()],
    /// The size that was given, or that they need.
    pub size: usize,
    _memory: Vec<Box<[u64]>>,
    _directory: Option<File>,
}

impl Request {
    /// From words.
    pub fn parse(text: &str) -> Result<Request> {
        let (body, rest) = cut(text);
        let mut request = Request::default();
        for (name, value) in fields(body)? {
            let place = FIELDS.iter().position(|field| *field == name).ok_or_else(|| {
                anyhow!("no field '{name}' in struct clone_args; it has {}", FIELDS.join(", "))
            })?;
            let value = request.value(name, value).with_context(|| format!("{name}={value}"))?;
            request.args[place] = value;
        }
        let needed =
            request.args.iter().rposition(|value| *value != 0).map_or(0, |last| 8 * (last + 1));
        let fits = SIZES.into_iter().find(|size| *size >= needed).unwrap_or(SIZES[2]);
        request.size = after_the_struct(rest).unwrap_or(fits);
        Ok(request)
    }

    fn value(&mut self, name: &str, text: &str) -> Result<u64> {
        match name {
            "flags" => text.split('|').map(flag).try_fold(0, |all, flag| Ok(all | flag?)),
            "exit_signal" => signal(text),
            "set_tid" if text.starts_with('[') => self.list(text),
            "cgroup" if text.contains('/') => self.directory(text),
            "pidfd" | "child_tid" | "parent_tid" | "tls" | "set_tid" => match number(text)? {
                0 => Ok(0),
                _ => Ok(self.keep([0; 64])),
            },
            _ => number(text),
        }
    }

    /// `[1, 2]`: their address; their number is the field after it.
    fn list(&mut self, text: &str) -> Result<u64> {
        let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let inside = inside.context("a list ends with a bracket")?;
        let pids = inside.split([',', ' ']).filter(|word| !word.is_empty()).map(number);
        let pids = pids.collect::<Result<Vec<u64>>>()?;
        let mut words = vec![0u64; pids.len().div_ceil(2).max(1)];
        for (i, pid) in pids.iter().enumerate() {
            let pid = u64::from(*pid as u32);
            words[i / 2] |=
                if (i % 2 == 0) == cfg!(target_endian = "little") { pid } else { pid << 32 };
        }
        self.args[9] = pids.len() as u64;
        Ok(self.keep(words))
    }

    fn directory(&mut self, path: &str) -> Result<u64> {
        let file = File::open(path)?;
        let fd = file.as_raw_fd();
        self._directory = Some(file);
        Ok(fd as u64)
    }

    /// Memory that stays as long as the request does.
    fn keep(&mut self, words: impl Into<Box<[u64]>>) -> u64 {
        let words = words.into();
        let address = words.as_ptr() as u64;
        self._memory.push(words);
        address
    }
}

/// What is in the braces, if there are any, and what comes after them.
fn cut(text: &str) -> (&str, &str) {
    match text.split_once('{') {
        Some((_, inside)) => inside.split_once('}').unwrap_or((inside, "")),
        None => (text, ""),
    }
}

/// The 88 in `{…}, 88) = -1 EINVAL`, also behind what the kernel stored: `{…} => {…}, 88)`.
fn after_the_struct(rest: &str) -> Option<usize> {
    let rest = rest.rsplit_once('}').map_or(rest, |(_, rest)| rest);
    let digits = rest.trim_start().strip_prefix(',')?.trim_start();
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// `name=value` and the next one, with commas or spaces between, none in brackets.
fn fields(text: &str) -> Result<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut rest = text.trim_matches([' ', ',', '\n', '\t']);
    while !rest.is_empty() {
        let (name, after) =
            rest.split_once('=').with_context(|| format!("'{rest}' is no FIELD=VALUE"))?;
        let mut depth = 0;
        let end = after.find(|c: char| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            depth == 0 && (c == ',' || c.is_whitespace())
        });
        let (value, behind) = after.split_at(end.unwrap_or(after.len()));
        found.push((name.trim(), value));
        rest = behind.trim_matches([' ', ',', '\n', '\t']);
    }
    Ok(found)
}

/// A flag by its name or number.
fn flag(word: &str) -> Result<u64> {
    let word = word.trim();
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return number(word);
    }
    let name = word.strip_prefix("CLONE_").unwrap_or(word);
    let is_it = |known: &str| {
        known.strip_prefix("CLONE_").is_some_and(|known| known.eq_ignore_ascii_case(name))
    };
    match FLAGS.iter().find(|(known, _)| is_it(known)) {
        Some((_, value)) => Ok(*value),
        None if signal(word).is_ok() => bail!("{word} is a signal; it goes into exit_signal"),
        None => bail!(
            "no flag '{word}'; there are {}",
            FLAGS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// A set of flags by their names, what has none as a number.
pub fn flags_in_words(flags: u64) -> String {
    let mut rest = flags;
    let mut words = Vec::new();
    for (name, flag) in FLAGS {
        if rest & flag == *flag {
            words.push((*name).to_owned());
            rest &= !flag;
        }
    }
    if rest != 0 || words.is_empty() {
        words.push(if rest == 0 { "0".into() } else { format!("{rest:#x}") });
    }
    words.join("|")
}

/// A signal's name.
pub fn signal_in_words(number: i32) -> String {
    match SIGNALS.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => format!("SIG{name}"),
        None => format!("signal {number}"),
    }
}

/// A signal by its name, with or without SIG, or its number.
fn signal(word: &str) -> Result<u64> {
    if let Ok(value) = number(word) {
        return Ok(value);
    }
    let name = word.strip_prefix("SIG").unwrap_or(word);
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number as u64)
        .with_context(|| format!("no signal '{word}'"))
}

const SIGNALS: &[(&str, libc::c_int)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
];

/// Decimal, 0x…, 0… or NULL; negative ones as in C.
fn number(word: &str) -> Result<u64> {
    let word = word.trim();
    let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
    let parsed = match digits {
        _ if word == "NULL" => Ok(0),
        _ if digits.starts_with("0x") => u64::from_str_radix(&digits[2..], 16),
        _ if digits.starts_with('-') => digits.parse::<i64>().map(|value| value as u64),
        _ if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(&digits[1..], 8),
        _ => digits.parse(),
    };
    parsed.map_err(|_| anyhow!("'{word}' is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Request {
        Request::parse(text).unwrap_or_else(|error| panic!("{text}: {error:#}"))
    }

    #[test]
    fn words_and_what_strace_prints_say_the_same() {
        let words = parsed("flags=CLONE_VM|CLONE_VFORK exit_signal=SIGCHLD");
        let line = parsed(
            "clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD, stack=NULL, stack_size=0}, 88) = 4711",
        );
        assert_eq!(words.args, line.args);
        assert_eq!(words.args[0], 0x4100);
        assert_eq!((words.size, line.size), (64, 88));
    }

    #[test]
    fn what_the_kernel_stored_is_no_part_of_the_request() {
        let request = parsed(
            "clone3({flags=CLONE_PARENT_SETTID, parent_tid=0x7f12, exit_signal=17} => {parent_tid=[5]}, 80) = 5",
        );
        assert_eq!((request.args[0], request.args[4], request.size), (0x100000, 17, 80));
    }

    #[test]
    fn addresses_of_another_process_become_ones_that_can_be_written() {
        let request = parsed("pidfd=0x7fff00001234 tls=0");
        assert_ne!(request.args[1], 0x7fff00001234);
        assert_ne!(request.args[1], 0);
        assert_eq!(request.args[7], 0);
    }

    #[test]
    fn a_list_of_pids_is_counted_and_needs_a_larger_struct() {
        let request = parsed("set_tid=[7, 8, 9]");
        assert_eq!(request.args[9], 3);
        assert_eq!(request.size, 80);
        assert_eq!(parsed("cgroup=3").size, 88);
        assert_eq!(parsed("cgroup=/").size, 88);
    }

    #[test]
    fn what_is_written_in_words_reads_as_the_same() {
        let flags = 0x4100 | 1 << 62;
        assert_eq!(flags_in_words(flags), "CLONE_VM|CLONE_VFORK|0x4000000000000000");
        assert_eq!(parsed(&format!("flags={}", flags_in_words(flags))).args[0], flags);
        assert_eq!(flags_in_words(0), "0");
        assert_eq!(signal_in_words(9), "SIGKILL");
        assert_eq!(signal_in_words(40), "signal 40");
    }

    #[test]
    fn numbers_names_and_mistakes() {
        assert_eq!(parsed("flags=0x100|vfork").args[0], 0x4100);
        assert_eq!(parsed("exit_signal=TERM").args[4], 15);
        assert_eq!(parsed("stack=010").args[5], 8);
        for (text, says) in [
            ("flags=CLONE_WM", "no flag 'CLONE_WM'"),
            ("flags=SIGCHLD", "goes into exit_signal"),
            ("flag=1", "no field 'flag'"),
            ("exit_signal=SIGFOO", "no signal 'SIGFOO'"),
            ("stack=abc", "'abc' is no number"),
            ("CLONE_VM", "is no FIELD=VALUE"),
            ("set_tid=[1,x]", "'x' is no number"),
            ("cgroup=/nowhere/at/all", "No such file"),
        ] {
            let error = Request::parse(text).err().map(|error| format!("{error:#}"));
            assert!(error.as_ref().is_some_and(|error| error.contains(says)), "{text}: {error:?}");
        }
    }
}
