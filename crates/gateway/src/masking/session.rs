//! The mapping of one request: found by the ids that the request names, kept before the request is sent, and bound to the
//! ids that its answer names.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_mask::json::{Document, JsonLimits};
use portcullis_mask::wire::{Exchange, Identifiers};
use portcullis_mask::{Counts, Limits, Mapping, RequestValues, RestoreCounts, Vocabulary};
use tokio::task::JoinHandle;

use super::counters::MaskingBlock;
use super::record::{self, Owner, Place, PlaceKind, RecordError};
use super::{AuditNote, MaskProfile, MaskingRefusal, Tenant, Work, Worked};
use crate::arm::ArmState;
use crate::bounds::{MASKING_PAUSE_MS_MAX, MASKING_TURN_MS_MAX};
use crate::clock;
use crate::conversations::{Conversations, Saved, Turn};
use crate::observe::line_limit;

/// The ids that a request names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct NamedIds {
    /// The conversation.
    pub(crate) conversation: Option<String>,
    /// A message of it.
    pub(crate) message: Option<String>,
    /// A run of a workflow.
    pub(crate) run: Option<String>,
    /// A response that it is about or goes on from.
    pub(crate) response: Option<String>,
    /// The application keeps the history of what the request belongs to.
    pub(crate) has_history: bool,
    /// Whether it begins a response that is kept and named by the answer.
    begins_response: bool,
    /// It belongs to nothing smaller than all of the tenant's.
    pub(crate) is_tenants: bool,
    /// It leaves a file with the application, which will stand in conversations that have mappings of their own.
    pub(crate) is_upload: bool,
}

/// One request's mapping.
pub(crate) struct Session {
    profile: Arc<MaskProfile>,
    kept: Option<Arc<Conversations>>,
    tenant: Tenant,
    limits: Limits,
    ids: NamedIds,
    mapping: Mapping,
    /// Where the mapping is kept; `None` for one that nobody has named yet.
    place: Option<Place>,
    /// The version of its record, 0 if it has none.
    version: u64,
    /// The ids that lead to it already.
    bound: Vec<Place>,
    /// What the audit is told of the request and its answer.
    pub(crate) note: Option<AuditNote>,
    /// The arm that answers, with the worker that counts it.
    pub(crate) answered_by: Option<(Arc<ArmState>, usize)>,
    /// What the request held, for as long as it lasts: its answer may repeat it.
    pub(crate) request_values: RequestValues,
}

/// What is to be kept under ids that an answer has told.
struct Binding {
    kept: Arc<Conversations>,
    tenant: Tenant,
    application: Arc<str>,
    /// The mapping, for one that is not kept yet.
    mapping: Option<(Place, Vec<u8>)>,
    /// What leads to it.
    pointers: Vec<(Place, Vec<u8>)>,
}

impl NamedIds {
    /// The ids in a request's path, query and body.
    ///
    /// # Errors
    /// It names two conversations or responses: which one the application takes is its own business, and nobody here knows.
    pub(crate) fn of(
        exchange: &Exchange<'_>,
        query: Option<&str>,
        (body, limits): (&Bytes, JsonLimits),
    ) -> Result<NamedIds, MaskingRefusal> {
        let in_path = |name| exchange.captured(name).map(str::to_owned);
        let mut ids = NamedIds {
            message: in_path("message_id"),
            run: in_path("workflow_run_id"),
            response: in_path("response_id"),
            has_history: true,
            ..NamedIds::default()
        };
        let mut responses = Vec::new();
        let mut conversations: Vec<String> = in_path("conversation_id").into_iter().collect();
        let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        let parameters = query.unwrap_or_default().split('&');
        for (name, value) in parameters.filter_map(|one| one.split_once('=')) {
            match &*decoded(name) {
                "conversation_id" => conversations.push(decoded(value).into_owned()),
                "message_id" if ids.message.is_none() && !value.is_empty() => {
                    ids.message = Some(decoded(value).into_owned());
                }
                _ => {}
            }
        }
        if let Ok(document) = Document::read(body, limits) {
            let root = document.root();
            let is_response = exchange.operation() == Some("/responses");
            // Some take the first of two members of a name, some the last.
            for (name, value) in root.members() {
                if name.is_named("conversation_id") {
                    conversations.extend(value.as_str().map(Cow::into_owned));
                } else if is_response && name.is_named("conversation") {
                    let id = value.get("id").unwrap_or(value);
                    conversations.extend(id.as_str().map(Cow::into_owned));
                } else if is_response && name.is_named("previous_response_id") {
                    responses.extend(value.as_str().map(Cow::into_owned));
                }
            }
            let is_stored = root.get("store").is_none_or(|store| store.raw() != "false");
            ids.begins_response = is_response && is_stored;
            ids.has_history = !is_response || is_stored || !responses.is_empty();
        }
        conversations.retain(|id| !id.is_empty());
        conversations.dedup();
        ids.conversation = conversations.pop();
        responses.dedup();
        ids.response = ids.response.or(responses.pop());
        match conversations.is_empty() && responses.is_empty() {
            true => Ok(ids),
            false => Err(MaskingRefusal::Ambiguous),
        }
    }

