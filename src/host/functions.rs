// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's own functions, behind the names we export ourselves.

use super::{elf, interposers, symbols};
use core::ffi::{CStr, c_char, c_int, c_long, c_void};
use core::mem::transmute;
use core::num::NonZeroUsize;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use once_cell::race::OnceNonZeroUsize;

/// `void handler(void)`, as fork handlers are.
pub type Handler = Option<unsafe extern "C" fn()>;
/// `fork` and `_Fork`.
pub type Fork = unsafe extern "C" fn() -> libc::pid_t;
/// `pthread_atfork`.
pub type Atfork = unsafe extern "C" fn(Handler, Handler, Handler) -> c_int;
/// `__register_atfork`.
pub type RegisterAtfork = unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int;
/// `__cxa_finalize`.
pub type CxaFinalize = unsafe extern "C" fn(*mut c_void);
/// A `FILE *` of the host's.
pub type File = *mut c_void;

/// Closes what a cookie stands for: what fclose() is to say, with errno.
pub type Close = unsafe extern "C" fn(*mut c_void) -> c_int;

/// `cookie_io_functions_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CookieFunctions {
    pub read: unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> isize,
    pub write: unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> isize,
    pub seek: unsafe extern "C" fn(*mut c_void, *mut i64, c_int) -> c_int,
    pub close: Close,
}

/// `popen`.
pub type Popen = unsafe extern "C" fn(*const c_char, *const c_char) -> File;
/// `fclose` and `pclose`.
pub type Fclose = unsafe extern "C" fn(File) -> c_int;
/// `fopencookie`.
pub type Fopencookie = unsafe extern "C" fn(*mut c_void, *const c_char, CookieFunctions) -> File;

/// `clock_gettime`, of a struct of two longs: on i686 the one that came before 64-bit times,
/// whose seconds since the machine's start are enough.
pub type ClockGettime = unsafe extern "C" fn(c_int, *mut [c_long; 2]) -> c_int;
/// `_dl_find_object`, with its struct dl_find_object.
pub type FindObject = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;
/// `on_exit`.
pub type OnExit =
    unsafe extern "C" fn(unsafe extern "C" fn(c_int, *mut c_void), *mut c_void) -> c_int;

/// A function looked up once; 1 stands for one that is not there.
struct Function {
    name: &'static CStr,
    find: fn(&CStr) -> *const c_void,
    address: OnceNonZeroUsize,
}

impl Function {
    const fn new(name: &'static CStr, find: fn(&CStr) -> *const c_void) -> Function {
        Function { name, find, address: OnceNonZeroUsize::new() }
    }

    fn get(&self) -> Option<usize> {
        let address = self.address.get();
        let address = address.unwrap_or_else(|| self.set((self.find)(self.name)));
        (address.get() != 1).then_some(address.get())
    }

    fn set(&self, found: *const c_void) -> NonZeroUsize {
        let address = NonZeroUsize::new(found.addr()).unwrap_or(NonZeroUsize::MIN);
        // Another thread may have been quicker, with the same answer.
        let _ = self.address.set(address);
        address
    }
}

/// The next definition after ours; if we stand behind the libc (dlopen, or
/// linked after it), the libc's. In libclone3-api, whose calls are like the program's, the
/// first: that may be libclone3's, which keeps a list of its own of fork handlers.
fn next(name: &CStr) -> *const c_void {
    let [found] = next_of([name]);
    found
}

fn next_of<const N: usize>(names: [&CStr; N]) -> [*const c_void; N] {
    let ours = (&raw const FORK).cast();
    let mut all = match symbols::linked_host() {
        None => elf::next_functions(names, ours),
        Some(_) => names.map(|name| elf::first_function(name, ours)),
    };
    for (found, name) in all.iter_mut().zip(names).filter(|(found, _)| found.is_null()) {
        *found = libcs(name);
    }
    all
}

/// The libc's own function, whichever definition interposes on it. A call of the
/// program's that another object must see does not reach this library (`interposers`);
/// these lookups are for what only the libc can do.
fn libcs(name: &CStr) -> *const c_void {
    interposers::libc().map_or(core::ptr::null(), |(libc, _)| libc.function(name))
}

