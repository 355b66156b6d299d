use std::sync::Arc;

use secrecy::SecretString;

use super::*;

const DAY_MS: u64 = 86_400_000;

fn key(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn keys(digits: &str) -> ConversationKeys {
    let lines: Vec<String> = digits.chars().map(key).collect();
    ConversationKeys::parse(&SecretString::from(lines.join("\n"))).unwrap()
}

fn scope<'a>(tenant: &'a str, id: &'a str) -> Scope<'a> {
    Scope {
        tenant: tenant.as_bytes(),
        application: "dify",
        kind: ScopeKind::Conversation,
        id,
    }
}

fn memory() -> Store {
    Store::Memory(MemoryStore::new(100, 1 << 20))
}

async fn sqlite(folder: &std::path::Path) -> Store {
    Store::Sqlite(
        SqliteStore::open(&folder.join("conversations.db"))
            .await
            .unwrap(),
    )
}

/// What every store must do.
async fn conform(conversations: &Conversations) {
    let (mine, other) = (scope("a", "1"), scope("b", "1"));
    assert_eq!(conversations.load(&mine).await.unwrap(), None);
    assert_eq!(
        conversations.save(&mine, b"one", 0).await.unwrap(),
        Saved::As(1)
    );
    assert_eq!(
        conversations.load(&mine).await.unwrap(),
        Some((b"one".to_vec(), 1))
    );
    assert_eq!(
        conversations.load(&other).await.unwrap(),
        None,
        "another tenant's"
    );
    let message = Scope {
        kind: ScopeKind::Message,
        ..mine
    };
    assert_eq!(
        conversations.load(&message).await.unwrap(),
        None,
        "another kind"
    );
    // Two have read version 1; the second one to save is told.
    assert_eq!(
        conversations.save(&mine, b"two", 1).await.unwrap(),
        Saved::As(2)
    );
    assert_eq!(
        conversations.save(&mine, b"lost", 1).await.unwrap(),
        Saved::Outdated
    );
    assert_eq!(
        conversations.save(&mine, b"lost", 0).await.unwrap(),
        Saved::Outdated
    );
    assert_eq!(
        conversations.load(&mine).await.unwrap(),
        Some((b"two".to_vec(), 2))
    );
    conversations.forget(&mine).await.unwrap();
    assert_eq!(conversations.load(&mine).await.unwrap(), None);
    assert_eq!(
        conversations.save(&mine, b"late", 2).await.unwrap(),
        Saved::Outdated,
        "it was forgotten meanwhile"
    );
}

#[tokio::test]
async fn conversations_in_memory_do_what_every_store_does() {
    conform(&Conversations::new(memory(), keys("a"), DAY_MS)).await;
}

#[tokio::test]
async fn conversations_in_a_file_do_what_every_store_does_and_survive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    conform(&Conversations::new(
        sqlite(folder.path()).await,
        keys("a"),
        DAY_MS,
    ))
    .await;
    let before = Conversations::new(sqlite(folder.path()).await, keys("a"), DAY_MS);
    before
        .save(&scope("t", "9"), b"jo@example.com", 0)
        .await
        .unwrap();
    drop(before);
    let after = Conversations::new(sqlite(folder.path()).await, keys("a"), DAY_MS);
    let found = after.load(&scope("t", "9")).await.unwrap();
    assert_eq!(found, Some((b"jo@example.com".to_vec(), 1)));
}

#[tokio::test]
async fn nothing_of_a_conversation_can_be_read_in_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let conversations = Conversations::new(sqlite(folder.path()).await, keys("a"), DAY_MS);
    conversations
        .save(
            &scope("the-tenant", "the-conversation"),
            b"jo@example.com",
            0,
        )
        .await
        .unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for text in ["jo@example.com", "the-tenant", "the-conversation", "dify"] {
            assert!(
                memchr::memmem::find(&bytes, text.as_bytes()).is_none(),
                "{text} in {path:?}"
            );
        }
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path:?}");
    }
}

