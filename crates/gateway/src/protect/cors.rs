//! Which pages of other origins may use a route: the server's side of the Fetch standard's CORS
//! protocol (3.2).
//!
//! A route with these settings answers for its release: what the release says about CORS is taken out
//! of its answers. A route without them leaves answers alone; then there is no [`Cors`].

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, StatusCode};
use portcullis_config::CorsConfig;

use super::Denial;

const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");
const OWNED: [HeaderName; 7] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
    ALLOW_PRIVATE_NETWORK,
];
const PREFLIGHT_VARY: &str =
    "origin, access-control-request-method, access-control-request-headers";

/// The settings, ready to be put into answers.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: Vec<HeaderValue>,
    any: bool,
    methods: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    credentials: bool,
    max_age: HeaderValue,
}

/// What to do with a request.
#[derive(Debug)]
pub enum CorsDecision {
    /// It is a preflight by a page that may use the route: it is answered with 204 and these header
    /// fields, and not sent on.
    Preflight(Vec<(HeaderName, HeaderValue)>),
    /// It is a preflight by a page that may not: this is the answer, and it is not sent on.
    Refused(Denial),
    /// It is sent on, and its answer is changed by [`Cors::set_answer`] with this value: the origin of a
    /// page that may read the answer.
    SendOn(Option<HeaderValue>),
}

impl Cors {
    /// What the settings say. `*` among the origins admits all, and then without credentials, whatever
    /// the settings say about those: the standard knows no other way, and echoing any origin together
    /// with credentials would let every page act as the user.
    #[must_use]
    pub fn new(config: &CorsConfig) -> Cors {
        let any = config.origins.iter().any(|origin| origin == "*");
        let values = config.origins.iter();
        Cors {
            origins: values
                .filter_map(|v| HeaderValue::from_str(v).ok())
                .collect(),
            any,
            methods: list(&config.methods),
            headers: list(&config.headers),
            expose: list(&config.expose),
            credentials: config.credentials && !any,
            max_age: HeaderValue::from(config.max_age_s),
        }
    }

    /// The method that a preflight asks about; `None` for any other request. A request for which there is one is never
    /// sent on by [`Cors::decide`], of whichever route: so it may be given to a route that takes no `OPTIONS`.
    #[must_use]
    pub fn asked_method(method: &Method, headers: &HeaderMap) -> Option<Method> {
        if method != Method::OPTIONS {
            return None;
        }
        only(headers, &ORIGIN)?;
        let asked = only(headers, &ACCESS_CONTROL_REQUEST_METHOD)?;
        Method::from_bytes(asked.as_bytes()).ok()
    }

    /// What to do with a request.
    ///
    /// Requests of other origins that are no preflight are always sent on, as without a gateway: the
    /// browser keeps the answer from a page that may not read it, and an `Origin` comes with requests
    /// of the same origin too. Whether the method and the headers that a preflight asks for are allowed
    /// is for the browser to compare. Access to private networks
    /// (`Access-Control-Request-Private-Network`) is never granted.
    #[must_use]
    pub fn decide(&self, method: &Method, headers: &HeaderMap) -> CorsDecision {
        let Some(origin) = only(headers, &ORIGIN) else {
            return CorsDecision::SendOn(None);
        };
        let allowed = self.any || self.origins.contains(origin);
        let preflight =
            method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        match (preflight, allowed) {
            (true, true) => CorsDecision::Preflight(self.preflight(origin)),
            (true, false) => CorsDecision::Refused(refusal()),
            (false, true) => CorsDecision::SendOn(Some(origin.clone())),
            (false, false) => CorsDecision::SendOn(None),
        }
    }

    /// Changes an answer of the release, or the gateway's own. `origin` is what
    /// [`CorsDecision::SendOn`] said.
    pub fn set_answer(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        for name in OWNED {
            headers.remove(name);
        }
        if !self.any {
            // Also an answer to a request without `Origin`: it may be kept and shown to one with.
            add_vary_origin(headers);
        }
        let Some(origin) = origin else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin(origin));
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if let Some(expose) = &self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    fn preflight(&self, origin: &HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
        let credentials = self.credentials.then(|| HeaderValue::from_static("true"));
        let fields = [
            (ACCESS_CONTROL_ALLOW_ORIGIN, Some(self.origin(origin))),
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials),
            (ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone()),
            (ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone()),
            (ACCESS_CONTROL_MAX_AGE, Some(self.max_age.clone())),
            (VARY, Some(HeaderValue::from_static(PREFLIGHT_VARY))),
        ];
        let fields = fields.into_iter();
        fields
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// The value that admits `origin`, which is one that may.
    fn origin(&self, origin: &HeaderValue) -> HeaderValue {
        match self.any {
            true => HeaderValue::from_static("*"),
            false => origin.clone(),
        }
    }
}

/// The value of a field that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn refusal() -> Denial {
    Denial {
        status: StatusCode::FORBIDDEN,
        kind: "urn:portcullis:problem:origin-not-admitted",
        title: "Not open to pages of this origin",
        detail: "pages of this origin may not use this route",
        cause: "origin",
        headers: vec![(VARY, HeaderValue::from_static(PREFLIGHT_VARY))],
    }
}

fn list(values: &[String]) -> Option<HeaderValue> {
    match values.is_empty() {
        true => None,
        false => HeaderValue::try_from(values.join(", ")).ok(),
    }
}

/// Adds `origin` to `Vary` unless it, or `*`, is there.
fn add_vary_origin(headers: &mut HeaderMap) {
    let lines = headers.get_all(VARY).into_iter();
    let mut names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let there = names.any(|name| {
        let name = name.trim_ascii();
        name == b"*" || name.eq_ignore_ascii_case(b"origin")
    });
    if !there {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

#[cfg(test)]
mod tests;
