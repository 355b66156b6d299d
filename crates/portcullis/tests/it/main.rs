//! Portcullis through its built binary, with a real service behind it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod advice;
mod after_release;
mod alembic;
mod api;
mod archive_drills;
mod buckets;
mod bypass;
#[path = "../../../backup/tests/it/cloud.rs"]
#[allow(dead_code, clippy::expect_used)]
mod cloud;
mod command_line;
mod config_command;
mod conformance;
mod continuous;
mod control;
mod copies;
mod cut_overs;
mod databases;
mod detect;
mod drills;
mod examples;
mod faults;
mod fetched_by_hand;
mod gate_commands;
mod gate_faults;
mod gate_signals;
mod gateway_alone;
mod gateway_files;
mod gateway_tls;
mod grpc;
mod guide;
mod keys;
mod live_data;
mod mask;
mod mask_model;
#[path = "../../../gateway/tests/it/masking/application.rs"]
#[allow(dead_code)]
mod masked_application;
mod masking;
mod migrate;
mod operations;
mod other_stores;
mod own_state;
#[path = "../../../gateway/tests/it/pebble.rs"]
#[allow(dead_code, clippy::expect_used)]
mod pebble;
mod pgbench_rollback;
#[path = "../../../journal/tests/it/postgres_server.rs"]
#[allow(dead_code, clippy::expect_used)]
mod postgres_server;
#[path = "../../../gateway/src/shared/tests/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
mod redis_stores;
mod rehearsals;
mod release;
mod reload;
mod restarts;
mod restores;
mod reverses;
mod rig;
mod rooms;
mod schedules;
mod server_databases;
mod shared_journal;
mod slow_log;
mod sql_releases;
mod sql_steps;
mod starting;
mod survival;
mod terminal;
mod unanswered;
mod upgrade;
mod watch;
mod write_pauses;
mod writers;
