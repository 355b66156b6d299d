//! What follows a request through the systems that it passes: `X-Request-Id`, `X-Trace-Id` and W3C
//! Trace Context (`traceparent` and `tracestate`, <https://www.w3.org/TR/trace-context-2/>).

mod state;

use std::ops::Range;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::bounds::REQUEST_ID_BYTES_MAX;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The flags that are known: sampled, and random trace id (level 2, 3.2.2.5). Others are not passed on.
const FLAGS_KNOWN: u8 = 0b11;
const SAMPLED: u8 = 0b01;
const RANDOM: u8 = 0b10;

/// The names that one request has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The client's `X-Request-Id` if it can be kept, otherwise a new one.
    pub request_id: HeaderValue,
    /// The client's `X-Trace-Id` if it can be kept, otherwise the trace id of [`Trace::parent`].
    pub trace_id: HeaderValue,
    /// What the release is told: the client's trace, or a new one, with this gateway's span as parent.
    pub parent: TraceParent,
    /// The client's span, when the trace is the client's.
    pub client_span: Option<u64>,
    /// `tracestate` as it is passed on.
    state: Option<HeaderValue>,
}

/// A `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The whole trace; never 0.
    pub trace_id: u128,
    /// One span of it; never 0.
    pub span_id: u64,
    /// The known flags; bit 0 says that the trace is sampled.
    pub flags: u8,
}

impl Trace {
    /// The names of a request. `sample` says whether a trace that begins here is sampled; one that the
    /// client began is as the client says. A `traceparent` that is not as the standard says is as none,
    /// and then `tracestate` is not read (3.3.1).
    #[must_use]
    pub fn begin(headers: &HeaderMap, sample: impl FnOnce() -> bool) -> Trace {
        let given_fields = Given::of(headers);
        let given = given_fields.parent.get().and_then(TraceParent::parse);
        let said = given_fields.trace_id.get().filter(|id| is_sane(id));
        let span_id = nonzero(rand::random);
        let parent = match given {
            Some(given) => TraceParent { span_id, ..given },
            None => TraceParent {
                // An id of the right form becomes the trace's, so that both names find the same.
                trace_id: said
                    .and_then(|id| hex(id.as_bytes(), 32))
                    .filter(|id| *id != 0)
                    .unwrap_or_else(|| {
                        u128::from(nonzero(rand::random)) << 64 | u128::from(rand::random::<u64>())
                    }),
                span_id,
                flags: match (sample(), said.is_some()) {
                    (true, false) => SAMPLED | RANDOM,
                    (false, false) => RANDOM,
                    (true, true) => SAMPLED,
                    (false, true) => 0,
                },
            },
        };
        let request_id = given_fields.request_id.get().filter(|id| is_sane(id));
        // One piece of memory for both ids.
        let mut made = [b'0'; 64];
        digits(&rand::random::<u128>().to_be_bytes(), &mut made[..32]);
        digits(&parent.trace_id.to_be_bytes(), &mut made[32..]);
        let made = match (request_id, said) {
            (Some(_), Some(_)) => Bytes::new(),
            _ => Bytes::copy_from_slice(&made),
        };
        let own = |place: Range<usize>| ascii(made.slice(place));
        Trace {
            request_id: once(request_id.cloned().unwrap_or_else(|| own(0..32))),
            trace_id: once(said.cloned().unwrap_or_else(|| own(32..64))),
            parent,
            client_span: given.map(|given| given.span_id),
            state: given
                .filter(|_| given_fields.has_state)
                .and_then(|_| state::pass_on(headers.get_all(TRACESTATE).iter())),
        }
    }

    /// The names of a request in a gateway that makes no spans: the client's `traceparent` goes on as it is, so
    /// that what the release reports hangs on the client's span and not on one that nobody knows.
    #[must_use]
    pub fn pass(headers: &HeaderMap) -> Trace {
        let mut trace = Trace::begin(headers, || false);
        if let Some(span_id) = trace.client_span {
            trace.parent.span_id = span_id;
        }
        trace
    }

