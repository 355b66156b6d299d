//! Plain SQL migrations on real databases.

mod on_postgres;
mod on_sqlite;

use std::path::Path;

use portcullis_driver::{
    Applied, ApplyOrder, Ledger, MigrationDatabase, MigrationError, MigrationEvent,
    MigrationFilesError, apply_migrations, migration_status, read_migration_files,
};
use portcullis_migration::{Dialect, MigrationSet, Phase, SetProblem};

/// Files in memory, and the database that they are for.
struct Site {
    database: MigrationDatabase,
    files: Vec<(String, String)>,
}

impl Site {
    async fn new(reference: &str, folder: &Path) -> Site {
        Site {
            database: MigrationDatabase::of(reference, folder).await.unwrap(),
            files: Vec::new(),
        }
    }

    /// A site on a database whose URL stands in a file.
    async fn on(url: &str, folder: &Path) -> Site {
        std::fs::write(folder.join("url"), format!("{url}\n")).unwrap();
        Site::new("file:url", folder).await
    }

    /// Writes a file, or writes it anew.
    fn file(&mut self, name: &str, text: &str) -> &mut Site {
        self.files.retain(|(known, _)| known != name);
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    fn set(&self) -> (MigrationSet, Vec<SetProblem>) {
        let files = self.files.iter();
        let files = files.map(|(name, text)| (name.clone(), text.clone().into_bytes()));
        MigrationSet::read(self.database.dialect(), files)
    }

    async fn apply_by(
        &self,
        order: &ApplyOrder,
        tell: &mut (dyn FnMut(MigrationEvent<'_>) + Send),
    ) -> Result<Applied, MigrationError> {
        let (set, problems) = self.set();
        apply_migrations(&self.database, (&set, &problems), order, tell).await
    }

    async fn apply(&self, phase: Phase) -> Result<Applied, MigrationError> {
        self.apply_by(&order(phase), &mut |_| ()).await
    }

    /// Why they are not applied.
    async fn refused(&self, phase: Phase) -> MigrationError {
        self.apply(phase).await.unwrap_err()
    }

    async fn status(&self) -> Ledger {
        let (set, _) = self.set();
        migration_status(&self.database, &set).await.unwrap()
    }

    /// Number and word of each file and entry.
    async fn words(&self) -> Vec<(u64, &'static str)> {
        let ledger = self.status().await;
        let standings = ledger.standings.iter();
        standings
            .map(|one| (one.version, one.standing.word()))
            .collect()
    }
}

fn order(phase: Phase) -> ApplyOrder {
    ApplyOrder {
        phase,
        lock_timeout_ms: 5_000,
        statement_timeout_ms: 60_000,
        pause_ms: 0,
        out_of_order: false,
        doubt: None,
    }
}

#[tokio::test]
async fn a_reference_that_leads_to_no_database_is_refused_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let refused = async |reference: &str| {
        let refused = MigrationDatabase::of(reference, folder.path()).await;
        refused.unwrap_err().to_string()
    };
    let clear = refused("postgres://jo:s3cret@db/notes").await;
    assert!(
        clear.contains("others can see") && !clear.contains("s3cret"),
        "{clear}"
    );
    for value in [
        "mysql://jo:s3cret@db/notes",
        "postgres://jo:s3cret@db:port/notes",
        "postgres://jo@db/notes?password=s3cret",
    ] {
        std::fs::write(folder.path().join("url"), value).unwrap();
        let told = refused("file:url").await;
        assert!(told.starts_with("the database `file:url`: "), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
    assert!(
        refused("env:PORTCULLIS_NO_SUCH")
            .await
            .contains("is not set")
    );
    let value = "postgres://jo:s3cret@db:5433/notes?sslmode=require";
    std::fs::write(folder.path().join("url"), value).unwrap();
    let database = MigrationDatabase::of("file:url", folder.path())
        .await
        .unwrap();
    let shown = format!("{database} {database:?}");
    assert!(
        shown.contains("postgres://db:5433/notes") && !shown.contains("s3cret"),
        "{shown}"
    );
    assert_eq!(database.dialect(), Dialect::Postgres);
}

/// What a command is given may be secret, in whatever it goes wrong.
#[tokio::test]
async fn of_a_command_only_the_program_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for reference in [
        "cmd:false postgres://jo:s3cret@db/notes",
        "cmd:echo mysql://jo:s3cret@db/notes",
        "cmd:echo 'postgres://jo:s3cret@db/notes",
        "cmd:/no/such/program s3cret",
    ] {
        let refused = MigrationDatabase::of(reference, folder.path()).await;
        let told = refused.unwrap_err().to_string();
        assert!(told.starts_with("the database `cmd:"), "{told}");
        assert!(told.contains(" ...`"), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_last_number_below_all_files_says_which_files_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let read = || {
        let paths = [folder.path().to_owned()];
        read_migration_files(&paths, Dialect::Sqlite, Some(2)).unwrap_err()
    };
    assert!(matches!(read(), MigrationFilesError::None(_)));
    for name in ["0003_c.sql", "0010_a.sql", "0011_b.sql"] {
        std::fs::write(folder.path().join(name), "SELECT 1;").unwrap();
    }
    let refused = read();
    let told = refused.to_string();
    assert!(
        told.starts_with("through = 2 leaves out every .sql file in ")
            && told.ends_with(": 0003_c.sql, 0010_a.sql, 0011_b.sql"),
        "{told}"
    );
    assert!(refused.hint().unwrap().contains("set `through`"));
}
