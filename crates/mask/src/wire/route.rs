//! One line of an adapter's table: a path and what travels in its requests and answers.

use crate::json::Treatment;

/// Field rules as a table holds them: the first path that fits decides.
pub(super) type Fields = &'static [(Treatment, &'static [&'static str])];

/// What a form holds, as a table says it; see [`FormPlan`](super::FormPlan).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FormSpec {
    /// Parts whose text is masked.
    pub(super) texts: &'static [&'static str],
    /// Parts that hold JSON, with its fields.
    pub(super) json: &'static [(&'static str, Fields)],
    /// Files whose content goes to a model.
    pub(super) files: &'static [&'static str],
    /// Files that hold sound or pictures.
    pub(super) media: &'static [&'static str],
    /// Parts that are left.
    pub(super) left: &'static [&'static str],
}

/// A path with its methods and what travels there.
#[derive(Clone, Debug)]
pub(super) struct RouteSpec {
    pub(super) methods: &'static str,
    pub(super) path: &'static str,
    pub(super) request: BodySpec,
    pub(super) query: &'static [&'static str],
    pub(super) answer: AnswerSpec,
}

/// A request's body.
#[derive(Clone, Debug)]
pub(super) enum BodySpec {
    /// There is none, or nothing in it is text.
    Nothing,
    Json(Fields),
    Form(FormSpec),
}

/// An answer's body.
#[derive(Clone, Debug)]
pub(super) enum AnswerSpec {
    /// Nothing in it is text that could hold placeholders.
    Pass,
    /// JSON, and with `streams` events when asked for.
    Json { fields: Fields, streams: bool },
    /// JSON or plain text, as asked for.
    JsonOrText(Fields),
}

/// A line that says: methods (with spaces between), path; nothing to mask, nothing to restore.
pub(super) fn route(methods: &'static str, path: &'static str) -> RouteSpec {
    RouteSpec {
        methods,
        path,
        request: BodySpec::Nothing,
        query: &[],
        answer: AnswerSpec::Pass,
    }
}

impl RouteSpec {
    /// Its body is JSON with these fields.
    pub(super) fn json(mut self, fields: Fields) -> RouteSpec {
        self.request = BodySpec::Json(fields);
        self
    }

    /// Its body is a form.
    pub(super) fn form(mut self, spec: FormSpec) -> RouteSpec {
        self.request = BodySpec::Form(spec);
        self
    }

    /// These parameters of its query are text.
    pub(super) fn query(mut self, names: &'static [&'static str]) -> RouteSpec {
        self.query = names;
        self
    }

    /// It answers JSON with these fields.
    pub(super) fn answers(mut self, fields: Fields) -> RouteSpec {
        self.answer = AnswerSpec::Json {
            fields,
            streams: false,
        };
        self
    }

    /// It answers JSON with these fields, or events.
    pub(super) fn streams(mut self, fields: Fields) -> RouteSpec {
        self.answer = AnswerSpec::Json {
            fields,
            streams: true,
        };
        self
    }

    /// It answers JSON with these fields, or plain text.
    pub(super) fn answers_or_text(mut self, fields: Fields) -> RouteSpec {
        self.answer = AnswerSpec::JsonOrText(fields);
        self
    }
}
