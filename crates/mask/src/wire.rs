//! Where text travels in the messages of LLM applications, and what is done with it.
//!
//! A [`Wire`] is the table of one adapter: Dify in its two versions, OpenAI-compatible services, Anthropic, or JSON
//! pointers of one's own. For a request it gives an [`Exchange`]: which strings of the body and which parameters of the
//! query are to be masked ([`RequestPlan`]), and what is to be restored in the answer ([`AnswerPlan`]). A path that no
//! table names is [`RequestPlan::Unknown`]: whoever forwards it would forward what nobody looked at.
//!
//! [`mask_json`], [`mask_form`], [`mask_query`] and [`unmask_json`] do it for whole bodies, [`EventStream`] for answers that come as
//! events. What is done with one text is up to a [`Mask`] and an [`Unmask`].
//!
//! Where all of an answer is to be looked through ([`Unmasks::stray`]), so is what no table names: other fields and names, events
//! that nobody knows, and text that is neither.
//!
//! Choices that hold for all adapters:
//! - In requests to the applications that are known, what no rule names is text, and so are names of members that no table
//!   has. Ids, types, roles and what the tables leave stay.
//! - Other names (keys) are left, except within JSON that people or models made up ([`Treatment::FreeText`]).
//! - Numbers pass. Where a number is a token of a text ([`Treatment::TextOrTokens`]), the request is refused.
//! - Probabilities of tokens (`logprobs`) become `null` when the text they describe was changed.
//! - Thinking that an Anthropic model signed passes as it is, both ways: its signature covers the placeholders.
//! - Files within JSON, as base64 or `data:` URLs, are treated as those of forms are (`file`).
//! - Sound passes. Text spoken from an answer says the placeholders.
//!
//! [`Treatment::FreeText`]: crate::json::Treatment::FreeText
//! [`Treatment::TextOrTokens`]: crate::json::Treatment::TextOrTokens

mod adapter;
mod anthropic;
mod body;
mod dify;
mod error_event;
mod event_stream;
mod exchange;
mod file;
mod form;
mod names;
mod openai;
mod path;
mod pointers;
mod restoring;
mod route;
mod rules;
mod strays;
mod texts;
mod version;

pub use adapter::{Adapter, TokenArrays, Wire, WireOptions};
pub use body::{BodyError, BodyOptions, Documents, Mask, mask_json, mask_query, unmask_json};
pub use dify::DifyVersion;
pub use error_event::StreamError;
pub use event_stream::{EventCounts, EventStream, Identifiers};
pub use exchange::{AnswerPlan, Exchange, RequestPlan};
pub use form::{FormError, FormErrorKind, FormPlan, FormReport, mask_form};
pub use pointers::PointerRules;
pub use restoring::{Encoding, Unmask, Unmasks};
pub use rules::EventRules;
pub use version::{Detected, version_of_header, version_of_welcome};

#[cfg(test)]
mod tests;
