//! A connection's zlib stream as a JavaScript class.

use guildhall_compress::Stream;
use napi::bindgen_prelude::Uint8ArraySlice;
use napi::{Error, Result, Status};
use napi_derive::napi;

#[napi]
pub struct Deflate {
    /// None after `close`: the 312 KiB are given back at once, not when the garbage collector comes by.
    stream: Option<Stream>,
}

#[napi]
impl Deflate {
    #[napi(constructor, catch_unwind)]
    pub fn new(level: i32) -> Result<Self> {
        let stream = Stream::new(level).map_err(invalid)?;
        Ok(Self {
            stream: Some(stream),
        })
    }

    /// Compresses `input` whole into the beginning of `output`, flushed; returns how many bytes that are. `output` is the
    /// scratch buffer of native/deflate.ts: its thread's own, never shared, and never where `input` lies.
    #[napi(catch_unwind)]
    pub fn compress(&mut self, input: &[u8], mut output: Uint8ArraySlice<'_>) -> Result<u32> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        // SAFETY: as said above, nothing else reads or writes the buffer while this call runs.
        let output = unsafe { output.as_mut() };
        Ok(stream.compress(input, output).map_err(invalid)? as u32)
    }

    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.stream = None;
    }
}

fn invalid(error: impl std::error::Error) -> Error {
    Error::new(Status::InvalidArg, error.to_string())
}

fn closed() -> Error {
    Error::new(Status::InvalidArg, "the stream is closed")
}
