use super::is_here;

#[test]
fn only_this_machine_is_asked_without_tls() {
    for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1"] {
        assert!(is_here(host), "{host}");
    }
    for host in ["127.0.0.1.example", "localhost.example", "10.0.0.1", ""] {
        assert!(!is_here(host), "{host}");
    }
}
