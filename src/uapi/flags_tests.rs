// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of flags is consistent, and agrees with header and manual page.

use super::CloneFlags;
use super::flags::*;

#[test]
fn each_flag_is_one_bit_of_its_own() {
    for flag in FLAGS {
        assert_eq!(flag.bit.len(), 1, "{}", flag.name);
    }
    assert_eq!(ALL.len(), FLAGS.len());
    assert_eq!(ALL & (CSIGNAL | CLONE_DETACHED), CLONE_NEWTIME);
    let lower = CloneFlags::from_bits(0xffff_ffff);
    assert_eq!(ALL & lower & !(CSIGNAL | CLONE_DETACHED), IN_CLONE);
    assert_eq!(FIRST, IN_CLONE, "clone3(2) began with what clone(2) had");
}

#[test]
fn a_version_has_the_flags_of_those_before_it() {
    assert_eq!(of_version((0, 0)), FIRST);
    assert_eq!(of_version((5, 3)), FIRST);
    assert_eq!(of_version((5, 5)), FIRST | CLONE_CLEAR_SIGHAND);
    assert_eq!(of_version((5, 10)), FIRST | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP);
    assert_eq!(of_version((6, 18)) & CLONE_NEWTIME, CLONE_NEWTIME);
    let newest = FLAGS.iter().map(Flag::since).max().unwrap();
    assert_eq!(of_version(newest), ALL);
}

#[test]
fn sets_are_taken_apart_and_put_together() {
    let set = CLONE_NEWTIME | CLONE_VM | CLONE_NNP;
    assert_eq!(set.iter().collect::<Vec<_>>(), [CLONE_NEWTIME, CLONE_VM, CLONE_NNP]);
    assert_eq!((set.len(), CloneFlags::NONE.iter().count()), (3, 0));
    assert_eq!(set.pack(CLONE_VM | CLONE_IO), 0b010);
    assert_eq!(set.unpack(0b101), CLONE_NEWTIME | CLONE_NNP);
    assert!(set.contains(CLONE_VM | CLONE_NNP) && !set.contains(CLONE_VM | CLONE_IO));
    assert!(set.intersects(CLONE_VM | CLONE_IO) && !set.intersects(CLONE_IO));
    assert_eq!(with_company(CLONE_VM), CLONE_VM);
    assert_eq!(with_company(CLONE_PIDFD_AUTOKILL).len(), 3);
}

/// The rows of the table in libclone3(7): names, Linux, clone, emulated, needs.
fn rows_of_manual() -> Vec<Vec<&'static str>> {
    let manual = include_str!("../../man/libclone3.7");
    let table = manual.split("CLONE_\tLinux\t").nth(1).and_then(|rest| rest.split(".TE").next());
    let rows = table.unwrap().lines().skip(1);
    rows.map(|row| row.split('\t').chain([""; 5]).take(5).collect()).collect()
}

#[test]
fn the_manual_has_each_flag_as_the_table_has_it() {
    let rows = rows_of_manual();
    for flag in FLAGS {
        let name = flag.name.strip_prefix("CLONE_").unwrap();
        let its = |row: &&Vec<&str>| row[0].split(", ").any(|one| one == name);
        let [row] = rows.iter().filter(its).collect::<Vec<_>>()[..] else {
            panic!("libclone3(7) needs one row for {name}")
        };
        let emulated = match (flag.is_in_clone(), EMULABLE.contains(flag.bit)) {
            (true, _) => "",
            (false, true) => "yes",
            (false, false) => "no",
        };
        let clone = if flag.is_in_clone() { "yes" } else { "no" };
        assert_eq!(row[1..], [flag.linux, clone, emulated, flag.needs], "{name}");
    }
    let named: usize = rows.iter().map(|row| row[0].split(", ").count()).sum();
    assert_eq!(named, FLAGS.len());
}

#[test]
fn the_header_and_its_pages_have_each_flag() {
    let header = include_str!("../../include/clone3.h");
    let of_spawn = include_str!("../../man/clone3_spawn_set.3");
    for flag in FLAGS {
        let define = format!("#define {} 0x", flag.name);
        let value = header.split(&define).nth(1).and_then(|rest| rest.lines().next());
        let digits = value.unwrap_or_default().trim_end_matches("ULL");
        assert_eq!(u64::from_str_radix(digits, 16), Ok(flag.bit.bits()), "{}", flag.name);
        let is_there = of_spawn.contains(flag.name);
        assert!(is_there || !flag.spawn, "clone3_spawn_set(3) lacks {}", flag.name);
    }
}
