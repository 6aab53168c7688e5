// SPDX-License-Identifier: MIT OR Apache-2.0
//! Namespaces, mounts, ids and cgroups. Each needs something of the machine, which is the
//! beginning of its name: `userns`, `root`, or `cgroup`, a directory in CLONE3_TEST_CGROUP.
//! tests/bindings knows which of them can run; by hand: `cargo test -- --include-ignored`.

mod common;

use clone3::{Capabilities, Command, IdRange, Mount, Namespaces, Stage};
use common::{link, output, proc, status, waiting};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

#[test]
#[ignore = "needs user namespaces"]
fn userns_a_pid_namespace_and_its_proc() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo $$; id -u; echo /proc/[0-9]*"])
        .map_root()
        .namespaces(Namespaces::PID | Namespaces::MOUNT)
        .mount(Mount::new("proc", "/proc").no_suid().no_dev().no_exec());
    assert_eq!(output(&command), "1\n0\n/proc/1\n");
}

#[test]
#[ignore = "needs user namespaces"]
fn userns_from_outside() {
    let mut command = waiting();
    command.map_root().namespaces(Namespaces::UTS | Namespaces::IPC);
    let child = command.spawn().unwrap();
    // SAFETY: it takes nothing and cannot fail.
    let uid = unsafe { clone3::sys::libc::geteuid() };
    let map: Vec<_> = proc(&child, "uid_map").split_whitespace().map(str::to_owned).collect();
    assert_eq!(map, ["0", &uid.to_string(), "1"]);
    assert_eq!(proc(&child, "setgroups"), "deny\n");
    let own = |kind: &str| std::fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
    for kind in ["user", "uts", "ipc"] {
        assert_ne!(link(&child, &format!("ns/{kind}")), own(kind));
    }
    for kind in ["pid", "net", "mnt"] {
        assert_eq!(link(&child, &format!("ns/{kind}")), own(kind));
    }
}

#[test]
#[ignore = "needs user namespaces"]
fn userns_joined() {
    let mut first = waiting();
    first.map_root().namespaces(Namespaces::UTS | Namespaces::NET);
    let first = first.spawn().unwrap();
    let pidfd: OwnedFd = std::os::fd::AsFd::as_fd(&first).try_clone_to_owned().unwrap();
    let mut second = waiting();
    second.join_namespace(pidfd, Namespaces::USER | Namespaces::UTS);
    let net = File::open(format!("/proc/{}/ns/net", first.id())).unwrap();
    second.join_namespace(net, Namespaces::NONE);
    let second = second.spawn().unwrap();
    for kind in ["ns/user", "ns/uts", "ns/net"] {
        assert_eq!(link(&second, kind), link(&first, kind));
    }
    let error = waiting()
        .join_namespace(File::open("/proc/self/ns/uts").unwrap(), Namespaces::NONE)
        .join_namespace(File::open("/dev/null").unwrap(), Namespaces::UTS)
        .spawn()
        .unwrap_err();
    // In another user namespace already the first is refused.
    assert_eq!(error.stage(), Stage::Namespace);
    let mut empty = waiting();
    let error = empty.join_namespace(File::open("/").unwrap(), Namespaces::EMPTY_MOUNT);
    assert_eq!(error.spawn().unwrap_err().stage(), Stage::Input);
}

/// A root with the programs of this one.
fn root(name: &str) -> (PathBuf, Vec<Mount>) {
    let root =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(root.join("proc")).unwrap();
    let mut mounts = Vec::new();
    for name in ["usr", "bin", "lib", "lib64"] {
        let real = Path::new("/").join(name);
        if let Ok(to) = std::fs::read_link(&real) {
            std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        } else if real.is_dir() {
            std::fs::create_dir(root.join(name)).unwrap();
            mounts.push(Mount::bind(&real, &real).recursive().read_only());
        }
    }
    (root, mounts)
}

