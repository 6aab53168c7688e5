// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use object::read::{Object as _, ObjectSection, ObjectSymbol};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

const NOWHERE: &str = "/nowhere";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// What this program is.
fn own() -> Vec<u8> {
    fs::read("/proc/self/exe").unwrap()
}

fn object(path: &Path, file: &[u8]) -> Object {
    let parsed = object::File::parse(file).unwrap();
    Object {
        path: path.as_os_str().as_bytes().into(),
        directory: b"/".into(),
        build_id: parsed.build_id().unwrap().unwrap_or_default().into(),
        seen_ns: now(),
    }
}

/// An address in the function of that name, and a bit behind its beginning.
fn address_of(file: &[u8], name: &str) -> u64 {
    let parsed = object::File::parse(file).unwrap();
    let mut all = parsed.symbols();
    all.find(|symbol| symbol.name().is_ok_and(|its| its == name)).unwrap().address() + 2
}

#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn to_be_found_by_its_name(number: u32) -> u32 {
    std::hint::black_box(number) + 1
}

fn find(path: &Path, object: Object, address: u64) -> Place {
    let mut symbols = Symbols::new(Path::new(NOWHERE));
    let number = symbols.add(Object { path: path.as_os_str().as_bytes().into(), ..object });
    symbols.place(number, address)
}

#[test]
fn this_test_is_found_in_this_program() {
    assert_eq!(to_be_found_by_its_name(1), 2);
    let own = own();
    let (path, address) =
        (fs::read_link("/proc/self/exe").unwrap(), address_of(&own, "to_be_found_by_its_name"));
    let place = find(&path, object(&path, &own), address);
    assert_eq!(place.function.as_deref(), Some("to_be_found_by_its_name"));
    let file = place.file.unwrap();
    assert!(file.ends_with("symbols/tests.rs"), "{file}");
    let lines = include_str!("tests.rs").lines();
    let line =
        lines.take_while(|line| !line.starts_with("extern \"C\" fn to_be")).count() as u32 + 1;
    assert!((line..line + 3).contains(&place.line.unwrap()));
}

#[test]
fn another_file_tells_nothing() {
    let own = own();
    let (path, address) =
        (fs::read_link("/proc/self/exe").unwrap(), address_of(&own, "to_be_found_by_its_name"));
    let this = object(&path, &own);
    for build_id in [&b"\x01\x02"[..], b""] {
        let other = Object { build_id: build_id.into(), ..this.clone() };
        if other.build_id != this.build_id {
            assert_eq!(find(&path, other, address), Place::default());
        }
    }
    for other in ["/", "/dev/zero", "/no/such/file", "/etc/passwd"] {
        assert_eq!(find(Path::new(other), this.clone(), address), Place::default());
    }
}

/// This program without its build id.
fn nameless() -> Vec<u8> {
    let mut file = own();
    let parsed = object::File::parse(&file[..]).unwrap();
    if let Some((at, size)) =
        parsed.section_by_name(".note.gnu.build-id").and_then(|section| section.file_range())
    {
        file[at as usize..(at + size) as usize].fill(0);
    }
    file
}

#[test]
fn without_a_build_id_the_file_must_be_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    let file = nameless();
    fs::write(&path, &file).unwrap();
    let address = address_of(&file, "to_be_found_by_its_name");
    let this = object(&path, &file);
    assert_eq!(this.build_id, b"");
    let earlier = Object { seen_ns: this.seen_ns - 60_000_000_000, ..this.clone() };
    assert_eq!(find(&path, earlier, address), Place::default());
    let later = Object { seen_ns: this.seen_ns + 60_000_000_000, ..this };
    assert_eq!(find(&path, later, address).function.as_deref(), Some("to_be_found_by_its_name"));
}

#[test]
fn debug_information_is_found_by_build_id() {
    let own = own();
    let this = object(Path::new("/no/such/program"), &own);
    let Some((first, rest)) = this.build_id.split_first() else { return };
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join(format!(".build-id/{first:02x}"));
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join(rest + ".debug"), &own).unwrap();
    let mut symbols = Symbols::new(directory.path());
    let number = symbols.add(this);
    let place = symbols.place(number, address_of(&own, "to_be_found_by_its_name"));
    assert_eq!(place.function.as_deref(), Some("to_be_found_by_its_name"));
    assert!(place.line.is_some());
}

#[test]
fn the_program_of_a_script_is_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    let own = own();
    let program = fs::read_link("/proc/self/exe").unwrap();
    fs::write(&script, [b"#! ", program.as_os_str().as_bytes(), b" -x\nexit\n"].concat()).unwrap();
    let this = object(&script, &own);
    let address = address_of(&own, "to_be_found_by_its_name");
    let place = find(&script, this, address);
    assert_eq!(place.function.is_some(), !object(&script, &own).build_id.is_empty());
}

