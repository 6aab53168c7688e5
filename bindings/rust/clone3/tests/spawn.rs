// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs, their arguments, environment and streams, and why there is no child.

mod common;

use clone3::{Command, Resource, Stage, Stdio};
use common::{link, output, proc, status, waiting};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "name"]);
    command
}

#[test]
fn arguments() {
    let mut command = sh("printf '%s|' \"$0\" \"$@\"");
    command.args(["", "a b"]).arg("-c");
    assert_eq!(output(&command), "name||a b|-c|");
    let child = waiting().arg0("another").arg("-").spawn().unwrap();
    assert_eq!(proc(&child, "cmdline"), "another\0-\0");
}

#[test]
fn the_environment() {
    let shows = "echo \"$CARGO_PKG_NAME,$CLONE3_TEST_SET\"";
    assert_eq!(output(&sh(shows)), "clone3,\n");
    assert_eq!(output(sh(shows).env("CLONE3_TEST_SET", "2=2")), "clone3,2=2\n");
    assert_eq!(output(sh(shows).env_remove("CARGO_PKG_NAME")), ",\n");
    let mut cleared = Command::new("/usr/bin/env");
    cleared.env("LOST", "1").env_clear().envs([("B", "2"), ("A", "1")]);
    assert_eq!(output(&cleared), "A=1\nB=2\n");
    assert_eq!(output(Command::new("/usr/bin/env").env_clear()), "");
}

#[test]
fn the_working_directory() {
    let child = waiting().current_dir("/proc/self").spawn().unwrap();
    assert_eq!(link(&child, "cwd"), Path::new(&format!("/proc/{}", child.id())));
    let mut by_fd = waiting();
    by_fd.current_dir_fd(File::open("/dev").unwrap());
    assert_eq!(link(&by_fd.spawn().unwrap(), "cwd"), Path::new("/dev"));
}

#[test]
fn a_program_by_its_descriptor() {
    let cat = std::fs::canonicalize("/bin/cat").unwrap();
    let mut command = Command::from_fd(File::open(&cat).unwrap(), "kitten");
    let child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    assert_eq!(link(&child, "exe"), cat);
    assert_eq!(proc(&child, "cmdline"), "kitten\0");
}

#[test]
fn streams() {
    let mut child = Command::new("cat");
    child.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through").unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "through");
    assert!(child.stderr.is_none());
    assert!(child.wait().unwrap().success());

    let child = waiting().stdout(Stdio::null()).spawn().unwrap();
    assert_eq!(link(&child, "fd/1"), Path::new("/dev/null"));
    assert_eq!(link(&child, "fd/2"), std::fs::read_link("/proc/self/fd/2").unwrap());

    let mut file = tempfile();
    let mut command = sh("echo out; echo err >&2");
    command.stdout(file.try_clone().unwrap()).stderr(file.try_clone().unwrap());
    for _ in 0..2 {
        assert!(command.status().unwrap().success());
    }
    file.rewind().unwrap();
    text.clear();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "out\nerr\nout\nerr\n");
}

fn tempfile() -> File {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("spawn-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

#[test]
fn much_output_on_both_pipes() {
    let both =
        sh("dd if=/dev/zero bs=64k count=16 2>/dev/null | tee /dev/stderr").output().unwrap();
    assert_eq!((both.stdout.len(), both.stderr.len()), (1 << 20, 1 << 20));
    let quiet = sh("cat; echo x").output().unwrap(); // no input: it ends
    assert_eq!(quiet.stdout, b"x\n");
}

#[test]
fn nothing_but_the_descriptors_in_the_list() {
    let leaked = File::open("/dev/zero").unwrap();
    // SAFETY: the descriptor is this test's own.
    unsafe {
        clone3::sys::libc::fcntl(
            std::os::fd::AsRawFd::as_raw_fd(&leaked),
            clone3::sys::libc::F_SETFD,
            0,
        )
    };
    let open = |child: &clone3::Child| {
        let names = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        let mut names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let mut command = waiting();
    assert!(open(&command.spawn().unwrap()).len() >= 4);
    let listed: [OwnedFd; 2] =
        [File::open("/dev/full").unwrap().into(), File::open("/").unwrap().into()];
    let child = command.descriptors(listed).spawn().unwrap();
    // A child closes its copies of what is closed on exec a moment later.
    common::comes("five descriptors", || open(&child) == ["0", "1", "2", "3", "4"]);
    assert_eq!(link(&child, "fd/3"), Path::new("/dev/full"));
    assert_eq!(link(&child, "fd/4"), Path::new("/"));
}

#[test]
fn one_description_for_many_children() {
    let mut command = Command::new("true");
    command.stdin(Stdio::null());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10).for_each(|_| assert!(command.status().unwrap().success())));
        }
    });
}

