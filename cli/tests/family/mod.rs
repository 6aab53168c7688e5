// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traces of a make and the children that it spawns.

use crate::writer::{self, By, Writer, argv};
use clone3_trace::{Call, Create, Exec, Exit, Image, Route, Start, Wait};

/// A trace that is being written.
pub struct Family {
    writer: Writer,
    make: u64,
    children: u32,
    ns: u64,
    takes_ns: u64,
    change: Box<dyn Fn(&mut Create)>,
}

impl Family {
    pub fn new() -> Family {
        let mut writer = Writer::large();
        let image = Image { parent: 1, bits: 64, libc: 1, ..Image::default() };
        let strings: [&[u8]; 3] = [b"/usr/bin/make", b"make", b"/src"];
        let make = writer.done(By { pid: 10, origin: 0, ns: 0 }, image, &strings);
        Family { writer, make, children: 0, ns: 0, takes_ns: 1_000, change: Box::new(|_| {}) }
    }

    /// Changes the creations that follow.
    pub fn change(&mut self, change: &dyn Fn(&mut Create)) {
        let mut changed = create();
        change(&mut changed);
        self.change = Box::new(move |create| {
            (create.call, create.route) = (changed.call, changed.route);
        });
    }

    /// How long the children that follow are there.
    pub fn takes(&mut self, ns: u64) -> &mut Family {
        self.takes_ns = ns;
        self
    }

    /// A child that runs a command.
    pub fn child(&mut self, words: &[&str], status: i32) {
        self.children += 1;
        self.ns += 1_000;
        let pid = 10 + self.children;
        let mut create = Create { child: pid as i32, ..create() };
        (self.change)(&mut create);
        let create = self.writer.done(self.by(10, self.make), create, &[]);
        let path = format!("/bin/{}", words[0]);
        let strings = [path.as_bytes(), &argv(words), b"/src"];
        let exec = Exec { call: Call::Spawned as u8, create, ..Exec::default() };
        let exec = self.writer.open(self.by(pid, create), exec, &strings);
        let image = Image { exec, ..Image::default() };
        let image = self.writer.done(self.by(pid, 0), image, &strings);
        self.ns += self.takes_ns;
        let exit = Exit { status, user_ns: 1, ..Exit::default() };
        self.writer.done(self.by(pid, image), exit, &[]);
        let wait = Wait {
            call: Call::Waitpid as u8,
            child: pid as i32,
            status: status << 8,
            end_ns: writer::START + self.ns,
            ..Wait::default()
        };
        self.writer.done(self.by(10, self.make), wait, &[]);
    }

    /// A creation that fails.
    pub fn refused(&mut self, errno: i32) {
        let refused = Create { errno, child: -1, ..create() };
        self.writer.done(self.by(10, self.make), refused, &[]);
    }

    /// The file.
    pub fn bytes(&mut self) -> Vec<u8> {
        let exit = Exit { status: 0, user_ns: 1, ..Exit::default() };
        self.writer.done(self.by(10, self.make), exit, &[]);
        self.writer.bytes()
    }

    fn by(&self, pid: u32, origin: u64) -> By {
        By { pid, origin, ns: self.ns }
    }
}

fn create() -> Create {
    let (call, route) = (Call::PosixSpawn as u8, Route::Native as u8);
    Create { call, route, ..Create::default() }
}

/// Copies of one process, each made by the one before it or all by the first; the last one ends
/// with this status.
pub fn copies(writer: &mut Writer, count: u32, is_deep: bool, status: i32) {
    let mut origin = writer.done(By { pid: 10, origin: 0, ns: 0 }, Image::default(), &[b"/bin/x"]);
    let first = origin;
    for number in 0..count {
        let (parent, by) = if is_deep { (10 + number, origin) } else { (10, first) };
        let (pid, ns) = (11 + number, u64::from(number));
        let create = Create { call: Call::Fork as u8, child: pid as i32, ..Create::default() };
        origin = writer.done(By { pid: parent, origin: by, ns }, create, &[]);
        writer.done(By { pid, origin, ns }, Start::default(), &[]);
        if number + 1 == count || !is_deep {
            let status = if number + 1 == count { status } else { 0 };
            writer.done(By { pid, origin, ns }, Exit { status, ..Exit::default() }, &[]);
        }
    }
}