#[test]
fn a_pipe_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let name = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
    // SAFETY: a string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let own = own();
    assert_eq!(find(&pipe, object(&pipe, &own), 0x1000), Place::default());
}

#[test]
fn what_is_read_has_an_end() {
    let budget = Budget { files: Cell::new(2), bytes: Cell::new(10) };
    assert!(budget.take_bytes(4) && !budget.take_bytes(7) && budget.take_bytes(6));
    assert!(!budget.take_bytes(1) && budget.take_bytes(0));
    assert!(budget.take_file() && budget.take_file() && !budget.take_file());
    let path = fs::read_link("/proc/self/exe").unwrap();
    let own = own();
    assert!(Elf::open(&path, &object(&path, &own), &Budget::default()).is_some());
    let small = Budget { bytes: Cell::new(1 << 10), ..Budget::default() };
    assert!(Elf::open(&path, &object(&path, &own), &small).is_none());
    let none = Budget { files: Cell::new(0), ..Budget::default() };
    assert!(Elf::open(&path, &object(&path, &own), &none).is_none());
}

#[test]
fn a_large_file_of_holes_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("holes");
    let mut header = own()[..64].to_vec();
    let is_64 = header[4] == 2;
    // No program headers; one section in the ELF header, which says that they are 2^30.
    let (sections, counts, size) = if is_64 { (40, 56, 32) } else { (32, 44, 20) };
    header[sections..sections + 8].fill(0);
    header[sections] = 64;
    header[counts..counts + 2].fill(0);
    header[counts + 4..counts + 8].fill(0);
    let mut section = vec![0; 64];
    section[size + 3] = 0x40;
    fs::write(&path, [header, section].concat()).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let this = Object { seen_ns: now() + 60_000_000_000, ..object(Path::new("/"), &own()) };
    for build_id in [&b"\x01"[..], b""] {
        let this = Object { build_id: build_id.into(), ..this.clone() };
        assert!(Elf::open(&path, &this, &Budget::default()).is_none());
    }
}

/// A small program with debug information, if there is a C compiler.
fn small(directory: &Path) -> Option<Vec<u8>> {
    let source = directory.join("small.c");
    let text = "static inline int in(int n) { return n * 3; }\n\
                int out(int n) { return in(n) + 1; }\n\
                int main(int count, char **words) { return out(count); }\n";
    fs::write(&source, text).unwrap();
    let program = directory.join("small");
    let mut compiler = std::process::Command::new("cc");
    compiler.args(["-g", "-O1", "-o"]).args([&program, &source]);
    compiler.output().ok().filter(|outcome| outcome.status.success())?;
    fs::read(program).ok()
}

#[test]
fn a_hostile_file_does_no_harm() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let directory = tempfile::tempdir().unwrap();
    let Some(file) = small(directory.path()) else { return eprintln!("SKIP: no C compiler") };
    let address = address_of(&file, "main");
    let whole = directory.path().join("whole");
    fs::write(&whole, &file).unwrap();
    assert!(find(&whole, object(&whole, &file), address).function.is_some());
    let interesting: Vec<usize> = {
        let parsed = object::File::parse(&file[..]).unwrap();
        let debug = parsed.sections().filter(|section| {
            section.name().is_ok_and(|name| name.starts_with(".debug") || name.contains("tab"))
        });
        let ranges = debug.filter_map(|section| section.file_range());
        ranges.flat_map(|(at, size)| at as usize..(at + size) as usize).collect()
    };
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config =
        Config { cases: cases.unwrap_or(200), failure_persistence: None, ..Config::default() };
    let changes =
        prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 1..40);
    let cut = prop_oneof![4 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    let outcome = TestRunner::new(config).run(&(changes, cut), |(changes, cut)| {
        let mut changed = file.clone();
        for (in_tables, place, byte) in changes {
            let at = match in_tables {
                true => interesting[place.index(interesting.len())],
                false => place.index(changed.len()),
            };
            changed[at] = byte;
        }
        if let Some(cut) = cut {
            changed.truncate(cut.index(changed.len()));
        }
        let path = directory.path().join("changed");
        fs::write(&path, &changed).unwrap();
        let parsed = object::File::parse(&changed[..]);
        let build_id = parsed.ok().and_then(|parsed| parsed.build_id().ok()??.to_vec().into());
        let object = Object {
            build_id: build_id.unwrap_or_default(),
            seen_ns: now() + 60_000_000_000,
            ..object(&path, &file)
        };
        for address in [address, address + 8, 1, 0, u64::MAX] {
            find(&path, object.clone(), address);
        }
        Ok(())
    });
    outcome.unwrap();
}
