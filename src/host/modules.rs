// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loaded objects that have thread-local storage, as dl_iterate_phdr tells.

use super::symbols::{self, TlsIndex};
use super::walk::{self, adds};
use super::{musl_thread, rtld};
use crate::uapi::Errno;
use core::mem::offset_of;

#[cfg(target_pointer_width = "32")]
use libc::Elf32_Phdr as Phdr;
#[cfg(target_pointer_width = "64")]
use libc::Elf64_Phdr as Phdr;

/// One object's thread-local storage.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// Its number in the TLS ABI, from 1 on.
    pub id: usize,
    /// The calling thread's block, 0 if it has none yet.
    pub data: usize,
    /// What a block starts as.
    pub image: usize,
    /// Bytes in the image; the rest of a block is zero.
    pub file_size: usize,
    /// Bytes in a block.
    pub size: usize,
    /// Alignment of a block, a power of two.
    pub align: usize,
    /// From the thread pointer to a block in the static TLS area, once decided.
    pub place: Option<isize>,
}

/// Grows when an object is loaded. One that is unloaded leaves its number and its
/// place to whatever is loaded next, and until then to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

/// # Safety
/// `info` must come from dl_iterate_phdr.
unsafe fn module_of(info: &libc::dl_phdr_info) -> Option<Module> {
    if info.dlpi_phdr.is_null() || info.dlpi_tls_modid == 0 {
        return None;
    }
    // SAFETY: by the contract.
    let headers = unsafe {
        core::slice::from_raw_parts(info.dlpi_phdr.cast::<Phdr>(), info.dlpi_phnum as usize)
    };
    let tls = headers.iter().find(|header| header.p_type == libc::PT_TLS)?;
    let id = info.dlpi_tls_modid;
    let image = (info.dlpi_addr as usize).wrapping_add(tls.p_vaddr as usize);
    // musl up to 1.2.2 gives the image for the block; its __tls_get_addr, which
    // static programs may be without, neither allocates nor locks.
    let data = match info.dlpi_tls_data.addr() {
        data if data == image => {
            block(id).ok().or_else(|| musl_thread::block_by_dtv(id)).unwrap_or(data)
        }
        data => data,
    };
    Some(Module {
        id,
        data,
        image,
        file_size: tls.p_filesz as usize,
        size: tls.p_memsz as usize,
        align: (tls.p_align as usize).max(1),
        place: None,
    })
}

/// Calls `each` for every module of this namespace. ENOTSUP where the libc does not
/// say enough. Not async-signal-safe: glibc's loader takes its lock.
pub fn walk(each: &mut dyn FnMut(&Module)) -> Result<Stamp, Errno> {
    go(&mut |info| {
        // SAFETY: dl_iterate_phdr's own struct.
        if let Some(module) = unsafe { module_of(info) } {
            each(&module);
        }
        false
    })
}

/// What [`walk`] would give, at a small part of the cost: without a lock where
/// possible.
pub fn stamp() -> Result<Stamp, Errno> {
    match rtld::adds() {
        Some(adds) => Ok(Stamp(adds)),
        None => go(&mut |_| true),
    }
}

fn go(each: &mut dyn FnMut(&libc::dl_phdr_info) -> bool) -> Result<Stamp, Errno> {
    const END: usize = offset_of!(libc::dl_phdr_info, dlpi_tls_data) + size_of::<usize>();
    let mut stamp = None;
    walk::walk(&mut |info, size| {
        stamp = adds(info, size).filter(|_| size >= END).map(Stamp);
        stamp.is_none() || each(info)
    });
    stamp.ok_or(Errno::ENOTSUP)
}

/// The calling thread's block of a module, which the libc may have to allocate.
pub fn block(id: usize) -> Result<usize, Errno> {
    let tls_get_addr = symbols::tls_get_addr().ok_or(Errno::ENOTSUP)?;
    let index = TlsIndex { module: id, offset: 0 };
    // SAFETY: the TLS ABI's function, with a module that is loaded.
    Ok(unsafe { tls_get_addr(&raw const index) }.addr())
}
