//! What Node loads as guildhall-core.node. It converts only: wakers are in `wake`, compression in `deflate`, and what they
//! do is in the crates that know no N-API.
//!
//! Every export is `#[napi(catch_unwind)]`: without it a panic ends the whole process. native/exports.test.ts checks that.

mod deflate;
mod wake;

use napi_derive::napi;

/// Raised whenever an export changes, so that native/binding.ts refuses a file built from other sources than its own.
const INTERFACE: u32 = 1;

#[napi(catch_unwind)]
pub fn interface_version() -> u32 {
    INTERFACE
}
