// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times, sizes, errors and strings as reports have them. Nothing that comes out of a trace
//! reaches a terminal but as printable characters.

use serde_json::Value;
use std::fmt::Write;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `81 µs`, `1.25 s`: three digits that count.
pub fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// `3.12 MiB`.
pub fn size(bytes: u64) -> String {
    let (value, unit) = match bytes {
        0..0x400 => return format!("{bytes} B"),
        0x400..0x10_0000 => (bytes as f64 / 1024.0, "KiB"),
        0x10_0000..0x4000_0000 => (bytes as f64 / 1_048_576.0, "MiB"),
        _ => (bytes as f64 / 1_073_741_824.0, "GiB"),
    };
    format!("{} {unit}", three_digits(value))
}

fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `once`, `twice`, `3 times`.
pub fn times(count: u64) -> String {
    match count {
        1 => "once".into(),
        2 => "twice".into(),
        many => format!("{many} times"),
    }
}

/// A text that takes no more columns of a terminal than these, 1 at least.
pub fn cut(text: String, columns: usize) -> String {
    if text.width() <= columns {
        return text;
    }
    let mut left = columns.saturating_sub(1);
    let fits = |character: &char| {
        let rest = left.checked_sub(character.width().unwrap_or(0));
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// `ENOENT`.
pub fn errno(number: i32) -> String {
    match ERRNOS.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => (*name).into(),
        None => format!("errno {number}"),
    }
}

/// What the system calls an error.
pub fn errno_text(number: i32) -> String {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// A command line that a shell splits into the same words again, when it is pasted.
pub fn shell<Word: AsRef<[u8]>>(words: &[Word]) -> String {
    let mut line = String::new();
    for (place, word) in words.iter().enumerate() {
        if place != 0 {
            line.push(' ');
        }
        line.push_str(&shell_word(word.as_ref(), place == 0));
    }
    line
}

fn shell_word(word: &[u8], is_first: bool) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(byte);
    let text = std::str::from_utf8(word).ok().filter(|text| text.chars().all(is_printable));
    // As the first word it would be an assignment, or begin a compound command.
    let is_own = |text: &str| is_first && (text.contains('=') || RESERVED.contains(&text));
    match text {
        Some(text) if !text.is_empty() && word.iter().all(plain) && !is_own(text) => text.into(),
        Some(text) => format!("'{}'", text.replace('\'', r"'\''")),
        None => format!("$'{}'", escaped(word, '\'')),
    }
}

/// Words of the shell's own that consist of letters.
const RESERVED: &[&str] = &[
    "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while",
];

/// A string in C's notation.
pub fn c_string(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes, '"'))
}

/// A list of strings in C's notation.
pub fn c_strings(words: &[Vec<u8>]) -> String {
    let words: Vec<String> = words.iter().map(|word| c_string(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A text without quotes around it, of which nothing but spaces parts words.
pub fn plain(bytes: &[u8]) -> String {
    escaped(bytes, '\\')
}

/// What is not printable, a backslash or the quote, with a backslash before it; by octal
/// digits, of which there are always three, so that what follows does not belong to it.
fn escaped(bytes: &[u8], quote: char) -> String {
    let mut text = String::new();
    let octal = |text: &mut String, byte: u8| {
        _ = write!(text, "\\{byte:03o}");
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                _ if c == quote || c == '\\' => text.extend(['\\', c]),
                _ if is_printable(c) => text.push(c),
                _ => {
                    c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| octal(&mut text, byte));
                }
            }
        }
        chunk.invalid().iter().for_each(|byte| octal(&mut text, *byte));
    }
    text
}

/// A message, in which names of files may be anything.
pub fn message(text: &str) -> String {
    let mut message = String::new();
    for c in text.chars() {
        match is_printable(c) {
            true => message.push(c),
            false => message.push_str(&escaped(c.encode_utf8(&mut [0; 4]).as_bytes(), '"')),
        }
    }
    message
}

/// JSON on one line. What is not printable can only be in its strings, which have it by number.
pub fn json(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().all(is_printable) {
        return text;
    }
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match is_printable(c) {
            true => printable.push(c),
            false => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    _ = write!(printable, "\\u{unit:04x}");
                }
            }
        }
    }
    printable
}

/// Not what steers a terminal, or hides or reorders its neighbours.
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