#[tokio::test]
async fn keys_are_rotated_without_losing_a_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let old = Conversations::new(sqlite(folder.path()).await, keys("a"), DAY_MS);
    old.save(&scope("t", "1"), b"old", 0).await.unwrap();
    let both = Conversations::new(sqlite(folder.path()).await, keys("ba"), DAY_MS);
    let (content, version) = both.load(&scope("t", "1")).await.unwrap().unwrap();
    assert_eq!(content, b"old");
    both.save(&scope("t", "1"), b"new", version).await.unwrap();
    let new = Conversations::new(sqlite(folder.path()).await, keys("b"), DAY_MS);
    assert_eq!(new.load(&scope("t", "1")).await.unwrap().unwrap().0, b"new");
    // What is only read is kept as well.
    old.save(&scope("t", "2"), b"read", 0).await.unwrap();
    both.load(&scope("t", "2")).await.unwrap().unwrap();
    assert_eq!(
        new.load(&scope("t", "2")).await.unwrap().unwrap().0,
        b"read"
    );
    assert_eq!(old.load(&scope("t", "2")).await.unwrap(), None);
}

/// Two gateways whose keys are in different orders never have two copies of a conversation.
async fn check_orders(one: &Conversations, other: &Conversations) {
    let scope = scope("t", "orders");
    assert_eq!(one.save(&scope, b"1", 0).await.unwrap(), Saved::As(1));
    let (_, here) = one.load(&scope).await.unwrap().unwrap();
    let (content, there) = other.load(&scope).await.unwrap().unwrap();
    assert_eq!((content.as_slice(), there > here), (&b"1"[..], true));
    // The other one has it now, and whoever has read it before is told.
    assert_eq!(one.save(&scope, b"2", here).await.unwrap(), Saved::Outdated);
    for turn in 0..6 {
        let (writer, reader) = if turn % 2 == 0 {
            (one, other)
        } else {
            (other, one)
        };
        let (_, version) = writer.load(&scope).await.unwrap().unwrap();
        let content = format!("turn {turn}");
        let saved = writer.save(&scope, content.as_bytes(), version).await;
        assert_eq!(saved.unwrap(), Saved::As(version + 1));
        assert_eq!(
            reader.load(&scope).await.unwrap().unwrap().0,
            content.as_bytes()
        );
    }
}

#[tokio::test]
async fn gateways_with_keys_in_different_orders_share_one_copy() {
    let folder = tempfile::tempdir().unwrap();
    let kept = async |digits| Conversations::new(sqlite(folder.path()).await, keys(digits), DAY_MS);
    check_orders(&kept("ab").await, &kept("ba").await).await;
    let redis = crate::shared::tests::redis_server::RedisServer::start();
    let url = SecretString::from(redis.url());
    let kept = |digits| {
        let server = Arc::new(crate::shared::SharedServer::new(&url, "test:", 2_000).unwrap());
        Conversations::new(Store::Redis(RedisStore::new(server)), keys(digits), DAY_MS)
    };
    check_orders(&kept("ab"), &kept("ba")).await;
}

#[tokio::test]
async fn a_record_that_was_changed_or_moved_does_not_open() {
    let keys = keys("ab");
    let (one, two) = (keys.name(&scope("t", "1")), keys.name(&scope("t", "2")));
    let sealed = keys.seal(&one, b"secret").unwrap();
    assert_eq!(keys.open(&one, &sealed).unwrap(), b"secret");
    assert!(
        matches!(keys.open(&two, &sealed), Err(StoreError::Sealed)),
        "under another name"
    );
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(keys.open(&one, &changed).is_err(), "byte {index}");
    }
    for length in 0..sealed.len() {
        assert!(
            keys.open(&one, &sealed[..length]).is_err(),
            "{length} bytes"
        );
    }
    assert_ne!(
        keys.seal(&one, b"secret").unwrap(),
        sealed,
        "every seal has a nonce of its own"
    );
}

#[tokio::test]
async fn a_conversation_ends_when_it_was_not_used_for_long_enough() {
    let folder = tempfile::tempdir().unwrap();
    for store in [memory(), sqlite(folder.path()).await] {
        let conversations = Conversations::new(store, keys("a"), 0);
        conversations.save(&scope("t", "1"), b"x", 0).await.unwrap();
        assert_eq!(conversations.load(&scope("t", "1")).await.unwrap(), None);
        assert_eq!(
            conversations.save(&scope("t", "1"), b"y", 0).await.unwrap(),
            Saved::As(1)
        );
    }
}

