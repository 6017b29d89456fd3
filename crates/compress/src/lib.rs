//! The transport compression of a gateway connection: one zlib stream (RFC 1950) for the connection's life, flushed after
//! every message (Z_SYNC_FLUSH), so that each output ends in 00 00 FF FF and can be inflated on its own arrival.
//!
//! A stream costs 312 KiB of memory at its default window (32 KiB) and memory level.

#![forbid(unsafe_code)]

use std::fmt;
use zlib_rs::{Deflate, DeflateFlush, Status};

/// log2 of the window: 32 KiB, what every inflater expects of "zlib-stream".
const WINDOW_BITS: u8 = 15;
pub const LEVEL_MIN: i32 = 1;
pub const LEVEL_MAX: i32 = 9;

#[derive(Debug, PartialEq, Eq)]
pub enum StreamError {
    /// The level is outside LEVEL_MIN..=LEVEL_MAX. 0 (stored) is refused: it would only make messages longer.
    Level(i32),
    /// An empty message has no output that could end in 00 00 FF FF.
    EmptyInput,
    /// `output` was smaller than `output_bound(input.len())`.
    OutputTooSmall,
    /// An earlier call failed, so the receiver's window and ours differ.
    Broken,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => write!(
                f,
                "compression level {level} is outside {LEVEL_MIN} to {LEVEL_MAX}"
            ),
            Self::EmptyInput => f.write_str("an empty message can't be compressed"),
            Self::OutputTooSmall => {
                f.write_str("the output buffer is smaller than the message's bound")
            }
            Self::Broken => {
                f.write_str("the stream failed before; its connection has to be closed")
            }
        }
    }
}

impl std::error::Error for StreamError {}

/// Bytes that `compress` may need at most for `input` bytes. The worst case is level 1's fixed Huffman code with 9 bits for
/// an 8-bit literal (9/8), then header, block ends and flush marker; a quarter and 1 KiB is more than all of that.
pub const fn output_bound(input: usize) -> usize {
    input + input / 4 + 1024
}

pub struct Stream {
    deflate: Deflate,
    broken: bool,
}

impl Stream {
    pub fn new(level: i32) -> Result<Self, StreamError> {
        if !(LEVEL_MIN..=LEVEL_MAX).contains(&level) {
            return Err(StreamError::Level(level));
        }
        Ok(Self {
            deflate: Deflate::new(level, true, WINDOW_BITS),
            broken: false,
        })
    }

    /// Compresses one message whole and flushes. Returns how many bytes of `output` were written.
    pub fn compress(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, StreamError> {
        if self.broken {
            return Err(StreamError::Broken);
        }
        if input.is_empty() {
            return Err(StreamError::EmptyInput);
        }
        if output.len() < output_bound(input.len()) {
            return Err(StreamError::OutputTooSmall);
        }
        let (read, written) = (self.deflate.total_in(), self.deflate.total_out());
        let status = self
            .deflate
            .compress(input, output, DeflateFlush::SyncFlush);
        let read = (self.deflate.total_in() - read) as usize;
        let written = (self.deflate.total_out() - written) as usize;
        // A flush is complete only when it left room in the output.
        if status != Ok(Status::Ok) || read != input.len() || written >= output.len() {
            self.broken = true;
            return Err(StreamError::Broken);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zlib_rs::{Inflate, InflateFlush};

    /// xorshift64*: bytes that don't compress, the same in every run.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed;
        (0..length)
            .map(|_| {
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
            })
            .collect()
    }

    fn round_trip(level: i32, messages: &[Vec<u8>]) {
        let mut stream = Stream::new(level).unwrap();
        let mut inflate = Inflate::new(true, WINDOW_BITS);
        for (index, message) in messages.iter().enumerate() {
            let mut output = vec![0; output_bound(message.len())];
            let written = stream.compress(message, &mut output).unwrap();
            let frame = &output[..written];
            assert!(
                frame.ends_with(&[0, 0, 0xff, 0xff]),
                "level {level}, message {index}"
            );
            let mut back = vec![0; message.len() + 1];
            let before = inflate.total_out();
            inflate
                .decompress(frame, &mut back, InflateFlush::SyncFlush)
                .unwrap();
            let length = (inflate.total_out() - before) as usize;
            assert_eq!(
                &back[..length],
                &message[..],
                "level {level}, message {index}"
            );
        }
    }

    #[test]
    fn every_message_inflates_on_its_own_arrival_at_every_level() {
        let text = |n: usize| {
            format!("{{\"op\":0,\"s\":{n},\"t\":\"MESSAGE_CREATE\"}}")
                .repeat(1 + n * 7)
                .into_bytes()
        };
        for level in LEVEL_MIN..=LEVEL_MAX {
            let messages: Vec<_> = (0..40).map(text).collect();
            round_trip(level, &messages);
        }
    }

    #[test]
    fn the_bound_holds_for_noise_of_every_size_at_every_level() {
        for level in LEVEL_MIN..=LEVEL_MAX {
            let sizes = [
                1, 2, 5, 63, 64, 65, 1000, 16_383, 16_384, 32_768, 65_535, 65_536, 300_000,
            ];
            let messages: Vec<_> = sizes
                .iter()
                .map(|&size| noise(level as u64 * 1000 + size as u64, size))
                .collect();
            round_trip(level, &messages);
        }
    }

    #[test]
    fn bytes_that_cost_nine_bits_each_stay_within_the_bound() {
        // Bytes of 144 and more cost 9 bits in the fixed code.
        let high: Vec<u8> = noise(7, 200_000)
            .into_iter()
            .map(|byte| 144 + byte % 112)
            .collect();
        round_trip(1, &[high.clone(), high]);
    }

    #[test]
    fn refuses_what_it_cannot_do_and_stays_usable() {
        assert_eq!(Stream::new(0).err(), Some(StreamError::Level(0)));
        assert_eq!(Stream::new(10).err(), Some(StreamError::Level(10)));
        let mut stream = Stream::new(6).unwrap();
        let mut output = vec![0; output_bound(5)];
        assert_eq!(
            stream.compress(b"", &mut output),
            Err(StreamError::EmptyInput)
        );
        assert_eq!(
            stream.compress(b"hello", &mut [0; 4]),
            Err(StreamError::OutputTooSmall)
        );
        assert!(stream.compress(b"hello", &mut output).is_ok());
    }
}
