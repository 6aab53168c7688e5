// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's FILEs over a pipe to a command, made and closed by its own functions.
//!
//! glibc's popen makes a FILE of its own kind: whatever closes it, fclose() as well as
//! pclose(), waits for the command and gives its status, and it is byte-oriented. So
//! are the FILEs of its fopencookie(), with a function of ours for the end. They have
//! no descriptor, and get the one of the pipe for fileno(). musl's are those of fdopen,
//! with the command's pid where its popen writes it.

use super::functions::CookieFunctions;
use super::{errno, functions, glibc, symbols};
use crate::arch::entry;
use crate::uapi::{Errno, file};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

pub use super::functions::{Close, File};

/// What glibc hands to the functions of a stream: the beginning of what its owner
/// keeps of it.
#[repr(C)]
pub struct Cookie {
    fd: c_int,
    read: Option<symbols::Read>,
    write: Option<symbols::Write>,
}

impl Cookie {
    /// For the calling process's end of the pipe.
    pub fn new(fd: c_int) -> Cookie {
        Cookie { fd, read: symbols::read(), write: symbols::write() }
    }

    /// That end.
    pub fn fd(&self) -> c_int {
        self.fd
    }
}

/// As far as <bits/types/struct_FILE.h> of glibc has it for all to see: old programs'
/// getc() is a macro.
#[repr(C)]
struct Beginning {
    flags: c_int,
    pointers: [*mut c_void; 13],
    fileno: c_int,
}

/// musl's FILE as far as its popen knows more of it than fdopen does
/// (src/internal/stdio_impl.h, the same from 1.1.0 to 1.2.6).
#[repr(C)]
struct MuslBeginning {
    flags: c_int,
    pointers: [*mut c_void; 14],
    fileno: c_int,
    pid: c_int,
}

/// Whether the libc keeps the pid of a stream's command where [`set_pid`] writes it.
///
/// # Safety
/// The stream must be of [`open`], with that descriptor, and in no other thread's hands.
unsafe fn keeps_pid(stream: File, fd: c_int) -> bool {
    const OTHER: c_int = 0x0bad_cafe;
    let Some(fileno) = symbols::fileno().filter(|_| !are_told_of()) else { return false };
    let musls = stream.cast::<MuslBeginning>();
    // SAFETY: a FILE of musl's has at least these; volatile, as the libc reads them.
    unsafe {
        let number = &raw mut (*musls).fileno;
        if number.read_volatile() != fd || (*musls).pid != 0 {
            return false;
        }
        // It is that number only if fileno() says so of any.
        number.write_volatile(OTHER);
        let is_it = fileno(stream) == OTHER;
        number.write_volatile(fd);
        is_it
    }
}

/// Tells musl whose stream it is, as its popen does: its pclose() waits for that command,
/// and its popen() closes the stream in later ones.
///
/// # Safety
/// The stream must be one that [`open`] said keeps it.
pub unsafe fn set_pid(stream: File, pid: c_int) {
    // SAFETY: by the contract; volatile, as the libc reads it.
    unsafe { (&raw mut (*stream.cast::<MuslBeginning>()).pid).write_volatile(pid) };
}

/// A stream of the host's.
#[derive(Clone, Copy)]
pub struct Opened {
    /// The stream.
    pub file: File,
    /// Whether the libc is to be told of the command, by [`set_pid`].
    pub keeps_pid: bool,
}

/// What the libc says of a stream without a descriptor (fopencookie in libio).
const NO_DESCRIPTOR: c_int = -2;

/// Whether the libc calls the owner's close function when a stream is closed.
pub fn are_told_of() -> bool {
    glibc::is_host()
}

/// Whether the host's popen takes a mode by its first letter, as musl's does.
pub fn lax_mode() -> bool {
    !glibc::is_host()
}

/// A stream over the cookie's descriptor, for reading or for writing. `None` where the
/// host's do not look as expected; the descriptor is open still.
///
/// # Safety
/// The cookie must stay where it is until `close` is called for it, or the stream is
/// closed where [`are_told_of`] says no.
pub unsafe fn open(
    cookie: *mut Cookie,
    reads: bool,
    close: Close,
) -> Result<Option<Opened>, Errno> {
    let mode = if reads { c"r" } else { c"w" };
    // SAFETY: by the contract.
    let fd = unsafe { (*cookie).fd };
    if are_told_of() {
        // SAFETY: by the contract.
        return unsafe { open_cookie(cookie, fd, mode, close) };
    }
    let Some(fdopen) = symbols::fdopen() else { return Ok(None) };
    // SAFETY: POSIX's prototype.
    let stream = unsafe { fdopen(fd, mode.as_ptr()) };
    if stream.is_null() {
        return Err(Errno(errno::get()));
    }
    // SAFETY: opened just now.
    Ok(Some(Opened { file: stream, keeps_pid: unsafe { keeps_pid(stream, fd) } }))
}