const ERRNOS: &[(&str, i32)] = &[
    ("EPERM", libc::EPERM),
    ("ENOENT", libc::ENOENT),
    ("ESRCH", libc::ESRCH),
    ("EINTR", libc::EINTR),
    ("EIO", libc::EIO),
    ("ENXIO", libc::ENXIO),
    ("E2BIG", libc::E2BIG),
    ("ENOEXEC", libc::ENOEXEC),
    ("EBADF", libc::EBADF),
    ("ECHILD", libc::ECHILD),
    ("EAGAIN", libc::EAGAIN),
    ("ENOMEM", libc::ENOMEM),
    ("EACCES", libc::EACCES),
    ("EFAULT", libc::EFAULT),
    ("EBUSY", libc::EBUSY),
    ("EEXIST", libc::EEXIST),
    ("ENODEV", libc::ENODEV),
    ("ENOTDIR", libc::ENOTDIR),
    ("EISDIR", libc::EISDIR),
    ("EINVAL", libc::EINVAL),
    ("ENFILE", libc::ENFILE),
    ("EMFILE", libc::EMFILE),
    ("ETXTBSY", libc::ETXTBSY),
    ("ENOSPC", libc::ENOSPC),
    ("ELOOP", libc::ELOOP),
    ("ENAMETOOLONG", libc::ENAMETOOLONG),
    ("ENOSYS", libc::ENOSYS),
    ("EOVERFLOW", libc::EOVERFLOW),
    ("EUSERS", libc::EUSERS),
    ("EOPNOTSUPP", libc::EOPNOTSUPP),
    ("ENOTSUP", libc::ENOTSUP),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn texts_are_cut_by_columns() {
        for (text, columns, wanted) in [
            ("make -j2", 5, "make…"),
            ("éé", 2, "éé"),
            ("日本", 3, "日…"),
            ("", 3, ""),
            ("ab", 1, "…"),
        ] {
            assert_eq!(cut(text.into(), columns), wanted);
        }
    }

    #[test]
    fn times_and_sizes_have_three_digits() {
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(81_400), "81.4 µs");
        assert_eq!(duration(1_250_000_000), "1.25 s");
        assert_eq!(duration(999_949_000), "1000 ms");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(3 << 30), "3.00 GiB");
        assert_eq!((errno(2), errno(4000)), ("ENOENT".into(), "errno 4000".into()));
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let hostile = "\u{1b}]0;x\u{7}\u{9b}31m\r\u{202e}\u{200b}\u{85}".as_bytes();
        for text in [shell(&[hostile]), c_string(hostile), plain(hostile), c_string(b"\xff\x80")] {
            assert!(text.is_ascii() && !text.bytes().any(|byte| byte < b' '), "{text}");
        }
        assert_eq!(shell(&["é—ü"]), "'é—ü'");
        assert_eq!(c_string(b"a\"b\\\n\x001"), r#""a\"b\\\n\0001""#);
    }

    #[test]
    fn messages_and_json_are_printable_and_mean_the_same() {
        assert_eq!(message("a\u{1b}[31m\u{202e}\n\\é"), r"a\033[31m\342\200\256\n\é");
        let value = Value::from("a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}\n\"é");
        let text = json(&value);
        assert!(text.chars().all(is_printable), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "{text}");
    }

    #[test]
    fn what_a_shell_takes_for_its_own_is_quoted_in_front_only() {
        assert_eq!(shell(&["A=b", "A=b"]), "'A=b' A=b");
        assert_eq!(shell(&["if", "if", ""]), "'if' if ''");
        assert_eq!(shell(&["it's", "~", "*"]), r"'it'\''s' '~' '*'");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
        #[test]
        fn a_shell_reads_the_same_words(
            words in prop::collection::vec(prop::collection::vec(1..=255u8, 0..12), 1..5),
        ) {
            let printf = [b"printf".to_vec(), b"%s\\0".to_vec()];
            let line = shell(&[&printf[..], &words].concat());
            let said = Command::new("bash").args(["-c", &line]).output();
            let said = said.map(|said| said.stdout).unwrap_or_default();
            let wanted: Vec<u8> = words.iter().flat_map(|word| [&word[..], b"\0"].concat()).collect();
            prop_assert_eq!(said, wanted, "{}", line);
        }
    }
}
