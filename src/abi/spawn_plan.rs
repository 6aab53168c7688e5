// SPDX-License-Identifier: MIT OR Apache-2.0
//! `clone3_spawn_t`, and `clone3_spawn_init`.

use super::{declared_entry, or_number};
use crate::spawn::plan::{MARK, Plan};
use crate::uapi::Errno;
use core::ffi::c_int;
use core::mem::{align_of, size_of};

/// The plan of a child of clone3_spawn(): what its setters have set. It is opaque, may be
/// on the caller's stack or elsewhere, and needs no freeing.
///
/// Strings and arrays that a setter is given are not copied: they are read when the child
/// is created, and must stay unchanged until the last spawn. A plan may be used for any
/// number of spawns, also by several threads at a time, and may be copied by assignment.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct clone3_spawn_plan {
    /// Private.
    pub opaque: [u64; 96],
}

/// A plan.
#[allow(non_camel_case_types)]
pub type clone3_spawn_t = clone3_spawn_plan;

/// cpu_set_t, under the name that it has in the header.
#[allow(non_camel_case_types)]
pub type clone3_cpu_set_t = libc::cpu_set_t;

const PLAN_SIZE_VER0: usize = 768;
const _: () = {
    assert!(size_of::<clone3_spawn_plan>() == PLAN_SIZE_VER0);
    assert!(size_of::<Plan>() <= PLAN_SIZE_VER0);
    assert!(align_of::<Plan>() <= align_of::<clone3_spawn_plan>());
};

/// For clone3_spawn_set_capabilities(): the bounding set.
pub const CLONE3_SPAWN_BOUNDING: c_int = 0;
/// For clone3_spawn_set_capabilities(): the inheritable set.
pub const CLONE3_SPAWN_INHERITABLE: c_int = 1;
/// For clone3_spawn_set_capabilities(): the ambient set.
pub const CLONE3_SPAWN_AMBIENT: c_int = 2;

#[allow(dead_code)] // C's view of what the macros define
unsafe extern "C" {
    /// Initialises a plan: the child inherits everything from the caller.
    ///
    /// All setters return 0 or an error number, EINVAL for a plan that was not
    /// initialised. A later call of a setter replaces the earlier one's value, except
    /// that the flags of clone3_spawn_add_flags() add up. Their results need not be
    /// checked: after a setter has failed, clone3_spawn() fails with the first one's
    /// error number and CLONE3_SPAWN_STAGE_PLAN, until the plan is initialised again. A
    /// copy of a plan is equivalent to the plan. This function and the setters, except
    /// clone3_spawn_set_file_actions(), are async-signal-safe, and thread-safe if no two
    /// threads change one plan.
    ///
    /// @param plan  memory for it
    /// @param size  sizeof(clone3_spawn_t)
    /// @return 0, or an error number; errno is untouched
    ///
    /// Errors:
    /// - EFAULT: plan is NULL
    /// - EINVAL: size is smaller than 768, the first version's
    pub fn clone3_spawn_init(plan: *mut clone3_spawn_t, size: usize) -> c_int;
}

declared_entry!(clone3_spawn_init => exported_init);

unsafe extern "C" fn exported_init(plan: *mut clone3_spawn_t, size: usize) -> c_int {
    if plan.is_null() {
        return or_number(Err(Errno::EFAULT));
    }
    if size < PLAN_SIZE_VER0 {
        if size >= size_of::<u64>() {
            // A plan that was there before must not be used as the new one. SAFETY: the
            // caller's memory of that size.
            unsafe { (&raw mut (*plan.cast::<Plan>()).mark).write(0) };
        }
        return or_number(Err(Errno::EINVAL));
    }
    // SAFETY: the caller's memory of that size, and aligned as a plan.
    unsafe { plan.cast::<Plan>().write(Plan::INITIAL) };
    0
}

/// The contents of a plan; EFAULT for NULL, EINVAL for one that was not initialised.
///
/// # Safety
/// Null or memory for a plan.
pub unsafe fn contents<'a>(plan: *const clone3_spawn_t) -> Result<&'a Plan, Errno> {
    if plan.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: by the contract; any bits are a valid number.
    if unsafe { (&raw const (*plan.cast::<Plan>()).mark).read() } != MARK {
        return Err(Errno::EINVAL);
    }
    // SAFETY: written by `init` and the setters.
    Ok(unsafe { &*plan.cast() })
}

/// # Safety
/// Null or memory for a plan that is not in use elsewhere.
pub unsafe fn contents_mut<'a>(plan: *mut clone3_spawn_t) -> Result<&'a mut Plan, Errno> {
    // SAFETY: by the contract.
    unsafe { contents(plan) }?;
    // SAFETY: as just checked.
    Ok(unsafe { &mut *plan.cast() })
}