#[test]
#[ignore = "needs user namespaces"]
fn userns_a_root_of_its_own() {
    let (root, mounts) = root("pivot");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "echo /*; cd /; pwd; touch /usr/x 2>/dev/null || echo read-only"])
        .map_root()
        .namespaces(Namespaces::PID | Namespaces::MOUNT)
        .pivot_root(File::open(&root).unwrap());
    for mount in mounts {
        command.mount(mount);
    }
    command.mount(Mount::new("proc", "/proc"));
    let said = output(&command);
    let mut names: Vec<_> =
        std::fs::read_dir(&root).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    let names: Vec<_> = names.iter().map(|it| format!("/{}", it.to_str().unwrap())).collect();
    assert_eq!(said, format!("{}\n/\nread-only\n", names.join(" ")));

    command.mount(Mount::new("tmpfs", "/no/such"));
    let error = command.spawn().unwrap_err();
    assert_eq!(error.stage(), Stage::Mount);
    assert_eq!(error.path(), Some(Path::new("/no/such")));
    assert!(error.index() >= 2 && error.to_string().contains("tmpfs"), "{error}");
    std::fs::remove_dir_all(&root).unwrap();
}

#[test]
#[ignore = "needs user namespaces"]
fn userns_a_map_that_cannot_be() {
    let mut command = waiting();
    command.namespaces(Namespaces::USER).setgroups(false);
    let overlapping = [IdRange::one(0, 0), IdRange { inside: 0, outside: 5, count: 3 }];
    let error = command.uid_map(overlapping).spawn().unwrap_err();
    assert_eq!((error.stage(), error.index()), (Stage::IdMap, 1));
}

#[test]
#[ignore = "needs root"]
fn root_other_ids() {
    let mut command = waiting();
    let child = command.uid(65534).gid(65533).groups(&[1, 2]).spawn().unwrap();
    assert_eq!(status(&child, "Uid"), "65534 65534 65534 65534");
    assert_eq!(status(&child, "Gid"), "65533 65533 65533 65533");
    assert_eq!(status(&child, "Groups"), "1 2");
    let child = waiting().groups(&[]).spawn().unwrap();
    assert_eq!(status(&child, "Groups"), "");
}

#[test]
#[ignore = "needs root"]
fn root_capabilities() {
    let mut command = waiting();
    command
        .capabilities(Capabilities::Bounding, 1 << 10)
        .capabilities(Capabilities::Ambient, 1 << 10)
        .uid(65534)
        .securebits(0);
    let child = command.spawn().unwrap();
    for set in ["CapBnd", "CapInh", "CapAmb", "CapEff"] {
        assert_eq!(status(&child, set), "0000000000000400", "{set}");
    }
}

#[test]
#[ignore = "needs root"]
fn root_another_root() {
    let child = waiting().chroot("/proc/self/root/").spawn().unwrap();
    assert_eq!(link(&child, "cwd"), Path::new("/"));
    let empty = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let error = Command::new("/bin/cat").chroot(empty).spawn().unwrap_err();
    assert_eq!((error.stage(), error.errno()), (Stage::Exec, 2));
}

#[test]
#[ignore = "needs root"]
fn root_a_pid_of_choice() {
    let mut command = waiting();
    // One that is taken meanwhile is EEXIST.
    let spawned =
        (2000..5000).rev().find_map(|pid| Some((command.pids(&[pid]).spawn().ok()?, pid)));
    let (child, pid) = spawned.unwrap();
    assert_eq!(child.id(), pid as u32);
    let error = command.spawn().unwrap_err();
    assert_eq!((error.stage(), error.errno()), (Stage::Create, 17));
}

#[test]
#[ignore = "needs a cgroup2 directory in CLONE3_TEST_CGROUP"]
fn cgroup_made_there() {
    let parent = PathBuf::from(std::env::var_os("CLONE3_TEST_CGROUP").unwrap());
    let cgroup = parent.join("bindings");
    std::fs::create_dir(&cgroup).unwrap();
    let members = || std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
    for by_path in [false, true] {
        let mut command = waiting();
        match by_path {
            true => command.cgroup_path(&cgroup),
            false => command.cgroup(File::open(&cgroup).unwrap()),
        };
        let mut child = command.spawn().unwrap();
        assert_eq!(members(), format!("{}\n", child.id()));
        child.wait().unwrap();
        assert_eq!(members(), "");
    }
    std::fs::remove_dir(&cgroup).unwrap();
    let error = waiting().cgroup_path(&cgroup).spawn().unwrap_err();
    assert_eq!((error.stage(), error.errno()), (Stage::Cgroup, 2));
    assert_eq!(error.path(), Some(cgroup.as_path()));
}
