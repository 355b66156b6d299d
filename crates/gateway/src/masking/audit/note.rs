//! What the audit is told of one request and its answer.

use std::sync::Arc;

use portcullis_mask::{Counts, Rules};

use super::{MaskingAudit, Subject, Sums, conversation_name};
use crate::clock;
use crate::masking::counters::add_found;
use crate::masking::{MaskProfile, MaskingRefusal, Tenant};

/// What the audit is told of one request and its answer. Dropping it tells it, if there is something to tell; so what an
/// answer brings later is on the same line, and a client that goes away takes nothing with it.
pub(crate) struct AuditNote {
    audit: Arc<MaskingAudit>,
    worker: usize,
    tenant: Option<Tenant>,
    route: Arc<str>,
    mask: Arc<str>,
    is_shadow: bool,
    conversation: Option<String>,
    sums: Sums,
}

impl AuditNote {
    pub(super) fn new(
        audit: Arc<MaskingAudit>,
        worker: usize,
        (tenant, route): (Option<Tenant>, Arc<str>),
        profile: &MaskProfile,
    ) -> AuditNote {
        AuditNote {
            audit,
            worker,
            tenant,
            route,
            mask: Arc::clone(&profile.config.name),
            is_shadow: profile.is_shadow(),
            conversation: None,
            sums: Sums {
                from_ms: clock::wall_ms(),
                requests: 1,
                ..Sums::default()
            },
        }
    }

    /// It belongs to the conversation of this id. The first one that is said counts.
    pub(crate) fn belongs_to(&mut self, id: Option<&str>) {
        if self.conversation.is_none() {
            self.conversation = id.filter(|id| !id.is_empty()).map(conversation_name);
        }
    }

    /// This was found in the request.
    pub(crate) fn found(&mut self, counts: &Counts, rules: &Rules) {
        add_found(&mut self.sums.values, counts, rules);
    }

    /// So many placeholders of the answer became values.
    pub(crate) fn restored(&mut self, count: u64) {
        self.sums.restored += count;
    }

    /// This was found in the answer.
    pub(crate) fn leaked(&mut self, counts: &Counts, rules: &Rules) {
        add_found(&mut self.sums.leaks, counts, rules);
    }

    /// The request or its answer was not let through.
    pub(crate) fn refused(&mut self, refusal: &MaskingRefusal, rules: &Rules) {
        *self.sums.refusals.entry(refusal.cause()).or_default() += 1;
        if let MaskingRefusal::Blocked { counts, .. } = refusal {
            add_found(&mut self.sums.values, counts, rules);
        }
    }
}

impl Drop for AuditNote {
    fn drop(&mut self) {
        let mut sums = std::mem::take(&mut self.sums);
        let says_nothing = sums.values.is_empty()
            && sums.leaks.is_empty()
            && sums.refusals.is_empty()
            && sums.restored == 0;
        if says_nothing {
            return;
        }
        sums.until_ms = clock::wall_ms();
        let subject = Subject {
            client: self.audit.client(self.tenant.as_ref()),
            route: Arc::clone(&self.route),
            mask: Arc::clone(&self.mask),
            is_shadow: self.is_shadow,
            conversation: self.conversation.take(),
        };
        self.audit.add(self.worker, subject, sums);
    }
}
