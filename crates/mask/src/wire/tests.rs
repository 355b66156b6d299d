mod anthropic_streams;
mod bodies;
mod dify_streams;
mod openai_streams;
mod response_streams;
mod rest;
mod routes;
mod stand_in;
mod streams;
mod versions;

pub(super) use stand_in::Hider;
