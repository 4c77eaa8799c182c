//! The program's allocator: what stays with it is part of what is measured here.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Has it give back to the system what nobody uses. Of itself it does so after ten seconds, in which a test would only wait.
#[expect(unsafe_code, reason = "the crate has no safe name for it")]
pub(crate) fn give_back() {
    unsafe extern "C" {
        fn mi_collect(force: bool);
    }
    // SAFETY: it may be called at any time, on any thread: it touches no memory that is in use.
    unsafe { mi_collect(true) }
}