#[tokio::test]
async fn the_oldest_conversations_go_when_there_are_too_many() {
    let conversations = |records, bytes| {
        let store = Store::Memory(MemoryStore::new(records, bytes));
        Conversations::new(store, keys("a"), DAY_MS)
    };
    let few = conversations(2, 1 << 20);
    for id in ["1", "2"] {
        few.save(&scope("t", id), b"x", 0).await.unwrap();
    }
    few.load(&scope("t", "1")).await.unwrap();
    few.save(&scope("t", "3"), b"x", 0).await.unwrap();
    assert!(
        few.load(&scope("t", "1")).await.unwrap().is_some(),
        "used last but one"
    );
    assert!(few.load(&scope("t", "2")).await.unwrap().is_none());
    let small = conversations(100, 10);
    for id in ["1", "2", "3"] {
        small.save(&scope("t", id), b"12345", 0).await.unwrap();
    }
    assert!(small.load(&scope("t", "1")).await.unwrap().is_none());
    assert!(small.load(&scope("t", "3")).await.unwrap().is_some());
}

#[test]
fn keys_that_are_none_are_told_by_line_without_a_part_of_them() {
    let told = |text: &str| {
        ConversationKeys::parse(&SecretString::from(text))
            .unwrap_err()
            .to_string()
    };
    assert!(told("# nothing\n\n").starts_with("there is no key"));
    let short = told(&format!("{}\nabcdef", key('a')));
    assert!(
        short.starts_with("line 2 is no key") && !short.contains("abcdef"),
        "{short}"
    );
    assert!(told(&format!("{}\n{}", key('a'), key('A'))).starts_with("line 2 repeats a key"));
    let five = ["a", "b", "c", "d", "e"]
        .map(|digit| digit.repeat(64))
        .join("\n");
    assert!(told(&five).starts_with("there are more than 4 keys"));
    let made = ConversationKeys::generate().unwrap();
    assert!(ConversationKeys::parse(&made).is_ok());
}

#[tokio::test]
async fn a_file_that_is_no_store_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conversations.db");
    std::fs::write(
        &path,
        "this is no database at all, but long enough to be looked at\n".repeat(20),
    )
    .unwrap();
    let error = SqliteStore::open(&path).await.err().unwrap();
    assert!(
        error
            .to_string()
            .ends_with("conversations.db cannot be opened"),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("is damaged") && hint.contains("move it aside"),
        "{hint}"
    );
    assert!(hint.contains(path.to_str().unwrap()), "{hint}");
    let missing = SqliteStore::open(&folder.path().join("no/folder.db"))
        .await
        .err()
        .unwrap();
    assert!(
        missing.to_string().ends_with("folder.db cannot be opened"),
        "{missing}"
    );
}

#[tokio::test]
async fn conversations_are_shared_through_a_real_server_and_refused_while_it_is_away() {
    let mut redis = crate::shared::tests::redis_server::RedisServer::start();
    let url = SecretString::from(redis.url());
    let one = || {
        let server = Arc::new(crate::shared::SharedServer::new(&url, "test:", 2_000).unwrap());
        Conversations::new(Store::Redis(RedisStore::new(server)), keys("a"), DAY_MS)
    };
    let (here, there) = (one(), one());
    conform(&here).await;
    here.save(&scope("t", "1"), b"shared", 0).await.unwrap();
    assert_eq!(
        there.load(&scope("t", "1")).await.unwrap(),
        Some((b"shared".to_vec(), 1))
    );
    assert_eq!(
        there.save(&scope("t", "1"), b"more", 1).await.unwrap(),
        Saved::As(2)
    );
    assert_eq!(
        here.save(&scope("t", "1"), b"lost", 1).await.unwrap(),
        Saved::Outdated
    );
    redis.kill();
    let error = here.load(&scope("t", "1")).await.unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    assert!(here.save(&scope("t", "2"), b"x", 0).await.is_err());
}
