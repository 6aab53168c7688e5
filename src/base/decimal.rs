// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers to and from decimal text.

/// Writes a number, truncated if it does not fit. Returns how many bytes.
pub fn write(text: &mut [u8], number: i64) -> usize {
    let mut digits = 1;
    let mut left = number.unsigned_abs();
    while left >= 10 {
        left /= 10;
        digits += 1;
    }
    let sign = usize::from(number < 0);
    let length = sign + digits;
    if length > text.len() {
        return text.len();
    }
    let mut left = number.unsigned_abs();
    for place in text.iter_mut().take(length).skip(sign).rev() {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
    }
    if let (1, Some(first)) = (sign, text.first_mut()) {
        *first = b'-';
    }
    length
}

/// The number at the start of a text, and the text after it. None if there is no digit,
/// or the number is too large.
pub const fn prefix(text: &[u8]) -> Option<(u32, &[u8])> {
    let [b'0'..=b'9', ..] = text else { return None };
    let (mut number, mut rest) = (0u32, text);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        // Not by `?`, which a const fn cannot use.
        let Some(tens) = number.checked_mul(10) else { return None };
        let Some(sum) = tens.checked_add((*digit - b'0') as u32) else { return None };
        (number, rest) = (sum, after);
    }
    Some((number, rest))
}

/// The number that is the whole text.
pub fn read(text: &[u8]) -> Option<u32> {
    match prefix(text) {
        Some((number, [])) => Some(number),
        _ => None,
    }
}

/// The first two numbers of a version; 0 for one that is missing.
pub const fn version(text: &[u8]) -> (u32, u32) {
    match prefix(text) {
        Some((major, [b'.', rest @ ..])) => match prefix(rest) {
            Some((minor, _)) => (major, minor),
            None => (major, 0),
        },
        Some((major, _)) => (major, 0),
        None => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_text() {
        for number in [0, 7, 10, -1, -1000, 4_294_967_295, i64::MIN, i64::MAX] {
            let mut text = [0u8; 24];
            let length = write(&mut text, number);
            assert_eq!(&text[..length], number.to_string().as_bytes());
        }
        assert_eq!(write(&mut [0u8; 2], 100), 2, "what does not fit fills the room");
    }

    #[test]
    fn text_becomes_numbers() {
        assert_eq!(read(b"0"), Some(0));
        assert_eq!(read(b"0042"), Some(42));
        assert_eq!(read(b"4294967295"), Some(u32::MAX));
        for text in [&b""[..], b"4294967296", b"99999999999", b"-1", b"+1", b" 1", b"1 ", b"1x"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(prefix(b"12 x"), Some((12, &b" x"[..])));
        assert_eq!(prefix(b" 12"), None);
    }

    #[test]
    fn versions_are_the_first_two_numbers() {
        assert_eq!(version(b"6.18.3-cloud\0"), (6, 18));
        assert_eq!(version(b"7.2+deb14-amd64"), (7, 2));
        assert_eq!(version(b"5.10.0-41-amd64"), (5, 10));
        assert_eq!(version(b"5-rc1"), (5, 0));
        assert_eq!(version(b""), (0, 0));
        assert_eq!(version(b"99999999999.1"), (0, 0));
    }
}
