//! The wire format of Protocol Buffers, read as a stream: unneeded payloads are skipped, not loaded.
//!
//! Source: protobuf.dev/programming-guides/encoding.

use std::io::{BufReader, Read, Seek};

/// A message that is being read: its end, in bytes from the start of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    end: u64,
}

impl Message {
    /// The outermost message of a file of `length` bytes.
    pub(super) const fn new(length: u64) -> Self {
        Self { end: length }
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A number.
    Number(u64),
    /// Number of unread bytes, four or eight.
    Fixed(u64),
    /// Number of unread bytes.
    Bytes(u64),
}

/// A reader with its position.
pub(super) struct Wire<R> {
    reader: BufReader<R>,
    position: u64,
}

impl<R: Read + Seek> Wire<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), position: 0 }
    }

    /// The next field of `message`, or `None` at its end. The caller must read or skip `Fixed` and `Bytes`.
    pub(super) fn field(&mut self, message: &mut Message) -> Result<Option<(u64, Field)>, String> {
        let Some(tag) = self.number(message)? else { return Ok(None) };
        let field = match tag & 7 {
            0 => Field::Number(self.number(message)?.ok_or_else(cut)?),
            1 => Field::Fixed(8),
            2 => Field::Bytes(self.number(message)?.ok_or_else(cut)?),
            5 => Field::Fixed(4),
            other => return Err(format!("it has a field of kind {other}: it is damaged, or no network")),
        };
        if let Field::Fixed(length) | Field::Bytes(length) = field
            && message.end.checked_sub(self.position).is_none_or(|rest| length > rest)
        {
            return Err(cut());
        }
        Ok(Some((tag >> 3, field)))
    }

    /// The message of `length` bytes that starts here, inside `outer`.
    pub(super) fn open(&self, outer: &Message, length: u64) -> Result<Message, String> {
        let end = self.position.checked_add(length).filter(|end| *end <= outer.end);
        Ok(Message { end: end.ok_or_else(cut)? })
    }

    /// A variable-length number, or `None` at the end of `message`.
    pub(super) fn number(&mut self, message: &mut Message) -> Result<Option<u64>, String> {
        if self.position == message.end {
            return Ok(None);
        }
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            if self.position >= message.end {
                return Err(cut());
            }
            let mut byte = [0];
            self.read(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(Some(value));
            }
        }
        Err("it has an endless number: it is damaged, or no network".to_owned())
    }

    /// Text of `length` bytes.
    pub(super) fn text(&mut self, length: u64, limit: u64) -> Result<String, String> {
        if length > limit {
            return Err(format!("it has a name of {length} bytes"));
        }
        let mut bytes = vec![0; length as usize];
        self.read(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| "it has a name that is no text".to_owned())
    }

    /// Skips a field's payload.
    pub(super) fn skip(&mut self, field: Field) -> Result<(), String> {
        let (Field::Fixed(length) | Field::Bytes(length)) = field else { return Ok(()) };
        self.position = self.position.checked_add(length).ok_or_else(cut)?;
        let step = i64::try_from(length).map_err(|_| cut())?;
        self.reader.seek_relative(step).map_err(|error| error.to_string())
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.position += bytes.len() as u64;
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => cut(),
            _ => error.to_string(),
        })
    }
}

fn cut() -> String {
    "it is cut, or no network".to_owned()
}
