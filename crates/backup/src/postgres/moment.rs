//! Sessions that all see a database at one moment, so that several can read it at a time.

use super::session::{Session, literal};
use super::{PostgresAddress, PostgresProblem};

/// A transaction that sees one moment.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Sessions whose transactions see the same moment. There is at least one.
pub(super) struct Moment {
    first: Session,
    more: Vec<Session>,
}

impl Moment {
    /// Opens a session with the database and begins.
    pub(super) async fn of(address: &PostgresAddress) -> Result<Self, PostgresProblem> {
        Self::begin(Session::open(address).await?).await
    }

    /// Begins in a session that has no transaction.
    pub(super) async fn begin(mut first: Session) -> Result<Self, PostgresProblem> {
        first.run("begin", BEGIN).await?;
        Ok(Self {
            first,
            more: Vec::new(),
        })
    }

    /// Gives the moment a name under which others can see it until this one is over.
    pub(super) async fn export(&mut self) -> Result<String, PostgresProblem> {
        self.first.value("SELECT pg_export_snapshot()").await
    }

    /// Opens more sessions, until `readers` can read at a time. A standby gives no moment a name: there it stays as it is.
    pub(super) async fn widen(
        &mut self,
        address: &PostgresAddress,
        readers: u32,
    ) -> Result<(), PostgresProblem> {
        const NAME: &str = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_export_snapshot() END";
        if readers < 2 {
            return Ok(());
        }
        let name: Option<String> = self.first.value(NAME).await?;
        if let Some(name) = name {
            self.widen_by(&name, address, readers).await;
        }
        Ok(())
    }

    /// The same with the name that the moment already has. More sessions make it faster and nothing else: where the server
    /// has no room for more, those that are there do it.
    pub(super) async fn widen_by(&mut self, name: &str, address: &PostgresAddress, readers: u32) {
        let join = format!("{BEGIN}; SET TRANSACTION SNAPSHOT {}", literal(name));
        for _ in 1..readers {
            let Ok(mut session) = Session::open(address).await else {
                return;
            };
            if session.run("begin", &join).await.is_err() {
                return;
            }
            self.more.push(session);
        }
    }

    /// The session that was there first.
    pub(super) fn first(&mut self) -> &mut Session {
        &mut self.first
    }

    /// All sessions.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Session> {
        std::iter::once(&mut self.first).chain(&mut self.more)
    }

    /// Ends the transactions. The first session goes on without one.
    pub(super) async fn end(self) -> Result<Session, PostgresProblem> {
        for session in self.more {
            session.close().await;
        }
        let mut first = self.first;
        first.run("end", "COMMIT").await?;
        Ok(first)
    }
}
