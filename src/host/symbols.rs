// SPDX-License-Identifier: MIT OR Apache-2.0
//! Symbols of the host that may or may not exist, as weak references.
//!
//! In the shared library the loader fills them in or leaves them null; in a
//! static program the linker does.

use crate::arch::weak_symbol;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;

weak_symbol!("clone3_weak_errno_location", "__errno_location");
weak_symbol!("clone3_weak_gnu_get_libc_version", "gnu_get_libc_version");
weak_symbol!("clone3_weak_libc_setup_tls", "__libc_setup_tls");
weak_symbol!("clone3_weak_dl_iterate_phdr", "dl_iterate_phdr");
weak_symbol!("clone3_weak_single_threaded", "__libc_single_threaded");
weak_symbol!("clone3_weak_thread_db_tid", "_thread_db_pthread_tid");
weak_symbol!("clone3_weak_thread_db_size", "_thread_db_sizeof_pthread");
weak_symbol!("clone3_weak_thread_list_lock", "__thread_list_lock");
weak_symbol!("clone3_weak_rtld_global", "_rtld_global");
weak_symbol!("clone3_weak_load_lock", "_dl_load_lock");
weak_symbol!("clone3_weak_load_write_lock", "_dl_load_write_lock");
weak_symbol!("clone3_weak_load_tls_lock", "_dl_load_tls_lock");
weak_symbol!("clone3_weak_load_adds", "_dl_load_adds");
weak_symbol!("clone3_weak_allocate_tls", "_dl_allocate_tls");
weak_symbol!("clone3_weak_deallocate_tls", "_dl_deallocate_tls");
weak_symbol!("clone3_weak_mutex_trylock", "pthread_mutex_trylock");
weak_symbol!("clone3_weak_mutex_unlock", "pthread_mutex_unlock");
weak_symbol!("clone3_weak_linked_pthread", "clone3_linked_pthread");
weak_symbol!("clone3_weak_linked_host", "clone3_linked_host");
weak_symbol!("clone3_weak_environ", "environ");
weak_symbol!("clone3_weak_malloc", "malloc");
weak_symbol!("clone3_weak_free", "free");
weak_symbol!("clone3_weak_fdopen", "fdopen");
weak_symbol!("clone3_weak_fileno", "fileno");
weak_symbol!("clone3_weak_read", "__read");
weak_symbol!("clone3_weak_write", "__write");
weak_symbol!("clone3_weak_clock_gettime", "clock_gettime");
weak_symbol!("clone3_weak_cleanup_push", "_pthread_cleanup_push");
weak_symbol!("clone3_weak_cleanup_pop", "_pthread_cleanup_pop");
weak_symbol!("clone3_weak_tls_get_addr", "__tls_get_addr");
weak_symbol!("clone3_weak_pthread_self", "pthread_self");
weak_symbol!("clone3_weak_getauxval", "getauxval");
weak_symbol!("clone3_weak_enable_secure", "__libc_enable_secure");
weak_symbol!("clone3_weak_rseq_offset", "__rseq_offset");
weak_symbol!("clone3_weak_uselocale", "uselocale");
weak_symbol!("clone3_weak_ctype_b_loc", "__ctype_b_loc");
weak_symbol!("clone3_weak_ctype_tolower_loc", "__ctype_tolower_loc");
weak_symbol!("clone3_weak_ctype_toupper_loc", "__ctype_toupper_loc");

/// `tls_index` of the TLS ABI: a module's id and an offset in its block.
#[repr(C)]
pub struct TlsIndex {
    /// dlpi_tls_modid.
    pub module: usize,
    /// Bytes from the block's start.
    pub offset: usize,
}

/// What libclone3-api is linked with (tools/package): addresses of the libc's functions,
/// which are 0 in the shared library, and where the program has no such function.
#[repr(C)]
pub struct LinkedHost {
    /// In the order of `file_actions`.
    pub file_actions: [usize; 9],
    /// `__register_atfork`
    pub register_atfork: usize,
    /// `pthread_atfork`
    pub atfork: usize,
}

/// The callback's first argument is a `struct dl_phdr_info`.
pub type PhdrCallback = unsafe extern "C" fn(*mut libc::dl_phdr_info, usize, *mut c_void) -> c_int;

