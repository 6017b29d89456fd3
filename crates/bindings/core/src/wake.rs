//! Wakes the event loop of one thread from any other: one `uv_async_t` per waker, found by id in a table of the process.
//!
//! What this file owns is the life of the `uv_async_t`, which only the thread that opened it may touch, but for
//! `uv_async_send`:
//!
//! ```text
//!   open ----> in the table, sends reach it
//!     | close(), or the thread's environment is torn down (async cleanup hook)
//!     v
//!   removed from the table: `Table::remove` has waited for the senders inside, no send can begin
//!     | uv_close
//!     v
//!   on_closed: memory freed, cleanup hook given back
//! ```
//!
//! The cleanup hook is what lets a worker be terminated: Node waits for `on_closed` before it closes the loop, and a loop
//! closed with a live handle aborts the whole process.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::LazyLock;

use guildhall_wake::{Table, WAKERS_MAX};
use napi::bindgen_prelude::{Function, JsValue, Result};
use napi::{Env, Error, Status, sys};
use napi_derive::napi;

/// `uv_handle_type` of an async handle.
const UV_ASYNC: c_int = 1;

type UvHandle = c_void;

// Node exports libuv's functions; they are bound when the binding is loaded.
unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_async_init(
        event_loop: *mut sys::uv_loop_s,
        handle: *mut UvHandle,
        callback: unsafe extern "C" fn(*mut UvHandle),
    ) -> c_int;
    fn uv_async_send(handle: *mut UvHandle) -> c_int;
    fn uv_close(handle: *mut UvHandle, callback: unsafe extern "C" fn(*mut UvHandle));
    fn uv_ref(handle: *mut UvHandle);
    fn uv_unref(handle: *mut UvHandle);
    fn uv_handle_get_data(handle: *const UvHandle) -> *mut c_void;
    fn uv_handle_set_data(handle: *mut UvHandle, data: *mut c_void);
}

/// Lives on the heap from `open_waker` to `on_closed`; the handle's data points to it.
struct Waker {
    /// Memory of the `uv_async_t`, in words because the struct asks for the alignment of a pointer.
    memory: Box<[usize]>,
    env: sys::napi_env,
    on_wake: sys::napi_ref,
    hook: sys::napi_async_cleanup_hook_handle,
    id: u32,
}

/// What the table holds: enough to send.
struct Entry {
    waker: *mut Waker,
    handle: *mut UvHandle,
}

// SAFETY: of what they point to, other threads use only `uv_async_send(handle)`, which libuv allows from any thread, and
// only inside `Table::with`, which ends before the owner closes the handle. `waker` is followed by the owner alone.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

static WAKERS: LazyLock<Table<Entry>> = LazyLock::new(Table::new);

/// Calls `on_wake` on this thread once or more often after each `wake(id)`; calls coalesce while it has not run yet.
/// Without `keep_alive` the waker does not keep the event loop alive. Returns the id.
#[napi(catch_unwind)]
pub fn open_waker(env: Env, on_wake: Function<'_, (), ()>, keep_alive: bool) -> Result<u32> {
    let mut event_loop = ptr::null_mut();
    // SAFETY: `env` is the environment that is calling us, so its loop is this thread's.
    let status = unsafe { sys::napi_get_uv_event_loop(env.raw(), &mut event_loop) };
    check(status, "no event loop")?;
    // SAFETY: asks for a size.
    let size = unsafe { uv_handle_size(UV_ASYNC) };
    let mut waker = Box::new(Waker {
        memory: vec![0; size.div_ceil(size_of::<usize>())].into_boxed_slice(),
        env: env.raw(),
        on_wake: ptr::null_mut(),
        hook: ptr::null_mut(),
        id: 0,
    });
    // SAFETY: `on_wake` is a live value of this call.
    let status =
        unsafe { sys::napi_create_reference(env.raw(), on_wake.raw(), 1, &mut waker.on_wake) };
    check(status, "no reference to the callback")?;

    let handle: *mut UvHandle = waker.memory.as_mut_ptr().cast();
    // SAFETY: `memory` is as large as libuv wants, stays where it is until `on_closed`, and the loop is this thread's.
    if unsafe { uv_async_init(event_loop, handle, on_woken) } != 0 {
        // SAFETY: the reference was made above and is used nowhere else.
        unsafe { sys::napi_delete_reference(env.raw(), waker.on_wake) };
        return Err(Error::new(Status::GenericFailure, "uv_async_init failed"));
    }
    let waker = Box::into_raw(waker);
    // SAFETY: the handle was just initialised; from here on `on_closed` frees the waker.
    unsafe {
        uv_handle_set_data(handle, waker.cast());
        if !keep_alive {
            uv_unref(handle);
        }
    }
    // SAFETY: `waker` stays valid until `on_closed`, which gives the hook back.
    let status = unsafe {
        sys::napi_add_async_cleanup_hook(
            env.raw(),
            Some(on_teardown),
            waker.cast(),
            &mut (*waker).hook,
        )
    };
    let Some(id) = (status == sys::Status::napi_ok)
        .then(|| WAKERS.insert(Entry { waker, handle }))
        .flatten()
    else {
        // SAFETY: nobody else knows of the waker yet.
        unsafe { begin_close(waker) };
        let reason = format!("no room for another waker: a process may have {WAKERS_MAX}");
        return Err(Error::new(Status::QueueFull, reason));
    };
    // SAFETY: this thread owns the waker; senders don't read it.
    unsafe { (*waker).id = id };
    Ok(id)
}