    /// Sets what the release is told.
    pub fn set_request(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request_id.clone());
        headers.insert(TRACE_ID, self.trace_id.clone());
        headers.insert(TRACEPARENT, self.parent.header());
        match &self.state {
            Some(state) => headers.insert(TRACESTATE, state.clone()),
            None => headers.remove(TRACESTATE),
        };
    }

    /// Sets what the client is told: the request's id and the trace's.
    pub fn set_answer(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request_id.clone());
        headers.insert(TRACE_ID, self.trace_id.clone());
    }

    /// Sets what the release is told to the span of one attempt; the other fields stay.
    pub(crate) fn set_attempt(&self, headers: &mut HeaderMap, span_id: u64) {
        let attempt = TraceParent {
            span_id,
            ..self.parent
        };
        headers.insert(TRACEPARENT, attempt.header());
    }

    /// `tracestate` as it is passed on; empty without any.
    pub(crate) fn state(&self) -> &str {
        let state = self.state.as_ref();
        state
            .and_then(|state| state.to_str().ok())
            .unwrap_or_default()
    }

    /// The id of the trace as logs have it.
    pub(crate) fn trace_id(&self) -> &str {
        self.trace_id.to_str().unwrap_or_default()
    }

    /// The request's id as text.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }
}

impl TraceParent {
    /// Reads a header value (3.2). Of later versions what version 00 has is read (4.3).
    #[must_use]
    pub fn parse(value: &HeaderValue) -> Option<TraceParent> {
        let value = value.as_bytes();
        let (known, rest) = value.split_at_checked(55)?;
        let [v0, v1, b'-', ids @ ..] = known else {
            return None;
        };
        let version = hex(&[*v0, *v1], 2)?;
        let longer = !rest.is_empty();
        if version == 0xff || (version == 0 && longer) || (longer && rest.first() != Some(&b'-')) {
            return None;
        }
        let mut parts = ids.splitn(3, |byte| *byte == b'-');
        let trace_id = hex(parts.next()?, 32)?;
        let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
        (trace_id != 0 && span_id != 0).then_some(TraceParent {
            trace_id,
            span_id,
            flags: flags & FLAGS_KNOWN,
        })
    }

    /// Whether the trace is sampled.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// An id for a new span.
    pub(crate) fn new_span_id() -> u64 {
        nonzero(rand::random)
    }

    /// The header value, of version 00.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        let mut text = *b"00-................................-................-..";
        digits(&self.trace_id.to_be_bytes(), &mut text[3..35]);
        digits(&self.span_id.to_be_bytes(), &mut text[36..52]);
        digits(&[self.flags], &mut text[53..]);
        once(ascii(Bytes::copy_from_slice(&text)))
    }
}

/// What the client says, found in one pass.
#[derive(Default)]
struct Given<'a> {
    parent: Single<'a>,
    request_id: Single<'a>,
    trace_id: Single<'a>,
    has_state: bool,
}

/// The value of a field that is there once.
#[derive(Default)]
enum Single<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    Several,
}

impl<'a> Given<'a> {
    fn of(headers: &'a HeaderMap) -> Given<'a> {
        let mut given = Given::default();
        for (name, value) in headers {
            match name.as_str() {
                "traceparent" => given.parent.add(value),
                "x-request-id" => given.request_id.add(value),
                "x-trace-id" => given.trace_id.add(value),
                "tracestate" => given.has_state = true,
                _ => {}
            }
        }
        given
    }
}

impl<'a> Single<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = match self {
            Single::None => Single::One(value),
            Single::One(_) | Single::Several => Single::Several,
        };
    }

    fn get(&self) -> Option<&'a HeaderValue> {
        match self {
            Single::One(value) => Some(value),
            Single::None | Single::Several => None,
        }
    }
}

/// Whether an id of a client can go into logs and headers as it is.
fn is_sane(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=~@".contains(byte);
    (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(sane)
}

/// A number of exactly `digits` hexadecimal digits in lower case.
fn hex(text: &[u8], digits: usize) -> Option<u128> {
    if text.len() != digits {
        return None;
    }
    text.iter().try_fold(0_u128, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

fn nonzero(random: impl Fn() -> u64) -> u64 {
    random().max(1)
}

/// Writes a number in hexadecimal, for which there must be room: two digits for each byte.
fn digits(number: &[u8], text: &mut [u8]) {
    debug_assert_eq!(number.len() * 2, text.len());
    for (byte, pair) in number.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 0xf)];
    }
}

/// The header value of digits and dashes, which can always be one.
fn ascii(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

/// A value that no other request has. In HTTP/2 it would push what repeats out of the table of known fields, so it
/// is kept out of it (RFC 7541, 6.2.3), which is what `sensitive` says.
fn once(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests;
