use super::*;

#[test]
fn an_address_is_shown_without_user_and_password() {
    let url =
        PostgresUrl::new("postgres://ada:s3cret@db.example:5433/ops?sslmode=require").unwrap();
    assert_eq!(url.to_string(), "postgres://db.example:5433/ops");
    assert_eq!(
        format!("{url:?}"),
        "PostgresUrl(postgres://db.example:5433/ops)"
    );
    let socket = PostgresUrl::new("postgresql://ada@localhost/ops?host=/run/postgresql").unwrap();
    assert_eq!(socket.to_string(), "postgres:///run/postgresql:5432/ops");
}

#[test]
fn a_refused_address_is_not_repeated() {
    let refused = [
        ("mysql://ada:s3cret@db/ops", "postgres://"),
        ("postgres://ada:s3cret@db", "no database"),
        ("postgres://ada:s3cret@db:port/ops", "cannot be read"),
        (
            "postgres://ada:s3cret@db/ops?sslmode=s3cret",
            "cannot be read",
        ),
        ("postgres://ada:x?s3cret@db/ops", "unknown parameter"),
        ("postgres://ada@db/ops?pasword=s3cret", "unknown parameter"),
        ("postgres://ada@db/ops?password=s3cret", "unknown parameter"),
    ];
    for (text, why) in refused {
        let error = PostgresUrl::new(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(why), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
