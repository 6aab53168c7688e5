// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which processes there are below another one, by /proc.

use std::collections::HashMap;
use std::fs;

/// Their numbers, and whether each has ended and was not waited for.
pub fn below(ancestor: u32) -> Vec<(u32, bool)> {
    let mut children: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some((parent, is_zombie)) = parent(&stat) {
            children.entry(parent).or_default().push((pid, is_zombie));
        }
    }
    let mut found = children.remove(&ancestor).unwrap_or_default();
    let mut place = 0;
    while let Some((pid, _)) = found.get(place) {
        found.extend(children.remove(pid).unwrap_or_default());
        place += 1;
    }
    found
}

/// The third and fourth fields of proc_pid_stat(5). The second, in brackets, has anything.
fn parent(stat: &[u8]) -> Option<(u32, bool)> {
    let behind = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(stat.get(behind..)?).ok()?;
    let mut fields = text.split_whitespace();
    let is_zombie = matches!(fields.next()?, "Z" | "X");
    Some((fields.next()?.parse().ok()?, is_zombie))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_brackets_may_be_anything() {
        assert_eq!(parent(b"7 (a) Z 1) S 3 (\xff) R 42 7 7"), Some((42, false)));
        assert_eq!(parent(b"7 (x) Z 42 7"), Some((42, true)));
        assert_eq!(parent(b"7 (x) Z"), None);
        assert_eq!(parent(b""), None);
    }

    #[test]
    fn a_child_is_below_this_process() {
        let mut child = std::process::Command::new("sleep").arg("9").spawn().unwrap();
        let found = below(std::process::id());
        _ = child.kill();
        _ = child.wait();
        assert!(found.contains(&(child.id(), false)), "{found:?}");
    }
}