#[test]
fn a_program_that_is_not_there() {
    let error = Command::new("/no/such").spawn().unwrap_err();
    assert_eq!((error.stage(), error.errno()), (Stage::Exec, 2));
    assert_eq!(error.path(), Some(Path::new("/no/such")));
    let error = std::io::Error::from(error);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "exec \"/no/such\": No such file or directory");
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<clone3::Error>());
    assert_eq!(inner.map(clone3::Error::stage), Some(Stage::Exec));
    let error = Command::new("no-such-program-anywhere").status().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn the_step_and_which_of_its_objects() {
    let error = waiting().current_dir("/no/such").spawn().unwrap_err();
    assert_eq!((error.stage(), error.errno()), (Stage::Directory, 2));
    assert_eq!(error.path(), Some(Path::new("/no/such")));

    let mut command = waiting();
    command.rlimit(Resource::CORE, Some(0), Some(0));
    let error = command.rlimit(Resource::from_raw(99), None, None).spawn().unwrap_err();
    assert_eq!((error.stage(), error.index()), (Stage::Rlimit, 1));
    assert_eq!((error.errno(), error.number()), (22, Some(99)));

    let error = waiting().nice(1000).spawn().unwrap_err();
    assert_eq!((error.stage(), error.errno()), (Stage::Plan, 22));
    let mut command = waiting();
    let error = command.terminal(File::open("/dev/null").unwrap()).check().unwrap_err();
    assert_eq!(error.stage(), Stage::Plan);
    assert!(error.to_string().contains("session"), "{error}");
    waiting().check().unwrap();

    let error = waiting().cgroup(File::open("/").unwrap()).spawn().unwrap_err();
    assert_eq!(error.errno(), 9, "{error}"); // no cgroup
}

#[test]
fn odd_input_is_an_error_of_the_spawn() {
    let nul = "a\0b";
    let words = |command: &mut Command| {
        let error = command.spawn().unwrap_err();
        assert_eq!((error.stage(), error.errno()), (Stage::Input, 22));
        assert_eq!(command.check(), Err(error.clone()));
        error.to_string()
    };
    assert_eq!(words(&mut Command::new(nul)), "the program has a NUL byte");
    assert_eq!(words(Command::new("true").arg("x").arg(nul)), "argument 2 has a NUL byte");
    assert_eq!(words(Command::new("true").arg0(nul)), "argument 0 has a NUL byte");
    assert_eq!(words(waiting().env("A", nul)), "environment variable \"A\" has a NUL byte");
    assert_eq!(words(waiting().env("A=B", "x")), "environment variable \"A=B\" is no name");
    assert_eq!(words(waiting().current_dir(nul)), "the working directory has a NUL byte");
    assert_eq!(words(waiting().chroot(nul)), "the root has a NUL byte");
    assert_eq!(words(waiting().cgroup_path(nul)), "the cgroup has a NUL byte");
    assert_eq!(words(waiting().signal_mask(&[1, 4711])), "there is no signal 4711");
    assert_eq!(words(waiting().affinity([1 << 40])), "there is no processor 1099511627776");
    let mut mounts = waiting();
    mounts.mount(clone3::Mount::new("proc", "/proc"));
    mounts.mount(clone3::Mount::bind("/", "/").data(nul));
    assert_eq!(words(&mut mounts), "the options of mount 1 has a NUL byte");
    // The first one counts.
    assert_eq!(words(waiting().arg(nul).chroot(nul)), "argument 1 has a NUL byte");
}

