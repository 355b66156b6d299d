//! Why a compressed body cannot be looked into.

use super::Coding;

/// A body that is not decoded. No variant holds a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodingError {
    /// A coding that is not understood.
    #[error(
        "the body has a content coding that is not understood; send it with gzip, deflate, br or zstd, or without any"
    )]
    Unknown,
    /// More codings than are undone.
    #[error("the body has more than {most} content codings one upon the other; send it with fewer")]
    TooMany {
        /// The most codings.
        most: usize,
    },
    /// Bytes that are not of the coding, or a wrong checksum.
    #[error("the body is not valid {coding}")]
    Invalid {
        /// The coding.
        coding: Coding,
    },
    /// The body ends too early.
    #[error("the body ends within its {coding} data")]
    Truncated {
        /// The coding.
        coding: Coding,
    },
    /// Something behind the end.
    #[error("something follows the {coding} data of the body")]
    Trailing {
        /// The coding.
        coding: Coding,
    },
    /// More than may come out.
    #[error("the body is longer than {bytes_max} bytes when it is decoded")]
    TooLong {
        /// The most bytes.
        bytes_max: usize,
    },
    /// There is no memory for a decoder.
    #[error("there is no memory to decode the body")]
    NoMemory,
}

impl std::fmt::Display for Coding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        })
    }
}