/// `_dl_allocate_tls`: a thread's TLS, in memory of malloc's for a null pointer; its
/// thread pointer or null.
pub type AllocateTls = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
/// `_dl_deallocate_tls`, and whether the memory goes too.
pub type DeallocateTls = unsafe extern "C" fn(*mut c_void, bool);
/// `pthread_mutex_trylock` and `pthread_mutex_unlock`.
pub type OfMutex = unsafe extern "C" fn(*mut c_void) -> c_int;
/// `malloc`.
pub type Malloc = unsafe extern "C" fn(usize) -> *mut c_void;
/// `free`.
pub type Free = unsafe extern "C" fn(*mut c_void);
/// `read`, out of which a cancelled thread does not come back (see [`Waitpid`]).
pub type Read = unsafe extern "C" fn(c_int, *mut c_void, usize) -> isize;
/// `write`, the same.
pub type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
/// `waitpid`, out of which a cancelled thread does not come back. Not "C-unwind",
/// for which rustc, as nothing here unwinds, would make the callers abort.
pub type Waitpid = unsafe extern "C" fn(libc::pid_t, *mut c_int, c_int) -> libc::pid_t;
/// `_pthread_cleanup_push`, of a buffer in the caller's frame.
pub type CleanupPush =
    unsafe extern "C" fn(*mut c_void, unsafe extern "C" fn(*mut c_void), *mut c_void);
/// `uselocale`.
pub type Uselocale = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
/// `_pthread_cleanup_pop`, with whether to run it.
pub type CleanupPop = unsafe extern "C" fn(*mut c_void, c_int);

unsafe extern "C" {
    #[link_name = "clone3_weak_errno_location"]
    static ERRNO_LOCATION: Option<unsafe extern "C" fn() -> *mut c_int>;
    #[link_name = "clone3_weak_gnu_get_libc_version"]
    static GNU_GET_LIBC_VERSION: Option<unsafe extern "C" fn() -> *const c_char>;
    #[link_name = "clone3_weak_libc_setup_tls"]
    static LIBC_SETUP_TLS: *const c_void;
    #[link_name = "clone3_weak_dl_iterate_phdr"]
    static DL_ITERATE_PHDR: Option<unsafe extern "C" fn(PhdrCallback, *mut c_void) -> c_int>;
    #[link_name = "clone3_weak_single_threaded"]
    static SINGLE_THREADED: *const c_char;
    #[link_name = "clone3_weak_thread_db_tid"]
    static THREAD_DB_TID: *const [u32; 3];
    #[link_name = "clone3_weak_thread_db_size"]
    static THREAD_DB_SIZE: *const u32;
    #[link_name = "clone3_weak_thread_list_lock"]
    static THREAD_LIST_LOCK: *mut c_int;
    #[link_name = "clone3_weak_rtld_global"]
    static RTLD_GLOBAL: *const c_void;
    #[link_name = "clone3_weak_load_lock"]
    static LOAD_LOCK: *mut c_void;
    #[link_name = "clone3_weak_load_write_lock"]
    static LOAD_WRITE_LOCK: *mut c_void;
    #[link_name = "clone3_weak_load_tls_lock"]
    static LOAD_TLS_LOCK: *mut c_void;
    #[link_name = "clone3_weak_load_adds"]
    static LOAD_ADDS: *const c_void;
    #[link_name = "clone3_weak_allocate_tls"]
    static ALLOCATE_TLS: Option<AllocateTls>;
    #[link_name = "clone3_weak_deallocate_tls"]
    static DEALLOCATE_TLS: Option<DeallocateTls>;
    #[link_name = "clone3_weak_mutex_trylock"]
    static MUTEX_TRYLOCK: Option<OfMutex>;
    #[link_name = "clone3_weak_mutex_unlock"]
    static MUTEX_UNLOCK: Option<OfMutex>;
    #[link_name = "clone3_weak_linked_pthread"]
    static LINKED_PTHREAD: *const [usize; 6];
    #[link_name = "clone3_weak_linked_host"]
    static LINKED_HOST: Option<&'static LinkedHost>;
    #[link_name = "clone3_weak_environ"]
    static ENVIRON: *const *const *const c_char;
    #[link_name = "clone3_weak_malloc"]
    static MALLOC: Option<Malloc>;
    #[link_name = "clone3_weak_free"]
    static FREE: Option<Free>;
    #[link_name = "clone3_weak_fdopen"]
    static FDOPEN: Option<unsafe extern "C" fn(c_int, *const c_char) -> *mut c_void>;
    #[link_name = "clone3_weak_fileno"]
    static FILENO: Option<unsafe extern "C" fn(*mut c_void) -> c_int>;
    #[link_name = "clone3_weak_read"]
    static READ: Option<Read>;
    #[link_name = "clone3_weak_write"]
    static WRITE: Option<Write>;
    #[link_name = "clone3_weak_clock_gettime"]
    static CLOCK_GETTIME: *const c_void;
    #[link_name = "clone3_weak_cleanup_push"]
    static CLEANUP_PUSH: Option<CleanupPush>;
    #[link_name = "clone3_weak_cleanup_pop"]
    static CLEANUP_POP: Option<CleanupPop>;
    #[link_name = "clone3_weak_tls_get_addr"]
    static TLS_GET_ADDR: Option<unsafe extern "C" fn(*const TlsIndex) -> *mut c_void>;
    #[link_name = "clone3_weak_pthread_self"]
    static PTHREAD_SELF: Option<unsafe extern "C" fn() -> usize>;
    #[link_name = "clone3_weak_enable_secure"]
    static ENABLE_SECURE: *const c_int;
    #[link_name = "clone3_weak_getauxval"]
    static GETAUXVAL: Option<unsafe extern "C" fn(usize) -> usize>;
    #[link_name = "clone3_weak_rseq_offset"]
    static RSEQ_OFFSET: *const isize;
    #[link_name = "clone3_weak_uselocale"]
    static USELOCALE: Option<Uselocale>;
    #[link_name = "clone3_weak_ctype_b_loc"]
    static CTYPE_B_LOC: Option<unsafe extern "C" fn() -> *mut usize>;
    #[link_name = "clone3_weak_ctype_tolower_loc"]
    static CTYPE_TOLOWER_LOC: Option<unsafe extern "C" fn() -> *mut usize>;
    #[link_name = "clone3_weak_ctype_toupper_loc"]
    static CTYPE_TOUPPER_LOC: Option<unsafe extern "C" fn() -> *mut usize>;
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident -> $type:ty = $symbol:ident) => {
        $(#[$doc])*
        pub fn $name() -> $type {
            // SAFETY: written by the linker or loader before any code of ours
            // runs, never after; volatile because the compiler sees no writer.
            unsafe { (&raw const $symbol).read_volatile() }
        }
    };
}

