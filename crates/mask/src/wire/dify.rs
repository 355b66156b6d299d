//! Dify's service API (`/v1`), web app (`/api`), and the running of apps in its console (`/console/api`), versions 0.15
//! and 1.x. Read from its sources at 0.15.3 and 1.7.0.
//!
//! Left alone: `user` (who the end user is), ids, the addresses and ids of `files` and of inputs that are files, inputs with a
//! list of options ([`WireOptions::select_inputs`](super::WireOptions::select_inputs)).
//!
//! Of the console only what runs apps is here. The rest is for the people who build apps and is not known to this table.

pub(super) mod events;
mod fields;
mod routes;

pub(super) use routes::routes;

/// What a Dify server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DifyVersion {
    /// 0.15.x.
    V0_15,
    /// 1.x.
    V1,
}

/// Where its apps are called.
pub(super) const PREFIXES: &[&str] = &[
    "/v1",
    "/api",
    "/console/api",
    "/console/api/installed-apps/{app_id}",
    "/console/api/apps/{app_id}",
];
