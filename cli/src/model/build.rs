// SPDX-License-Identifier: MIT OR Apache-2.0
//! Puts a run together, a record after the other.

use super::build_links::Links;
use super::{Callers, Creation, End, Exec, Image, Process, Run, Used, Waited};
use crate::trace::{Body, Header, Record, drop_reason};
use clone3_trace::{Alive, Call, Create, Exit, Route, Wait};
use std::path::Path;

/// Takes records in their order.
#[derive(Default)]
pub struct Builder {
    run: Run,
    links: Links,
}

impl Builder {
    /// For a trace with this first page, and files of debug information in that directory.
    pub fn new(header: &Header, debug_files: &Path) -> Builder {
        let callers = Callers::new(debug_files);
        let run = Run { header: header.clone(), callers, ..Run::default() };
        Builder { run, links: Links::default() }
    }

    /// The next record: which process it is about, by its place in the run.
    pub fn add(&mut self, record: &Record) -> Option<usize> {
        self.run.end_ns = self.run.end_ns.max(record.begun_ns);
        self.run.callers.add(record);
        let place = match record.body {
            Body::Create(create) => self.create(record, &create),
            Body::Start(start) => {
                let process = self.writer_below(record, start.parent_origin);
                self.run.processes[process].begun_ns = record.begun_ns;
                process
            }
            Body::Exec(exec) => self.exec(record, &exec),
            Body::Image(image) => self.image(record, &image),
            Body::Exit(exit) => self.exit(record, &exit),
            Body::Wait(wait) => return self.wait(record, &wait),
            Body::Alive(alive) => return self.alive(&alive),
            Body::Gap(gap) => {
                let reason = drop_reason(gap.reason as usize);
                self.run.blind.gap(reason, gap.count);
                return None;
            }
            Body::Module(_) => {
                let place = self.writer(record);
                let images = &self.run.processes[place].images;
                let directory = images.last().map_or(&b""[..], |image| &image.cwd);
                self.run.callers.add_object(&self.run.header, record, directory);
                place
            }
            Body::Other(_) => return None,
        };
        Some(place)
    }

    /// What is known so far.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// All of it, with what belongs to no record.
    pub fn finish(mut self, damaged: u64) -> Run {
        self.run.end_ns = self.run.end_ns.max(self.run.header.monotonic_end);
        self.run.look_for_programs();
        super::blind::look(&mut self.run, damaged);
        self.run
    }

    /// The process that wrote a record.
    fn writer(&mut self, record: &Record) -> usize {
        self.writer_below(record, 0)
    }

    /// The same; where its creation is lost, its creator has this origin.
    fn writer_below(&mut self, record: &Record, creator: u64) -> usize {
        let place = self.links.writer(&mut self.run, record, creator);
        self.run.processes[place].heard = true;
        place
    }

    fn create(&mut self, record: &Record, create: &Create) -> usize {
        let by = self.writer(record);
        let is_back = !record.open;
        let creation = Creation {
            name: record.name(),
            by,
            process: None,
            call: Call::of(create.call),
            caller: self.run.callers.find(record, create.caller),
            route: Route::of(create.route).filter(|route| *route != Route::None),
            flags: create.flags,
            resident: create.resident,
            page_tables: create.page_tables,
            thread: create.thread != 0,
            errno: create.errno,
            begun_ns: record.begun_ns,
            end_ns: is_back.then_some(create.end_ns),
        };
        self.run.end_ns = self.run.end_ns.max(creation.end_ns.unwrap_or(0));
        let (is_thread, has_child) = (creation.thread, create.child > 0);
        let place = self.run.creations.len();
        self.run.creations.push(creation);
        if create.errno != 0 {
            self.run.processes[by].failures.push(place);
        }
        if is_thread {
            let threads = &mut self.run.processes[by].threads;
            *threads = threads.saturating_add(u32::from(is_back && create.errno == 0));
            return by;
        }
        if Call::of(create.call) == Some(Call::Wordexp) {
            self.links.silent(place, by);
            return by;
        }
        self.links.creation(record.name(), place);
        if is_back && has_child {
            self.links.child(&mut self.run, place, create.child as u32);
        }
        by
    }