getter!(
    /// `__errno_location`: every libc this library can serve has it.
    errno_location -> Option<unsafe extern "C" fn() -> *mut c_int> = ERRNO_LOCATION);
getter!(
    /// `gnu_get_libc_version`: only glibc has it.
    gnu_get_libc_version -> Option<unsafe extern "C" fn() -> *const c_char>
        = GNU_GET_LIBC_VERSION);
getter!(
    /// `__libc_setup_tls`: in every static glibc program, where the version
    /// may not be linked in, and nowhere else.
    libc_setup_tls -> *const c_void = LIBC_SETUP_TLS);
getter!(
    /// The table of libclone3-api; `None` in the flavour that has the libc's names, too.
    linked_host -> Option<&'static LinkedHost> = LINKED_HOST);
getter!(
    /// `dl_iterate_phdr`.
    dl_iterate_phdr -> Option<unsafe extern "C" fn(PhdrCallback, *mut c_void) -> c_int>
        = DL_ITERATE_PHDR);
getter!(
    /// `__libc_single_threaded`, a char that is non-zero when it is sure
    /// (glibc 2.32).
    single_threaded -> *const c_char = SINGLE_THREADED);
getter!(
    /// `_thread_db_pthread_tid`, GLIBC_PRIVATE: the tid's size in bits, its
    /// count and its offset in the TCB, for libthread_db.
    thread_db_tid -> *const [u32; 3] = THREAD_DB_TID);
getter!(
    /// `_thread_db_sizeof_pthread`, GLIBC_PRIVATE: bytes in struct pthread.
    thread_db_size -> *const u32 = THREAD_DB_SIZE);
getter!(
    /// `__thread_list_lock` of a static musl.
    thread_list_lock -> *mut c_int = THREAD_LIST_LOCK);
getter!(
    /// `_rtld_global`, GLIBC_PRIVATE: the state of glibc's loader.
    rtld_global -> *const c_void = RTLD_GLOBAL);
/// The loader's locks in a static program of glibc's, where they are variables:
/// `_dl_load_lock`, `_dl_load_write_lock` and, since 2.35, `_dl_load_tls_lock`.
pub fn loader_locks() -> [*mut c_void; 3] {
    getter!(load -> *mut c_void = LOAD_LOCK);
    getter!(write -> *mut c_void = LOAD_WRITE_LOCK);
    getter!(tls -> *mut c_void = LOAD_TLS_LOCK);
    [load(), write(), tls()]
}

getter!(
    /// `_dl_load_adds` there.
    loader_adds -> *const c_void = LOAD_ADDS);

/// `pthread_mutex_trylock` and `pthread_mutex_unlock`, where there are threads.
pub fn mutex_functions() -> Option<(OfMutex, OfMutex)> {
    getter!(trylock -> Option<OfMutex> = MUTEX_TRYLOCK);
    getter!(unlock -> Option<OfMutex> = MUTEX_UNLOCK);
    trylock().zip(unlock())
}

/// What glibc's pthread_create has a thread's TLS from, GLIBC_PRIVATE, with its
/// opposite.
pub fn thread_tls() -> Option<(AllocateTls, DeallocateTls)> {
    getter!(allocate -> Option<AllocateTls> = ALLOCATE_TLS);
    getter!(deallocate -> Option<DeallocateTls> = DEALLOCATE_TLS);
    allocate().zip(deallocate())
}

getter!(
    /// The functions of `host::pthread`, in its order, in a program that is
    /// linked with the archive and uses them; tools/package writes it.
    linked_pthread -> *const [usize; 6] = LINKED_PTHREAD);
getter!(
    /// `environ`.
    environ -> *const *const *const c_char = ENVIRON);
getter!(
    /// `malloc`, the program's own if it has one.
    malloc -> Option<Malloc> = MALLOC);
getter!(
    /// `free`.
    free -> Option<Free> = FREE);

/// `malloc` with the `free` that goes with it, where the program has both.
pub fn malloc_and_free() -> Option<(Malloc, Free)> {
    malloc().zip(free())
}
getter!(
    /// `fdopen`.
    fdopen -> Option<unsafe extern "C" fn(c_int, *const c_char) -> *mut c_void> = FDOPEN);
getter!(
    /// `fileno`.
    fileno -> Option<unsafe extern "C" fn(*mut c_void) -> c_int> = FILENO);
getter!(
    /// glibc's `__read`, which no object interposes.
    read -> Option<Read> = READ);
getter!(
    /// glibc's `__write`.
    write -> Option<Write> = WRITE);
getter!(
    /// `clock_gettime`, of the libc or of an object before it.
    clock_gettime -> *const c_void = CLOCK_GETTIME);
getter!(
    /// `_pthread_cleanup_push`.
    cleanup_push -> Option<CleanupPush> = CLEANUP_PUSH);
getter!(
    /// `_pthread_cleanup_pop`.
    cleanup_pop -> Option<CleanupPop> = CLEANUP_POP);

getter!(
    /// `__tls_get_addr` of the TLS ABI; not in every static program.
    tls_get_addr -> Option<unsafe extern "C" fn(*const TlsIndex) -> *mut c_void>
        = TLS_GET_ADDR);
getter!(
    /// `pthread_self`, whose value is the address of the thread's TCB in every
    /// libc here.
    pthread_self -> Option<unsafe extern "C" fn() -> usize> = PTHREAD_SELF);
getter!(
    /// `__libc_enable_secure`, GLIBC_PRIVATE: an int that is what AT_SECURE was. In every
    /// static program, where getauxval may not be linked in.
    enable_secure -> *const c_int = ENABLE_SECURE);
getter!(
    /// `getauxval`.
    getauxval -> Option<unsafe extern "C" fn(usize) -> usize> = GETAUXVAL);
getter!(
    /// `__rseq_offset` of <sys/rseq.h>: from the thread pointer to the area of
    /// rseq(2) (glibc 2.35).
    rseq_offset -> *const isize = RSEQ_OFFSET);

/// Where this thread keeps the tables of <ctype.h>, as LSB 5.0 has it: thread-local
/// variables in glibc, constants in musl.
pub fn ctype_tables() -> [Option<unsafe extern "C" fn() -> *mut usize>; 3] {
    getter!(b -> Option<unsafe extern "C" fn() -> *mut usize> = CTYPE_B_LOC);
    getter!(lower -> Option<unsafe extern "C" fn() -> *mut usize> = CTYPE_TOLOWER_LOC);
    getter!(upper -> Option<unsafe extern "C" fn() -> *mut usize> = CTYPE_TOUPPER_LOC);
    [b(), lower(), upper()]
}

getter!(
    /// `uselocale`: where a static program is without, no thread has a locale of
    /// its own.
    uselocale -> Option<Uselocale> = USELOCALE);

/// While it is there the calling thread has the process's locale, as a new thread.
pub struct GlobalLocale {
    before: Option<(Uselocale, *mut c_void)>,
}

/// LC_GLOBAL_LOCALE in both libcs.
const GLOBAL: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);

impl GlobalLocale {
    /// Sets it. Only the calling thread's own variables change.
    pub fn set() -> GlobalLocale {
        // SAFETY: a null pointer asks.
        let before = uselocale().map(|uselocale| (uselocale, unsafe { uselocale(null_mut()) }));
        let before = before.filter(|(_, locale)| *locale != GLOBAL);
        if let Some((uselocale, _)) = before {
            // SAFETY: the process's locale is always there.
            unsafe { uselocale(GLOBAL) };
        }
        GlobalLocale { before }
    }
}

impl Drop for GlobalLocale {
    fn drop(&mut self) {
        if let Some((uselocale, locale)) = self.before {
            // SAFETY: what the thread had a moment ago.
            unsafe { uselocale(locale) };
        }
    }
}
