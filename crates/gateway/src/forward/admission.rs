//! The policies of a route: who may use it, how often, and from which pages.
//!
//! They are asked in the order of what they cost, so that nobody can make the gateway work without bound:
//!
//! 1. Addresses. One that is not let in is refused with 403, and counts nowhere.
//! 2. A preflight (CORS) is answered here. Browsers send it without key and token, so it is asked for none, but it
//!    counts against the route's limits by address.
//! 3. Limits by address: a request of an address that has used one up is refused with 429 before its key or token is
//!    looked at, because to check a signature is the most expensive thing that a stranger can ask for.
//! 4. API key or token.
//! 5. All limits of the route, by caller where one is known now: a token is taken from each, or from none. A
//!    request without a good key or token counts too, under its client's address: otherwise keys could be guessed
//!    without end. Only then it is refused with 401 or 403.
//!
//! In step 3 nothing is taken, so that a caller who is over his own limit uses up nobody else's tokens. Of requests that
//! come at the same moment some more may therefore be looked at than there are tokens: one for each worker, and with
//! limits that gateways share those that arrive while the server is asked.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, request};

use super::{Answer, Passage};
use crate::clock;
use crate::masking::Tenant;
use crate::protect::{
    Access, Admitted, CorsDecision, Denial, LimitDecision, LimitSubject, RouteLimits,
};
use crate::refusal::Refusal;
use crate::routing::Route;

impl Passage {
    /// Asks the route's policies. A preflight that they answer themselves is answered here.
    pub(super) async fn admit(
        &mut self,
        route: &Route,
        head: &mut request::Parts,
    ) -> Result<Option<Answer>, Refusal> {
        let access = route.access.as_ref().map(|policy| &policy.access);
        if let Some(access) = access {
            access.check_address(self.client)?;
        }
        if let Some(cors) = &route.cors {
            let decision = cors.decide(&head.method, &head.headers);
            if let CorsDecision::SendOn(origin) = decision {
                self.cors_origin = origin;
            } else {
                return self.preflight(route, decision, &head.headers).await;
            }
        }
        let identified = identify(
            access,
            &route.limits,
            (self.client, &head.headers),
            (clock::monotonic_ms(), clock::wall_ms()),
        );
        let admitted = match identified {
            Ok(admitted) => admitted,
            Err(decision) => {
                self.decided(decision)?;
                return Ok(None);
            }
        };
        let caller = admitted.as_ref().ok().and_then(Admitted::caller);
        let subject = LimitSubject {
            client: self.client,
            caller,
            headers: &head.headers,
        };
        self.take(&route.limits, &subject).await?;
        let admitted = admitted?;
        // Before a key is taken out of the request.
        if route.mask.is_some() {
            let tenant = Tenant::of(&admitted, &head.headers, &route.config.name);
            self.tenant = Some(tenant);
        }
        if let Some(access) = access {
            access.hide(&admitted, &mut head.headers);
        }
        Ok(None)
    }

    /// Answers a preflight.
    async fn preflight(
        &mut self,
        route: &Route,
        decision: CorsDecision,
        headers: &HeaderMap,
    ) -> Result<Option<Answer>, Refusal> {
        self.is_preflight = true;
        let subject = LimitSubject {
            client: self.client,
            caller: None,
            headers,
        };
        self.take(&route.address_limits, &subject).await?;
        match decision {
            CorsDecision::Refused(denial) => Err(denial.into()),
            CorsDecision::Preflight(fields) => {
                self.fields.extend(fields);
                Ok(Some(self.empty(StatusCode::NO_CONTENT)))
            }
            CorsDecision::SendOn(_) => Ok(None),
        }
    }

    /// Takes a token from every limit, or none from any.
    async fn take(
        &mut self,
        limits: &RouteLimits,
        subject: &LimitSubject<'_>,
    ) -> Result<(), Refusal> {
        if limits.is_empty() {
            return Ok(());
        }
        let now_ms = clock::monotonic_ms();
        let decision = match self.worker.store() {
            Some(store) => store.check(limits, subject, now_ms).await,
            None => limits.check(subject, now_ms),
        };
        self.decided(decision)
    }

    fn decided(&mut self, decision: LimitDecision) -> Result<(), Refusal> {
        match decision {
            LimitDecision::Allowed(fields) => {
                self.fields.extend(fields);
                Ok(())
            }
            LimitDecision::Refused { denial, .. } => {
                self.observed.limited();
                Err(denial.into())
            }
        }
    }
}

/// Who sent a request, or why it is not let in; unless its address has used up a limit: then its key and token are not
/// looked at. `now_ms` is monotonic, `wall_ms` the time since the Unix epoch.
fn identify(
    access: Option<&Access>,
    limits: &RouteLimits,
    (client, headers): (IpAddr, &HeaderMap),
    (now_ms, wall_ms): (u64, u64),
) -> Result<Result<Admitted, Denial>, LimitDecision> {
    let Some(access) = access else {
        return Ok(Ok(Admitted::Address));
    };
    let subject = LimitSubject {
        client,
        caller: None,
        headers,
    };
    match limits.used_up_by_address(&subject, now_ms) {
        Some(refused) => Err(refused),
        None => Ok(access.identify(headers, wall_ms)),
    }
}

#[cfg(test)]
mod tests;
