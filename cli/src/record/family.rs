// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which processes there are below another one, by /proc.

use std::collections::HashMap;
use std::fs;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub pid: u32,
    /// Whether it has ended and was not waited for.
    pub is_zombie: bool,
    /// How many there are between it and the ancestor.
    pub depth: usize,
}

/// All of them, each before those below it.
pub fn below(ancestor: u32) -> Vec<Member> {
    let mut children: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some((parent, is_zombie)) = parent(&stat) {
            children.entry(parent).or_default().push((pid, is_zombie));
        }
    }
    let mut found = Vec::new();
    let mut todo: Vec<Member> = Vec::new();
    let mut of = |pid: u32, depth: usize, todo: &mut Vec<Member>| {
        let below = children.remove(&pid).unwrap_or_default().into_iter().rev();
        todo.extend(below.map(|(pid, is_zombie)| Member { pid, is_zombie, depth }));
    };
    of(ancestor, 0, &mut todo);
    while let Some(member) = todo.pop() {
        found.push(member);
        of(member.pid, member.depth + 1, &mut todo);
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
    fn children_and_theirs_are_below_this_process() {
        let mut child = std::process::Command::new("sh");
        let mut child = child.args(["-c", "sleep 9 & wait"]).spawn().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(9);
        let found = loop {
            let found = below(std::process::id());
            let place = found.iter().position(|member| member.pid == child.id());
            let next = place.and_then(|place| found.get(place + 1));
            if next.is_some_and(|next| next.depth == 1) || std::time::Instant::now() > until {
                break found;
            }
        };
        let sleep = found.iter().find(|member| member.depth == 1).copied();
        if let Some(sleep) = sleep {
            // SAFETY: takes only numbers; the child's child is there.
            unsafe { libc::kill(sleep.pid as i32, libc::SIGKILL) };
        }
        _ = child.kill();
        _ = child.wait();
        let member = Member { pid: child.id(), is_zombie: false, depth: 0 };
        assert!(found.contains(&member) && sleep.is_some(), "{found:?}");
    }
}
