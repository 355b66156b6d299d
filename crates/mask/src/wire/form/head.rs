//! The header fields of a part.

use std::borrow::Cow;
use std::ops::Range;

use super::content_type::media_type;
use super::error::FormErrorKind;
use super::parameters::{Parameter, Parameters, is_token};
use super::parts::Fault;

/// What the header fields of a part say.
#[derive(Debug, Default)]
pub(super) struct Head<'b> {
    /// The name of the part.
    pub(super) name: &'b str,
    /// Every spelling of the file's name, in their order.
    pub(super) file_names: Vec<FileName<'b>>,
    /// Whether it is a file.
    pub(super) is_file: bool,
    /// The media type in lower case; empty when none is given.
    pub(super) media: String,
    /// The character set of the media type.
    pub(super) charset: Option<&'b str>,
    /// The length, and where it stands.
    pub(super) length: Option<(usize, Range<usize>)>,
    /// What cannot change and may hold anything: other parameters, the media type, and other fields with their names.
    pub(super) fixed: Vec<&'b str>,
}

/// One spelling of a file's name.
#[derive(Debug)]
pub(super) struct FileName<'b> {
    /// What it says.
    pub(super) text: Cow<'b, str>,
    /// How it is spelled.
    pub(super) spelling: Spelling,
    /// Where it stands in the body, with its quotes.
    pub(super) range: Range<usize>,
}

/// How a file's name is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is, with or without quotes.
    Plain,
    /// As `UTF-8''...` (RFC 8187).
    Extended,
}

/// One header field and its place.
struct Field<'b> {
    value: &'b str,
    /// Where the value begins in the body.
    at: usize,
}

/// The fields that matter.
#[derive(Default)]
struct Fields<'b> {
    disposition: Option<Field<'b>>,
    content_type: Option<Field<'b>>,
    transfer_encoding: Option<Field<'b>>,
    content_encoding: Option<Field<'b>>,
    length: Option<Field<'b>>,
    /// Lines of which nothing is known.
    others: Vec<&'b str>,
}

impl<'b> Head<'b> {
    /// Reads the header fields that stand in this range of the body.
    ///
    /// # Errors
    /// When they are not in a strict spelling, or say that the content is encoded.
    pub(super) fn read(body: &'b [u8], range: Range<usize>) -> Result<Head<'b>, Fault> {
        let start = range.start;
        let fields = Fields::read(body, range)?;
        let disposition = fields.disposition.as_ref();
        let disposition = disposition.ok_or((FormErrorKind::Disposition, start))?;
        let mut head = Head {
            fixed: fields.others.clone(),
            ..Head::default()
        };
        head.take_disposition(disposition)
            .ok_or((FormErrorKind::Disposition, disposition.at))?;
        if let Some(field) = &fields.content_type {
            head.take_type(field)
                .ok_or((FormErrorKind::PartType, field.at))?;
            if ["multipart/", "message/"]
                .iter()
                .any(|kind| head.media.starts_with(kind))
            {
                return Err((FormErrorKind::Nested, field.at));
            }
        }
        if let Some(field) = &fields.content_encoding
            && !field.value.eq_ignore_ascii_case("identity")
        {
            return Err((FormErrorKind::Encoding, field.at));
        }
        if let Some(field) = &fields.transfer_encoding
            && !["binary", "8bit", "7bit"]
                .iter()
                .any(|known| field.value.eq_ignore_ascii_case(known))
        {
            return Err((FormErrorKind::Encoding, field.at));
        }
        if let Some(field) = &fields.length {
            let digits = field.value;
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let length = digits.parse().ok().filter(|_| is_number);
            let length = length.ok_or((FormErrorKind::Length, field.at))?;
            head.length = Some((length, field.at..field.at + digits.len()));
        }
        head.file_names.sort_by_key(|name| name.range.start);
        Ok(head)
    }

    /// Takes the name and the file's name; none when parsers would read it in different ways.
    fn take_disposition(&mut self, field: &Field<'b>) -> Option<()> {
        let parameters = Parameters::read(field.value)?;
        if !parameters.first.eq_ignore_ascii_case("form-data") {
            return None;
        }
        self.name = parameters.get("name")?;
        for parameter in &parameters.all {
            let name = parameter.name.to_ascii_lowercase();
            match name.as_str() {
                "filename" => self.add_plain(parameter, field.at),
                "filename*" => self.file_names.push(FileName {
                    text: Cow::Owned(extended(parameter.value)?),
                    spelling: Spelling::Extended,
                    range: shifted(&parameter.range, field.at),
                }),
                _ if name.contains('*') => return None,
                "name" => continue,
                _ => {
                    self.fixed.extend([parameter.name, parameter.value]);
                    continue;
                }
            }
            self.is_file = true;
        }
        Some(())
    }

    /// Takes the media type; none when it is malformed.
    fn take_type(&mut self, field: &Field<'b>) -> Option<()> {
        let parameters = Parameters::read(field.value)?;
        if parameters.all.iter().any(|one| one.name.contains('*')) {
            return None;
        }
        self.media = media_type(parameters.first)?;
        self.charset = parameters.get("charset");
        self.fixed.push(parameters.first);
        for one in &parameters.all {
            match one.name.eq_ignore_ascii_case("name") {
                true => self.add_plain(one, field.at),
                false => self.fixed.extend([one.name, one.value]),
            }
        }
        Some(())
    }

    fn add_plain(&mut self, parameter: &Parameter<'b>, at: usize) {
        self.file_names.push(FileName {
            text: Cow::Borrowed(parameter.value),
            spelling: Spelling::Plain,
            range: shifted(&parameter.range, at),
        });
    }
}

impl<'b> Fields<'b> {
    /// The fields of a head.
    fn read(body: &'b [u8], range: Range<usize>) -> Result<Fields<'b>, Fault> {
        let mut fields = Fields::default();
        let mut at = range.start;
        let head = &body[range];
        let Some(lines) = std::str::from_utf8(head).ok().and_then(|head| {
            let lines = head.strip_suffix("\r\n")?;
            Some(lines.split("\r\n"))
        }) else {
            return Err((FormErrorKind::Header, at));
        };
        for line in lines {
            let fault = (FormErrorKind::Header, at);
            let (name, value) = line.split_once(':').ok_or(fault)?;
            if !is_token(name) || value.chars().any(char::is_control) {
                return Err(fault);
            }
            let shown = value.trim_start_matches(' ');
            let field = Field {
                value: shown.trim_end_matches(' '),
                at: at + line.len() - shown.len(),
            };
            match fields.place(name) {
                None => fields.others.push(line),
                Some(place) => match place.replace(field) {
                    None => {}
                    Some(_) => return Err((FormErrorKind::RepeatedHeader, at)),
                },
            }
            at += line.len() + 2;
        }
        Ok(fields)
    }

    /// Where a field goes, if it matters.
    fn place(&mut self, name: &str) -> Option<&mut Option<Field<'b>>> {
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" => Some(&mut self.disposition),
            "content-type" => Some(&mut self.content_type),
            "content-transfer-encoding" => Some(&mut self.transfer_encoding),
            "content-encoding" => Some(&mut self.content_encoding),
            "content-length" => Some(&mut self.length),
            _ => None,
        }
    }
}

/// A range from another beginning.
fn shifted(range: &Range<usize>, at: usize) -> Range<usize> {
    range.start + at..range.end + at
}

/// The text of a value like `UTF-8'en'a%20b`.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") || encoded.contains('\'') {
        return None;
    }
    let decoded = super::pairs::decoded(encoded.as_bytes(), false).ok()?;
    let text = String::from_utf8(decoded.into_owned()).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}
