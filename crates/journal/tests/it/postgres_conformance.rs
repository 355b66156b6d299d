//! The conformance suite on a real PostgreSQL.
//!
//! The suite tells each call what time it is. PostgreSQL judges leases by its own clock, so the server's
//! clock is set to that time: a schema that comes before `pg_catalog` in the search path of these
//! connections has a `clock_timestamp()` that returns what a table says. The journal's own code and
//! statements are the real ones.

use portcullis_journal::{
    Entry, Epoch, Hash, Journal, JournalError, Lease, MemoryJournal, PostgresJournal, Record,
    Scope, Verified,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::Mutex;

use crate::conformance;
use crate::postgres_server::PostgresServer;

const SEARCH_STEERED_FIRST: &str = "?options=-c%20search_path%3Dsteered%2Cpg_catalog";

/// A journal whose server believes the time that each call names.
struct Steered {
    journal: PostgresJournal,
    clock: Mutex<PgConnection>,
}

impl Steered {
    async fn open(server: &PostgresServer) -> Self {
        let url = server.url("postgres");
        let steered = format!("{url}{SEARCH_STEERED_FIRST}").parse().unwrap();
        let journal = PostgresJournal::open(&steered);
        Self {
            journal: journal.await.unwrap(),
            clock: Mutex::new(PgConnection::connect(&url).await.unwrap()),
        }
    }

    async fn it_is(&self, now_ms: u64) {
        let mut clock = self.clock.lock().await;
        sqlx::query("UPDATE steered.clock SET now_ms = $1")
            .bind(i64::try_from(now_ms).unwrap_or(1_000_000_000_000))
            .execute(&mut *clock)
            .await
            .unwrap();
    }

    async fn empty(&self) {
        let mut clock = self.clock.lock().await;
        sqlx::query("TRUNCATE portcullis.leases, portcullis.entries")
            .execute(&mut *clock)
            .await
            .unwrap();
    }
}

impl Journal for Steered {
    async fn acquire(
        &self,
        scope: &Scope,
        holder: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Lease, JournalError> {
        self.it_is(now_ms).await;
        self.journal.acquire(scope, holder, now_ms, ttl_ms).await
    }

    async fn renew(&self, lease: &Lease, now_ms: u64, ttl_ms: u64) -> Result<Lease, JournalError> {
        self.it_is(now_ms).await;
        self.journal.renew(lease, now_ms, ttl_ms).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), JournalError> {
        self.journal.release(lease).await
    }

    async fn append(
        &self,
        scope: &Scope,
        epoch: Epoch,
        record: Record,
    ) -> Result<Entry, JournalError> {
        self.journal.append(scope, epoch, record).await
    }

    async fn read(&self, scope: &Scope, from_seq: u64) -> Result<Vec<Entry>, JournalError> {
        self.journal.read(scope, from_seq).await
    }

    async fn read_page(
        &self,
        scope: &Scope,
        from_seq: u64,
        count: u64,
    ) -> Result<Vec<Entry>, JournalError> {
        self.journal.read_page(scope, from_seq, count).await
    }

    async fn read_last(&self, scope: &Scope, count: u64) -> Result<Vec<Entry>, JournalError> {
        self.journal.read_last(scope, count).await
    }

    async fn scopes(&self) -> Result<Vec<Scope>, JournalError> {
        self.journal.scopes().await
    }

    async fn verify(&self, scope: &Scope) -> Result<Verified, JournalError> {
        self.journal.verify(scope).await
    }

    async fn verify_against(
        &self,
        scope: &Scope,
        known_head: Hash,
    ) -> Result<Verified, JournalError> {
        self.journal.verify_against(scope, known_head).await
    }
}

fn steered_server() -> PostgresServer {
    let server = PostgresServer::start();
    server.sql(
        "postgres",
        "CREATE SCHEMA steered; \
         CREATE TABLE steered.clock (now_ms BIGINT NOT NULL); \
         INSERT INTO steered.clock VALUES (0); \
         CREATE FUNCTION steered.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE \
         AS $$ SELECT to_timestamp(now_ms / 1000.0) FROM steered.clock $$",
    );
    server
}

/// All in one test, because every test that needs a server starts one.
#[tokio::test]
async fn postgres_passes_the_conformance_suite_and_random_histories() {
    let server = steered_server();
    let journal = Steered::open(&server).await;
    macro_rules! pass {
        ($($name:ident),+ $(,)?) => {$(
            println!("{}", stringify!($name));
            conformance::$name(&journal).await;
            journal.empty().await;
        )+};
    }
    pass!(
        append_read_verify,
        scopes_are_apart,
        epochs_only_grow,
        a_held_lease_is_refused_until_it_expires,
        the_fence_stops_the_former_holder,
        renewal,
        release_lets_the_next_one_in_at_once,
        unissued_epochs_are_refused,
        what_cannot_be_stored_is_refused,
        odd_texts_come_back_unchanged,
        known_heads,
        is_usable_from_spawned_tasks,
    );
    tokio::task::spawn_blocking(move || random_histories(&server, &journal))
        .await
        .unwrap();
}

fn random_histories(_server: &PostgresServer, journal: &Steered) {
    let handle = tokio::runtime::Handle::current();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 16,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let histories = prop::collection::vec(conformance::call(), 1..40);
    let outcome = runner.run(&histories, |calls| {
        handle.block_on(async {
            let from_postgres = conformance::run(journal, &calls).await;
            journal.empty().await;
            let from_memory = conformance::run(&MemoryJournal::new(), &calls).await;
            prop_assert_eq!(from_memory, from_postgres);
            Ok(())
        })
    });
    outcome.unwrap();
}