    fn exec(&mut self, record: &Record, exec: &clone3_trace::Exec) -> usize {
        let place = match self.links.of_creation(&mut self.run, exec.create, record.pid) {
            Some(process) => process,
            None => self.writer(record),
        };
        self.links.execution(record.name(), place, record.pid);
        let caller = self.run.callers.find(record, exec.caller);
        let process = &mut self.run.processes[place];
        process.heard = true;
        if exec.ran_ns != 0 {
            process.begun_ns = exec.ran_ns;
        }
        process.execs.push(Exec {
            name: record.name(),
            call: Call::of(exec.call),
            caller,
            at_ns: record.begun_ns,
            path: record.strings[0].bytes.clone(),
            argv: record.words(1),
            cwd: record.strings[2].bytes.clone(),
            changed: record.strings[3].bytes.clone(),
            failed: (!record.open).then_some(exec.errno),
            seen: false,
        });
        place
    }

    fn image(&mut self, record: &Record, image: &clone3_trace::Image) -> usize {
        let place = self.links.image(&mut self.run, record, image.exec, image.parent);
        self.links.owns(record.name(), place);
        self.links.by_silent(&mut self.run, place);
        let process = &mut self.run.processes[place];
        process.heard = true;
        // What is not named is the last one, if any. One of another process is not found.
        let exec = match image.exec {
            0 => process.execs.last_mut().filter(|exec| exec.failed.is_none()),
            name => process.execs.iter_mut().rev().find(|exec| exec.name == name),
        };
        let (name, changed) = exec.map_or((record.name(), Vec::new()), |exec| {
            exec.seen = true;
            (exec.name, exec.changed.clone())
        });
        process.images.push(Image {
            name,
            at_ns: record.begun_ns,
            path: record.strings[0].bytes.clone(),
            argv: record.words(1),
            cwd: record.strings[2].bytes.clone(),
            traceparent: record.strings[3].bytes.clone(),
            changed,
        });
        place
    }

    fn exit(&mut self, record: &Record, exit: &Exit) -> usize {
        let place = self.writer(record);
        let process = &mut self.run.processes[place];
        process.end_ns = Some(record.begun_ns);
        process.unwaited = exit.unwaited;
        if process.end == End::Unknown {
            process.end = End::Exited(exit.status);
        }
        if exit.user_ns | exit.system_ns | exit.max_resident != 0 {
            process.own = Some(used(exit.user_ns, exit.system_ns, exit.max_resident));
        }
        place
    }

    fn wait(&mut self, record: &Record, wait: &Wait) -> Option<usize> {
        self.run.end_ns = self.run.end_ns.max(wait.end_ns);
        let is_outside = Call::of(wait.call) == Some(Call::Outside);
        let parent = if is_outside { None } else { Some(self.writer(record)) };
        let (Some(end), Ok(child)) = (end(wait.status), u32::try_from(wait.child)) else {
            return parent;
        };
        if record.open || child == 0 {
            return parent;
        }
        let found = self.links.waited_for(&self.run, parent, child);
        if let Some(parent) = parent {
            let (begun_ns, end_ns) = (record.begun_ns, wait.end_ns.max(record.begun_ns));
            self.run.processes[parent].waits.push(Waited { child: found, begun_ns, end_ns });
        }
        let place = match found {
            Some(place) => place,
            // One that nothing said of before.
            None if is_outside => self.links.add(&mut self.run, child, record.begun_ns, None),
            None => return parent,
        };
        let process = &mut self.run.processes[place];
        process.end = end;
        process.end_ns.get_or_insert(wait.end_ns);
        if wait.user_ns | wait.system_ns | wait.max_resident != 0 {
            process.total = Some(used(wait.user_ns, wait.system_ns, wait.max_resident));
        }
        process.waited = true;
        parent
    }

    fn alive(&mut self, alive: &Alive) -> Option<usize> {
        let pid = u32::try_from(alive.child).ok()?;
        let place = self.links.waited_for(&self.run, None, pid)?;
        let process = &mut self.run.processes[place];
        if alive.zombie != 0 {
            process.zombie = true;
        } else if process.end == End::Unknown {
            process.end = End::Alive;
        }
        Some(place)
    }
}

fn used(user_ns: u64, system_ns: u64, max_resident: u64) -> Used {
    Used { cpu_ns: user_ns.saturating_add(system_ns), max_resident }
}

/// From what wait(2) gives; none for a child that goes on.
pub fn end(status: i32) -> Option<End> {
    if libc::WIFEXITED(status) {
        Some(End::Exited(libc::WEXITSTATUS(status)))
    } else if libc::WIFSIGNALED(status) {
        Some(End::Killed { signal: libc::WTERMSIG(status), core: libc::WCOREDUMP(status) })
    } else {
        None
    }
}

/// A process that nothing but its number is known of.
pub fn unknown(pid: u32, at_ns: u64, parent: Option<usize>) -> Process {
    Process { pid, begun_ns: at_ns, parent, ..Process::default() }
}
