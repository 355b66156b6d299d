//! The policies of a route: who may use it, how often, and from which pages.

use http::{HeaderMap, StatusCode, request};

use super::{Answer, Passage};
use crate::clock;
use crate::protect::{Admitted, CorsDecision, Denial, LimitDecision, LimitSubject};
use crate::refusal::Refusal;
use crate::routing::Route;

impl Passage {
    /// Asks the route's policies. A preflight that they answer themselves is answered here.
    ///
    /// A request that may not use the route counts against the route's limits as well, under its client's address:
    /// otherwise keys could be guessed without end.
    pub(super) async fn admit(
        &mut self,
        route: &Route,
        head: &mut request::Parts,
    ) -> Result<Option<Answer>, Refusal> {
        if let Some(cors) = &route.cors {
            match cors.decide(&head.method, &head.headers) {
                CorsDecision::Preflight(fields) => {
                    self.is_preflight = true;
                    self.fields.extend(fields);
                    return Ok(Some(self.empty(StatusCode::NO_CONTENT)));
                }
                CorsDecision::Refused(denial) => {
                    self.is_preflight = true;
                    return Err(denial.into());
                }
                CorsDecision::SendOn(origin) => self.cors_origin = origin,
            }
        }
        let admitted = self.identify(route, &head.headers);
        if !route.config.limits.is_empty() {
            let subject = LimitSubject {
                client: self.client,
                caller: admitted.as_ref().ok().and_then(Admitted::caller),
                headers: &head.headers,
            };
            let now_ms = clock::monotonic_ms();
            let decision = match self.worker.store() {
                Some(store) => store.check(&route.limits, &subject, now_ms).await,
                None => route.limits.check(&subject, now_ms),
            };
            match decision {
                LimitDecision::Allowed(fields) => self.fields.extend(fields),
                LimitDecision::Refused { denial, .. } => {
                    self.observed.limited();
                    return Err(denial.into());
                }
            }
        }
        let admitted = admitted?;
        if let Some(policy) = &route.access {
            policy.access.hide(&admitted, &mut head.headers);
        }
        Ok(None)
    }

    fn identify(&self, route: &Route, headers: &HeaderMap) -> Result<Admitted, Denial> {
        match &route.access {
            None => Ok(Admitted::Address),
            Some(policy) => policy.access.check(self.client, headers, clock::wall_ms()),
        }
    }
}