    /// Where the mapping would be.
    fn place(&self) -> Option<Place> {
        if self.is_tenants {
            return Some(Place::new(PlaceKind::Tenant, ""));
        }
        [
            (PlaceKind::Conversation, &self.conversation),
            (PlaceKind::Message, &self.message),
            (PlaceKind::Run, &self.run),
            (PlaceKind::Response, &self.response),
        ]
        .into_iter()
        .find_map(|(kind, id)| Some(Place::new(kind, id.as_ref()?)))
    }
}

impl Session {
    /// The mapping that these ids lead to, or a new one.
    ///
    /// # Errors
    /// Conversations cannot be read.
    pub(crate) async fn begin(
        profile: &Arc<MaskProfile>,
        (kept, limits): (Option<Arc<Conversations>>, Limits),
        tenant: Tenant,
        ids: NamedIds,
    ) -> Result<Session, MaskingRefusal> {
        let keeps = ids.has_history;
        if keeps && kept.is_none() {
            return Err(MaskingRefusal::Store);
        }
        let mut session = Session {
            mapping: match ids.is_upload {
                true => profile.mapping_of_unknown(limits),
                false => profile.mapping(limits),
            },
            profile: Arc::clone(profile),
            kept: kept.filter(|_| keeps),
            tenant,
            limits,
            place: None,
            version: 0,
            bound: Vec::new(),
            note: None,
            answered_by: None,
            request_values: RequestValues::default(),
            ids,
        };
        session.load().await?;
        Ok(session)
    }

    /// Reads the mapping, if one is kept.
    async fn load(&mut self) -> Result<(), MaskingRefusal> {
        let (Some(kept), Some(place)) = (&self.kept, self.ids.place()) else {
            return Ok(());
        };
        let found = record::find(kept, self.owner(), &place, self.limits).await;
        match found.map_err(|error| self.failed(&error))? {
            Some(found) => {
                self.bound = vec![place];
                self.place = Some(found.place);
                self.mapping = found.mapping;
                self.version = found.version;
            }
            None => {
                self.version = 0;
                // Also what a tenant has in common: it will stand in conversations that have mappings of their own.
                self.mapping = self.profile.mapping_of_unknown(self.limits);
                self.place = Some(place);
            }
        }
        Ok(())
    }

    /// Masks a request. When this returns, everything that was hidden is kept, if there is something that names it.
    ///
    /// # Errors
    /// The request must not be sent on.
    pub(crate) async fn mask(&mut self, work: &Arc<Work>) -> Result<Worked, MaskingRefusal> {
        let until_ms = clock::monotonic_ms().saturating_add(MASKING_TURN_MS_MAX);
        let (mut turn, mut pause_ms) = (None, 1);
        let mut is_late = self.is_queued();
        loop {
            if is_late {
                match &turn {
                    None => turn = self.turn(until_ms).await?,
                    Some(_) => pause_ms = self.pause(pause_ms, until_ms).await?,
                }
                // Nothing was sent yet, so this one takes the mapping of the other request and begins anew.
                self.load().await?;
            }
            let before = self.mapping.len();
            let worked = work.done(&mut self.mapping).await?;
            if self.mapping.len() == before {
                return Ok(worked);
            }
            let (Some(kept), Some(place)) = (&self.kept, &self.place) else {
                self.look().await?;
                return Ok(worked);
            };
            let content = record::written(&self.mapping).map_err(|error| self.failed(&error))?;
            let scope = place.scope(self.owner());
            match kept.save(&scope, &content, self.version).await {
                Ok(Saved::As(version)) => {
                    self.version = version;
                    return Ok(worked);
                }
                Ok(Saved::Outdated) => is_late = true,
                Err(error) => return Err(self.failed(&error.into())),
            }
        }
    }

