//! Sessions that all see a database at one moment, so that several can read it at a time.

use super::session::{Session, literal};
use super::{PostgresAddress, PostgresProblem};

/// A transaction that sees one moment.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const TABLES: &str = "SELECT count(*) FROM pg_stat_user_tables";

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

    /// Opens more sessions, until `readers` can read at a time.
    pub(super) async fn widen(
        &mut self,
        address: &PostgresAddress,
        readers: u32,
    ) -> Result<(), PostgresProblem> {
        if readers > 1 {
            let name = self.export().await?;
            self.widen_by(&name, address, readers).await?;
        }
        Ok(())
    }

    /// The same with the name that the moment already has. There are never more than tables; and where the server lets no
    /// more in, those that are there have to do.
    pub(super) async fn widen_by(
        &mut self,
        name: &str,
        address: &PostgresAddress,
        readers: u32,
    ) -> Result<(), PostgresProblem> {
        if readers < 2 {
            return Ok(());
        }
        let tables: i64 = self.first.value(TABLES).await?;
        let join = format!("{BEGIN}; SET TRANSACTION SNAPSHOT {}", literal(name));
        for _ in 1..i64::from(readers).min(tables) {
            let Ok(mut session) = Session::open(address).await else {
                break;
            };
            session.run("begin at the same moment", &join).await?;
            self.more.push(session);
        }
        Ok(())
    }

    /// The session that was there first.
    pub(super) fn first(&mut self) -> &mut Session {
        &mut self.first
    }

    /// The session that was there first, and the others, which are no part of the moment any more.
    pub(super) fn split(&mut self) -> (&mut Session, Vec<Session>) {
        (&mut self.first, std::mem::take(&mut self.more))
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