#[test]
fn what_is_no_text_goes_through() {
    let odd = std::ffi::OsStr::from_bytes(b"\xff\x01 \n");
    let mut command = sh("printf %s \"$1\" \"$ODD\"");
    let output = command.arg(odd).env("ODD", odd).output().unwrap();
    assert_eq!(output.stdout, b"\xff\x01 \n\xff\x01 \n");
    let long = "x".repeat(1 << 20);
    assert_eq!(Command::new("true").arg(long).spawn().unwrap_err().errno(), 7); // E2BIG
    assert_eq!(Command::new("").spawn().unwrap_err().errno(), 2); // ENOENT
}

#[test]
fn what_is_to_be_seen_of_a_child() {
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = own.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let processor = allowed.trim().split(['-', ',']).next().unwrap();
    let mut command = waiting();
    command
        .rlimit(Resource::NOFILE, Some(100), Some(200))
        .rlimit(Resource::CORE, Some(0), None)
        .nice(7)
        .oom_score_adj(500)
        .timer_slack(77_000)
        .umask(0o27)
        .affinity([processor.parse().unwrap()])
        .signal_mask(&[10])
        .signal_ignores(&[12])
        .session(true)
        .no_new_privs(true);
    let child = command.spawn().unwrap();
    let limits = proc(&child, "limits");
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max open files"), ["100", "200"]);
    assert_eq!(limit("Max core file size"), ["0", "unlimited"]);
    assert_eq!(common::stat(child.id(), 19).unwrap(), "7");
    assert_eq!(common::stat(child.id(), 6).unwrap(), child.id().to_string()); // its session
    assert_eq!(proc(&child, "oom_score_adj"), "500\n");
    assert_eq!(proc(&child, "timerslack_ns"), "77000\n");
    assert_eq!(status(&child, "Umask"), "0027");
    assert_eq!(status(&child, "Cpus_allowed_list"), processor);
    assert_eq!(status(&child, "SigBlk"), "0000000000000200");
    assert_eq!(status(&child, "NoNewPrivs"), "1");
    // Rust's runtime ignores SIGPIPE, 13; other signals may be ignored all along.
    let ignored =
        |child: &clone3::Child| u64::from_str_radix(&status(child, "SigIgn"), 16).unwrap();
    assert_eq!(ignored(&child) & 0x1800, 0x0800);
    let child = waiting().signal_ignores(&[13]).spawn().unwrap();
    assert_eq!(ignored(&child) & 0x1800, 0x1000);
    let error = waiting().signal_ignores(&[12]).signal_defaults(&[12]).spawn().unwrap_err();
    assert_eq!(error.stage(), Stage::Plan); // both cannot be
}

#[test]
fn a_filter() {
    use clone3::sys::libc::{
        BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
    };
    let rule = |code: u32, k: u32, jt: u8, jf: u8| sock_filter { code: code as u16, jt, jf, k };
    // uname(2) answers with errno 123, everything else is allowed.
    let uname = clone3::sys::libc::SYS_uname as u32;
    let filter = [
        rule(BPF_LD | BPF_W | BPF_ABS, 0, 0, 0),
        rule(BPF_JMP | BPF_JEQ | BPF_K, uname, 0, 1),
        rule(BPF_RET, 0x0005_0000 + 123, 0, 0),
        rule(BPF_RET, 0x7fff_0000, 0, 0),
    ];
    let child = waiting().no_new_privs(true).seccomp(&filter, 0).spawn().unwrap();
    assert_eq!(status(&child, "Seccomp"), "2");
    let mut command = Command::new("uname");
    assert!(command.output().unwrap().status.success());
    command.no_new_privs(true).seccomp(&filter, 0);
    assert!(!command.output().unwrap().status.success());
    let error = waiting().seccomp(&vec![filter[3]; 70000], 0).spawn().unwrap_err();
    assert_eq!(error.stage(), Stage::Seccomp);
}