    /// Whether others of this process wait to change the same mapping.
    fn is_queued(&self) -> bool {
        match (&self.kept, &self.place) {
            (Some(kept), Some(place)) => kept.is_queued(&place.scope(self.owner())),
            _ => false,
        }
    }

    /// A turn at the mapping. What is kept under no name is nobody else's.
    async fn turn(&self, until_ms: u64) -> Result<Option<Turn>, MaskingRefusal> {
        let (Some(kept), Some(place)) = (&self.kept, &self.place) else {
            return Ok(None);
        };
        let left = Duration::from_millis(until_ms.saturating_sub(clock::monotonic_ms()));
        let scope = place.scope(self.owner());
        let turn = tokio::time::timeout(left, kept.turn(&scope)).await;
        turn.map(Some).map_err(|_| MaskingRefusal::Contended)
    }

    /// Waits for about so long, because another process was faster; gives how long to wait the next time.
    async fn pause(&self, pause_ms: u64, until_ms: u64) -> Result<u64, MaskingRefusal> {
        if clock::monotonic_ms() >= until_ms {
            return Err(MaskingRefusal::Contended);
        }
        let pause_us = rand::random_range(0..=pause_ms * 1_000);
        tokio::time::sleep(Duration::from_micros(pause_us)).await;
        Ok((pause_ms * 2).min(MASKING_PAUSE_MS_MAX))
    }

