use super::*;
use crate::Epoch;

fn row(expires_ms: u64) -> LeaseRow {
    LeaseRow {
        epoch: Epoch(1),
        holder: Some("a".to_owned()),
        expires_ms,
    }
}

#[test]
fn what_is_left_is_the_same_by_every_clock() {
    for caller_ms in [0, 7, 1_000_000, 9_000_000_000] {
        let clock = ServerClock {
            server_ms: 1_000_000,
            caller_ms,
        };
        let seen = clock.to_caller(row(1_000_500));
        assert_eq!(seen.expires_ms, caller_ms + 500);
        assert_eq!(clock.to_server(seen).unwrap(), row(1_000_500));
        // Expired by the server's clock is expired by the caller's.
        assert!(clock.to_caller(row(999_999)).expires_ms <= caller_ms);
        assert!(clock.to_caller(row(1_000_000)).expires_ms <= caller_ms);
    }
}

#[test]
fn an_expiry_beyond_all_times_is_refused() {
    let clock = ServerClock {
        server_ms: 1_000_000,
        caller_ms: 0,
    };
    assert!(clock.to_server(row(i64::MAX as u64)).is_err());
}