/// # Safety
/// As [`open`].
unsafe fn open_cookie(
    cookie: *mut Cookie,
    fd: c_int,
    mode: &CStr,
    close: Close,
) -> Result<Option<Opened>, Errno> {
    let (Some(fopencookie), Some(fileno)) = (functions::fopencookie(), symbols::fileno()) else {
        return Ok(None);
    };
    // SAFETY: by the contract.
    let cookies = unsafe { &mut *cookie };
    if cookies.read.is_none() || cookies.write.is_none() {
        return Ok(None);
    }
    let functions = CookieFunctions {
        read: clone3_stream_read,
        write: clone3_stream_write,
        seek: clone3_stream_seek,
        close,
    };
    // SAFETY: glibc's prototype; the cookie is what the functions take.
    let stream = unsafe { fopencookie(cookie.cast(), mode.as_ptr(), functions) };
    if stream.is_null() {
        return Err(Errno(errno::get()));
    }
    // SAFETY: a FILE has at least these.
    let number = unsafe { &raw mut (*stream.cast::<Beginning>()).fileno };
    // SAFETY: no other thread has the stream; fileno is POSIX's.
    unsafe {
        if number.read() == NO_DESCRIPTOR {
            number.write(fd);
            if fileno(stream) == fd {
                return Ok(Some(Opened { file: stream, keeps_pid: false }));
            }
            number.write(NO_DESCRIPTOR);
        }
    }
    // Not the FILE that is known. It keeps its descriptor to itself until it is gone.
    cookies.fd = -1;
    // SAFETY: no other thread has the stream.
    unsafe { self::close(stream) };
    Ok(None)
}

/// fclose(3): flushes what is left, and closes the descriptor in any case.
///
/// # Safety
/// The file must be open, and used no more.
pub unsafe fn close(file: File) {
    if let Some(fclose) = functions::fclose() {
        // SAFETY: by the contract.
        unsafe { fclose(file) };
    }
}

entry!("clone3_stream_read" => read);
entry!("clone3_stream_write" => write);
entry!("clone3_stream_seek" => seek);

unsafe extern "C" {
    fn clone3_stream_read(cookie: *mut c_void, bytes: *mut c_char, count: usize) -> isize;
    fn clone3_stream_write(cookie: *mut c_void, bytes: *const c_char, count: usize) -> isize;
    fn clone3_stream_seek(cookie: *mut c_void, offset: *mut i64, whence: c_int) -> c_int;
}

/// By the libc's function, which is a cancellation point.
unsafe extern "C" fn read(cookie: *mut c_void, bytes: *mut c_char, count: usize) -> isize {
    // SAFETY: glibc hands over the cookie of an open stream.
    let cookie = unsafe { &*cookie.cast::<Cookie>() };
    match cookie.read {
        // SAFETY: as glibc has it for a stream of its own.
        Some(read) => unsafe { read(cookie.fd, bytes.cast(), count) },
        None => -1,
    }
}

/// All of it, or as much as goes before an error.
unsafe extern "C" fn write(cookie: *mut c_void, bytes: *const c_char, count: usize) -> isize {
    // SAFETY: glibc hands over the cookie of an open stream.
    let cookie = unsafe { &*cookie.cast::<Cookie>() };
    let mut done = 0;
    while let Some(write) = cookie.write.filter(|_| done < count) {
        // SAFETY: within the bytes.
        match unsafe { write(cookie.fd, bytes.add(done).cast(), count - done) } {
            written if written > 0 => done += written as usize,
            _ => break,
        }
    }
    done as isize
}

/// ESPIPE, as long as it is a pipe.
unsafe extern "C" fn seek(cookie: *mut c_void, offset: *mut i64, whence: c_int) -> c_int {
    // SAFETY: glibc hands over the cookie of an open stream, and an offset.
    let outcome = unsafe { file::seek((*cookie.cast::<Cookie>()).fd, *offset, whence) };
    match outcome {
        Ok(now) => {
            // SAFETY: as above.
            unsafe { *offset = now };
            0
        }
        Err(error) => {
            errno::set(error);
            -1
        }
    }
}

/// The host's own popen.
///
/// # Safety
/// As popen(3).
pub unsafe fn hosts_open(command: *const c_char, mode: *const c_char) -> Result<File, Errno> {
    let Some(popen) = functions::popen() else { return Err(Errno::ENOSYS) };
    // SAFETY: by the contract.
    let file = unsafe { popen(command, mode) };
    if file.is_null() { Err(Errno(errno::get())) } else { Ok(file) }
}

/// The host's own pclose.
///
/// # Safety
/// As pclose(3).
pub unsafe fn hosts_close(file: File) -> Result<c_int, Errno> {
    let Some(pclose) = functions::pclose() else { return Err(Errno::ENOSYS) };
    // SAFETY: by the contract.
    match unsafe { pclose(file) } {
        -1 => Err(Errno(errno::get())),
        status => Ok(status),
    }
}

/// No stream.
pub const NONE: File = null_mut();