/// The same of the clock, which in a static program is where the linker put it.
fn libcs_or_linked(name: &CStr) -> *const c_void {
    match interposers::libc() {
        Some((libc, _)) => libc.function(name),
        None => symbols::clock_gettime(),
    }
}

/// The libc's function of a name, looked up anew each time. Not
/// async-signal-safe. Null if there is none.
pub fn look_up(name: &CStr) -> *const c_void {
    libcs(name)
}

static FORK: Function = Function::new(c"fork", libcs);
static UNDERSCORE_FORK: Function = Function::new(c"_Fork", libcs);
static ATFORK: Function = Function::new(c"pthread_atfork", next);
static REGISTER_ATFORK: Function = Function::new(c"__register_atfork", next);
static CXA_FINALIZE: Function = Function::new(c"__cxa_finalize", next);
static POPEN: Function = Function::new(c"popen", libcs);
static PCLOSE: Function = Function::new(c"pclose", libcs);
static CLOCK_GETTIME: Function = Function::new(c"clock_gettime", libcs_or_linked);
static FIND_OBJECT: Function = Function::new(c"_dl_find_object", libcs);
static ON_EXIT: Function = Function::new(c"on_exit", libcs);
static FCLOSE: Function = Function::new(c"fclose", libcs);
static FOPENCOOKIE: Function = Function::new(c"fopencookie", libcs);

/// Whether fork handlers may have been registered without this library: it was loaded
/// late, or comes after the libc in search order, or another object interposes the
/// registration. In the page of what is written when the library is loaded, like the next one.
#[cfg_attr(not(test), unsafe(link_section = ".data"))]
static HANDLERS_UNSEEN: AtomicBool = AtomicBool::new(false);

/// Whether the host may know fork handlers that we do not.
pub fn handlers_unseen() -> bool {
    HANDLERS_UNSEEN.load(Relaxed)
}

/// The libc's `syscall` as an address, 0 where there is none or it has not been looked
/// up. A program may tell calls by where they are made: syscall user dispatch (Linux
/// 5.11) lets those from the libc's text through.
#[cfg_attr(not(test), unsafe(link_section = ".data"))]
pub static LIBC_SYSCALL: AtomicUsize = AtomicUsize::new(0);

/// Looks up what other objects may define too, while that is safe: the loader's lock is free
/// or ours in a constructor, and may be another object's later. The libc's own functions are
/// found without it, when they are first wanted.
pub fn look_up_all() {
    // By one walk.
    let nexts = [&ATFORK, &REGISTER_ATFORK, &CXA_FINALIZE];
    for (function, found) in nexts.iter().zip(next_of(nexts.map(|function| function.name))) {
        function.set(found);
    }
    let name =
        if REGISTER_ATFORK.get().is_some() { c"__register_atfork" } else { c"pthread_atfork" };
    let interposed = elf::comes_first(name, (&raw const FORK).cast());
    HANDLERS_UNSEEN.store(!interposed || interposers::take_handlers(), Relaxed);
    LIBC_SYSCALL.store(libcs(c"syscall").addr(), Relaxed);
}

/// Looks up what a process that is traced needs besides.
pub fn look_up_for_trace() {
    CLOCK_GETTIME.get();
    FIND_OBJECT.get();
}

/// The host's fork.
pub fn fork() -> Option<Fork> {
    // SAFETY: a function of that name has that prototype (POSIX).
    FORK.get().map(|address| unsafe { transmute::<usize, Fork>(address) })
}

/// The host's _Fork: glibc 2.34, musl 1.2.2.
pub fn underscore_fork() -> Option<Fork> {
    // SAFETY: a function of that name has that prototype (POSIX).
    UNDERSCORE_FORK.get().map(|address| unsafe { transmute::<usize, Fork>(address) })
}

/// The host's pthread_atfork: in musl's libc, not in glibc's since 2.34.
pub fn atfork() -> Option<Atfork> {
    // SAFETY: a function of that name has that prototype (POSIX).
    ATFORK.get().map(|address| unsafe { transmute::<usize, Atfork>(address) })
}

