//! Encrypting while it is written, and opening while it is read. Both keep one piece of 64 KiB in memory.

use std::io::{self, BufReader, Read, Write};

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor};

use crate::Encryption;
use crate::bounds::CHUNK_BYTES;

/// A writer that encrypts, or does not.
pub(crate) enum SealedWriter<W: Write> {
    Plain(W),
    Sealed(Box<StreamWriter<W>>),
}

/// Why something encrypted cannot be read.
pub(crate) enum NotOpened {
    /// No key opens it.
    NoKey,
    /// It is not what was written, or cannot be read.
    Damaged(String),
}

impl<W: Write> SealedWriter<W> {
    /// Encrypts for the recipients, if there are any.
    pub(crate) fn new(to: W, encryption: &Encryption) -> io::Result<Self> {
        if !encryption.encrypts() {
            return Ok(Self::Plain(to));
        }
        let encryptor = Encryptor::with_recipients(encryption.parties());
        let writer = encryptor.map_err(io::Error::other)?.wrap_output(to)?;
        Ok(Self::Sealed(Box::new(writer)))
    }

    /// Writes the end. What is left out of that is found to be cut off.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(to) => Ok(to),
            Self::Sealed(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(buffer),
            Self::Sealed(writer) => writer.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            Self::Sealed(writer) => writer.flush(),
        }
    }
}

/// Opens what was encrypted: reads its header and tries every identity.
pub(crate) fn open<R: Read>(
    from: R,
    encryption: &Encryption,
) -> Result<StreamReader<BufReader<R>>, NotOpened> {
    let from = BufReader::with_capacity(CHUNK_BYTES, from);
    let opened = Decryptor::new_buffered(from).and_then(|found| found.decrypt(encryption.keys()));
    opened.map_err(|error| match error {
        DecryptError::NoMatchingKeys => NotOpened::NoKey,
        DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            NotOpened::Damaged("it ends in its header".to_owned())
        }
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => {
            NotOpened::Damaged("its header is not one of age".to_owned())
        }
        DecryptError::InvalidMac => NotOpened::Damaged(
            "its header was changed: the code that covers it is wrong".to_owned(),
        ),
        other => NotOpened::Damaged(other.to_string()),
    })
}