/// From any thread of the process. False when the waker is closed, or its thread is gone.
#[napi(catch_unwind)]
pub fn wake(id: u32) -> bool {
    WAKERS
        .with(id, |entry| {
            // SAFETY: inside `with` the owner can't begin to close the handle.
            unsafe { uv_async_send(entry.handle) == 0 }
        })
        .unwrap_or(false)
}

/// Whether the waker keeps its event loop alive. Only on the thread that opened it.
#[napi(catch_unwind)]
pub fn ref_waker(env: Env, id: u32, keep_alive: bool) -> Result<()> {
    let Some(handle) = WAKERS.with(id, |entry| owned(&env, entry).map(|()| entry.handle)) else {
        return Ok(());
    };
    let handle = handle?;
    // SAFETY: this thread owns the handle, so it is not closed meanwhile.
    unsafe {
        if keep_alive {
            uv_ref(handle);
        } else {
            uv_unref(handle);
        }
    }
    Ok(())
}

/// Only on the thread that opened it; does nothing when it is closed already. `on_wake` is not called afterwards.
#[napi(catch_unwind)]
pub fn close_waker(env: Env, id: u32) -> Result<()> {
    let Some(owner) = WAKERS.with(id, |entry| owned(&env, entry)) else {
        return Ok(());
    };
    owner?;
    if let Some(entry) = WAKERS.remove(id) {
        // SAFETY: this thread owns the waker, and it is out of the table now.
        unsafe { begin_close(entry.waker) };
    }
    Ok(())
}

fn owned(env: &Env, entry: &Entry) -> Result<()> {
    // SAFETY: inside `with` the waker is alive, and `env` is written only before it enters the table.
    if unsafe { (*entry.waker).env } == env.raw() {
        return Ok(());
    }
    Err(Error::new(
        Status::InvalidArg,
        "a waker belongs to the thread that opened it",
    ))
}

/// SAFETY: the waker must be out of the table, its handle open, and this its own thread.
unsafe fn begin_close(waker: *mut Waker) {
    // SAFETY: as the caller promises. The reference goes first: `on_woken` looks at it.
    unsafe {
        sys::napi_delete_reference((*waker).env, (*waker).on_wake);
        (*waker).on_wake = ptr::null_mut();
        uv_close((*waker).memory.as_mut_ptr().cast(), on_closed);
    }
}

unsafe extern "C" fn on_closed(handle: *mut UvHandle) {
    // SAFETY: the data was set in `open_waker` and nothing refers to the waker any more. Giving the hook back while a
    // teardown waits for it is what lets the teardown go on.
    unsafe {
        let waker = Box::from_raw(uv_handle_get_data(handle).cast::<Waker>());
        if !waker.hook.is_null() {
            sys::napi_remove_async_cleanup_hook(waker.hook);
        }
    }
}

/// The environment (a worker that ends, or is terminated) is being torn down, on its own thread.
unsafe extern "C" fn on_teardown(_hook: sys::napi_async_cleanup_hook_handle, waker: *mut c_void) {
    let waker = waker.cast::<Waker>();
    // SAFETY: the hook is given back only in `on_closed`, so the waker is alive. If it is not in the table, `close_waker`
    // has begun to close it and `on_closed` follows.
    unsafe {
        if WAKERS.remove((*waker).id).is_some() {
            begin_close(waker);
        }
    }
}

unsafe extern "C" fn on_woken(handle: *mut UvHandle) {
    // SAFETY: libuv calls on the loop's own thread, for an open handle, whose waker is therefore alive.
    unsafe {
        let waker = uv_handle_get_data(handle).cast::<Waker>();
        let env = (*waker).env;
        let mut scope = ptr::null_mut();
        if (*waker).on_wake.is_null()
            || sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok
        {
            return;
        }
        call(env, (*waker).on_wake);
        // `on_wake` may have closed the waker, so it is not looked at again.
        sys::napi_close_handle_scope(env, scope);
    }
}

/// SAFETY: on the thread of `env`, inside a handle scope.
unsafe fn call(env: sys::napi_env, on_wake: sys::napi_ref) {
    let (mut callback, mut global, mut result) =
        (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: as the caller promises; every value is of this scope.
    unsafe {
        if sys::napi_get_reference_value(env, on_wake, &mut callback) != sys::Status::napi_ok
            || sys::napi_get_global(env, &mut global) != sys::Status::napi_ok
        {
            return;
        }
        let status = sys::napi_make_callback(
            env,
            ptr::null_mut(),
            global,
            callback,
            0,
            ptr::null(),
            &mut result,
        );
        // What `on_wake` throws is an uncaught exception of its thread, as from any other callback of the loop. In a
        // worker that is being terminated there is no exception to hand on.
        let mut exception = ptr::null_mut();
        if status == sys::Status::napi_pending_exception
            && sys::napi_get_and_clear_last_exception(env, &mut exception) == sys::Status::napi_ok
        {
            sys::napi_fatal_exception(env, exception);
        }
    }
}

fn check(status: sys::napi_status, reason: &str) -> Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Error::new(Status::from(status), reason))
}