/// glibc's __register_atfork.
pub fn register_atfork() -> Option<RegisterAtfork> {
    // SAFETY: part of glibc's ABI under this name (LSB 5.0, baselib).
    REGISTER_ATFORK.get().map(|address| unsafe { transmute::<usize, RegisterAtfork>(address) })
}

/// Has the host's fork call a function in its children from now on; whether it will.
pub fn register_in_child(handler: unsafe extern "C" fn()) -> bool {
    let linked = symbols::linked_host();
    // SAFETY: functions of these names have these prototypes, and 0 is None.
    let (linked_register, linked_atfork) = unsafe {
        (
            transmute::<usize, Option<RegisterAtfork>>(linked.map_or(0, |all| all.register_atfork)),
            transmute::<usize, Option<Atfork>>(linked.map_or(0, |all| all.atfork)),
        )
    };
    let register = register_atfork().or(linked_register);
    let failed = match (register, atfork().or(linked_atfork)) {
        // SAFETY: the host's functions, with a handler that is never unloaded.
        (Some(register), _) => unsafe { register(None, None, Some(handler), null_mut()) },
        // SAFETY: as above.
        (None, Some(register)) => unsafe { register(None, None, Some(handler)) },
        (None, None) => return false,
    };
    failed == 0
}

/// The host's __cxa_finalize.
pub fn cxa_finalize() -> Option<CxaFinalize> {
    // SAFETY: a function of that name has that prototype (Itanium C++ ABI).
    CXA_FINALIZE.get().map(|address| unsafe { transmute::<usize, CxaFinalize>(address) })
}

/// The host's popen.
pub fn popen() -> Option<Popen> {
    // SAFETY: a function of that name has that prototype (POSIX).
    POPEN.get().map(|address| unsafe { transmute::<usize, Popen>(address) })
}

/// The host's pclose.
pub fn pclose() -> Option<Fclose> {
    // SAFETY: a function of that name has that prototype (POSIX).
    PCLOSE.get().map(|address| unsafe { transmute::<usize, Fclose>(address) })
}

/// The host's clock_gettime, once it has been looked up.
pub fn clock_gettime() -> Option<ClockGettime> {
    let address = CLOCK_GETTIME.address.get().filter(|address| address.get() != 1)?;
    // SAFETY: a function of that name has that prototype (POSIX).
    Some(unsafe { transmute::<usize, ClockGettime>(address.get()) })
}

/// glibc's _dl_find_object (glibc 2.35), once it has been looked up.
pub fn find_object() -> Option<FindObject> {
    let address = FIND_OBJECT.address.get().filter(|address| address.get() != 1)?;
    // SAFETY: part of glibc's ABI under this name (its manual, "Dynamic Linker Introspection").
    Some(unsafe { transmute::<usize, FindObject>(address.get()) })
}

/// Has the host call a function with the status that exit() was given, after those that are
/// registered later; whether it will. musl has no such function.
pub fn register_at_exit(function: unsafe extern "C" fn(c_int, *mut c_void)) -> bool {
    // SAFETY: glibc's function of that name has that prototype (on_exit(3)).
    let on_exit = ON_EXIT.get().map(|address| unsafe { transmute::<usize, OnExit>(address) });
    // SAFETY: the host's function, with one that is never unloaded.
    on_exit.is_some_and(|on_exit| unsafe { on_exit(function, null_mut()) } == 0)
}

/// The host's fclose. Looked up here, and not referred to, like the next one: i686's
/// glibc has two of each, and a reference without a version is to the older.
pub fn fclose() -> Option<Fclose> {
    // SAFETY: a function of that name has that prototype (POSIX).
    FCLOSE.get().map(|address| unsafe { transmute::<usize, Fclose>(address) })
}

/// The host's fopencookie.
pub fn fopencookie() -> Option<Fopencookie> {
    // SAFETY: both libcs have it with that prototype (fopencookie(3)).
    FOPENCOOKIE.get().map(|address| unsafe { transmute::<usize, Fopencookie>(address) })
}