    /// Whether what was hidden could be kept now, for a conversation that has no name yet: its application gives it one in the
    /// answer, and then it would be too late to refuse the request. Tries a change that no record can have.
    ///
    /// # Errors
    /// Conversations cannot be kept.
    async fn look(&self) -> Result<(), MaskingRefusal> {
        let Some(kept) = self.kept.as_ref().filter(|_| self.learns_name()) else {
            return Ok(());
        };
        let nobody = Place::new(PlaceKind::Conversation, "");
        match kept.save(&nobody.scope(self.owner()), &[], u64::MAX).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(&error.into())),
        }
    }

    /// Whether the answer names what this request begins.
    fn learns_name(&self) -> bool {
        self.profile.names_conversations() || self.ids.begins_response
    }

    /// Whether the conversation, message or run that the request names was known; `None` if it names none.
    pub(crate) fn was_known(&self) -> Option<bool> {
        let place = self.kept.as_ref().and(self.place.as_ref())?;
        (place.kind() != PlaceKind::Tenant).then_some(!self.bound.is_empty())
    }

    /// Whether nobody has named the mapping.
    pub(crate) fn place_is_unknown(&self) -> bool {
        self.place.is_none()
    }

    /// The mapping.
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// What its placeholders stand for.
    pub(crate) fn vocabulary(&self) -> Arc<Vocabulary> {
        Arc::new(Vocabulary::of(&self.mapping, self.profile.masker.labels()))
    }

    /// What the placeholders of something else of the same tenant stand for; `None` if nothing is known of it.
    pub(super) async fn vocabulary_at(&self, kind: PlaceKind, id: &str) -> Option<Arc<Vocabulary>> {
        let kept = self.kept.as_ref()?;
        let place = Place::new(kind, id);
        let found = record::find(kept, self.owner(), &place, self.limits).await;
        let found = found.inspect_err(|error| {
            self.failed(error);
        });
        let mapping = found.ok()??.mapping;
        let labels = self.profile.masker.labels();
        (!mapping.is_empty()).then(|| Arc::new(Vocabulary::of(&mapping, labels)))
    }

    /// Whether the ids of the answer matter: nobody has named the mapping yet, or more ids should lead to it.
    pub(crate) fn wants_ids(&self) -> bool {
        let may_grow = self.place.is_none() || self.ids.response.is_some();
        self.kept.is_some() && (may_grow || !self.mapping.is_empty())
    }

    /// Keeps the mapping under the ids that an answer has told, beside everything else; what it gives is done when that
    /// is done, and tells whether it could be. `None` if there is nothing new to keep.
    pub(crate) fn bind(&mut self, ids: &Identifiers) -> Option<JoinHandle<bool>> {
        if let Some(note) = &mut self.note {
            note.belongs_to(ids.conversation_id.as_deref());
        }
        let kept = Arc::clone(self.kept.as_ref()?);
        let told = [
            (PlaceKind::Conversation, &ids.conversation_id),
            (PlaceKind::Message, &ids.message_id),
            (PlaceKind::Run, &ids.workflow_run_id),
            (PlaceKind::Response, &ids.response_id),
        ];
        let told = told
            .into_iter()
            .filter_map(|(kind, id)| Some((kind, id.as_deref().filter(|id| !id.is_empty())?)))
            .map(|(kind, id)| Place::new(kind, id));
        let mut told: Vec<Place> = told.collect();
        let mut mapping = None;
        if self.place.is_none() && !told.is_empty() {
            let place = told.remove(0);
            // Also an empty one, so that the conversation is known when it goes on.
            let begins = [PlaceKind::Conversation, PlaceKind::Response].contains(&place.kind());
            if begins || !self.mapping.is_empty() {
                mapping = Some((place.clone(), record::written(&self.mapping).ok()?));
                self.place = Some(place);
            }
        }
        let mut pointers = Vec::new();
        // What goes on from a response names it alone, so every one of them leads to where it began.
        let is_chain = self.ids.response.is_some() && self.version > 0;
        let has_home = is_chain || !self.mapping.is_empty();
        if let Some(home) = self.place.as_ref().filter(|_| has_home) {
            let content = record::pointer(home).ok()?;
            // A conversation is never led elsewhere.
            told.retain(|place| place.kind() != PlaceKind::Conversation && place != home);
            told.retain(|place| !self.bound.contains(place));
            self.bound.extend(told.iter().cloned());
            pointers.extend(told.into_iter().map(|place| (place, content.clone())));
        }
        if mapping.is_none() && pointers.is_empty() {
            return None;
        }
        let binding = Binding {
            kept,
            tenant: self.tenant.clone(),
            application: Arc::clone(&self.profile.config.name),
            mapping,
            pointers,
        };
        // A client that goes away does not end it.
        Some(tokio::task::spawn_local(binding.keep()))
    }

    /// Counts what was done with the answer.
    pub(crate) fn told(&mut self, block: &MaskingBlock, restored: RestoreCounts, leaks: &Counts) {
        let rules = self.profile.masker.finder().rules();
        block.restored(restored);
        block.leaked(leaks, rules);
        if let Some(note) = &mut self.note {
            note.restored(restored.restored);
            note.leaked(leaks, rules);
        }
    }

    /// Counts that the answer is not let through.
    pub(crate) fn refused(&mut self, block: &MaskingBlock, refusal: &MaskingRefusal) {
        let rules = self.profile.masker.finder().rules();
        block.refused(refusal, rules);
        if let Some((arm, worker)) = self.answered_by.take() {
            arm.refused(worker);
        }
        if let Some(note) = &mut self.note {
            note.refused(refusal, rules);
        }
    }

    /// The mask that it is for.
    pub(crate) fn profile(&self) -> &Arc<MaskProfile> {
        &self.profile
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            tenant: self.tenant.bytes(),
            application: &self.profile.config.name,
        }
    }

    fn failed(&self, error: &RecordError) -> MaskingRefusal {
        tell(&self.profile.config.name, error);
        MaskingRefusal::Store
    }
}

impl Binding {
    async fn keep(self) -> bool {
        let owner = Owner {
            tenant: self.tenant.bytes(),
            application: &self.application,
        };
        let mut is_kept = true;
        let all = self.mapping.iter().chain(&self.pointers);
        for (place, content) in all {
            match self.kept.save(&place.scope(owner), content, 0).await {
                Ok(Saved::As(_)) => {}
                // A pointer that is there already leads to the same place.
                Ok(Saved::Outdated) => {
                    is_kept &= self.mapping.as_ref().is_none_or(|(one, _)| one != place)
                }
                Err(error) => {
                    tell(&self.application, &error.into());
                    return false;
                }
            }
        }
        is_kept
    }
}

/// Says what is wrong with the store. Its errors hold nothing of a conversation.
fn tell(mask: &str, error: &RecordError) {
    if line_limit::may_write(mask, "masking-store") {
        let cause = crate::error::with_causes(error);
        let hint = error.hint();
        tracing::error!(
            mask,
            cause,
            hint,
            "conversations can neither be read nor kept"
        );
    }
}
