use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn config(name: &str, requests: u32, per_ms: u64, burst: u32, key: LimitKey) -> LimitConfig {
    LimitConfig {
        name: name.into(),
        requests,
        per_ms,
        burst,
        key,
    }
}

fn by_address(requests: u32, per_ms: u64, burst: u32) -> RouteLimits {
    let config = config("api", requests, per_ms, burst, LimitKey::ClientAddress);
    RouteLimits::new(vec![Arc::new(Limit::new(config))])
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn admits(limits: &RouteLimits, client: IpAddr, now_ms: u64) -> bool {
    let headers = HeaderMap::new();
    let subject = LimitSubject {
        client,
        caller: None,
        headers: &headers,
    };
    matches!(limits.check(&subject, now_ms), LimitDecision::Allowed(_))
}

fn count(limits: &RouteLimits, times: impl Iterator<Item = u64>) -> usize {
    let client = ip("192.0.2.1");
    times
        .filter(|now_ms| admits(limits, client, *now_ms))
        .count()
}

fn field(fields: &[(HeaderName, HeaderValue)], name: &str) -> String {
    let field = fields.iter().find(|(field, _)| field == name);
    field.unwrap().1.to_str().unwrap().to_owned()
}

#[test]
fn ten_a_second_with_a_burst_of_ten() {
    let limits = by_address(10, 1_000, 10);
    assert_eq!(count(&limits, std::iter::repeat_n(5_000, 50)), 10);
    assert_eq!(count(&limits, 5_001..5_100), 0);
    assert_eq!(count(&limits, std::iter::repeat_n(5_100, 5)), 1);
    // A minute at a hundred a second: what is let in is what the rate says.
    assert_eq!(count(&limits, (5_110..65_110).step_by(10)), 600);
}

#[test]
fn ten_a_second_with_a_burst_of_twenty() {
    let limits = by_address(10, 1_000, 20);
    assert_eq!(count(&limits, std::iter::repeat_n(0, 50)), 20);
    assert_eq!(count(&limits, std::iter::repeat_n(1_000, 50)), 10);
    assert_eq!(count(&limits, std::iter::repeat_n(60_000, 50)), 20);
}

#[test]
fn sixty_a_minute_with_a_burst_of_ten() {
    let limits = by_address(60, 60_000, 10);
    assert_eq!(count(&limits, std::iter::repeat_n(0, 60)), 10);
    assert_eq!(count(&limits, (0..60_000).step_by(100)), 59);
    assert_eq!(count(&limits, std::iter::once(60_000)), 1);
}

#[test]
fn a_hundred_a_minute_for_each_address() {
    let limits = by_address(100, 60_000, 100);
    let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
    assert_eq!((0..150).filter(|_| admits(&limits, one, 7)).count(), 100);
    assert_eq!((0..150).filter(|_| admits(&limits, other, 7)).count(), 100);
    assert!(!admits(&limits, one, 606));
    assert!(admits(&limits, one, 607));
}

#[test]
fn an_ipv6_network_has_one_bucket_and_a_mapped_address_is_the_ipv4_one() {
    let limits = by_address(1, 1_000_000, 1);
    assert!(admits(&limits, ip("2001:db8:1:2::1"), 0));
    assert!(!admits(&limits, ip("2001:db8:1:2:ffff::9"), 0));
    assert!(admits(&limits, ip("2001:db8:1:3::1"), 0));
    assert!(admits(&limits, ip("192.0.2.1"), 0));
    assert!(!admits(&limits, ip("::ffff:192.0.2.1"), 0));
    assert_ne!(network(ip("::")), network(ip("0.0.0.0")));
    assert_ne!(network(ip("::1:0:0:0:0")), network(ip("::")));
}

#[test]
fn a_refusal_says_when_to_come_again() {
    let limits = by_address(2, 5_000, 2);
    let headers = HeaderMap::new();
    let subject = LimitSubject {
        client: ip("192.0.2.1"),
        caller: None,
        headers: &headers,
    };
    let LimitDecision::Allowed(fields) = limits.check(&subject, 0) else {
        panic!("the first request was refused");
    };
    assert_eq!(field(&fields, "ratelimit"), "\"api\";r=1;t=3");
    let policy = "\"api\";q=2;w=5;portcullis-burst=2";
    assert_eq!(field(&fields, "ratelimit-policy"), policy);
    assert_eq!(field(&fields, "ratelimit-limit"), "2");
    assert_eq!(field(&fields, "ratelimit-remaining"), "1");
    assert_eq!(field(&fields, "ratelimit-reset"), "3");
    assert!(admits(&limits, subject.client, 0));
    let LimitDecision::Refused {
        limit,
        retry_after_ms,
        denial,
    } = limits.check(&subject, 100)
    else {
        panic!("the third request was let in");
    };
    assert_eq!((&*limit, retry_after_ms), ("api", 2_400));
    assert_eq!(denial.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(denial.code(), "rate-limited");
    assert_eq!(field(&denial.headers, "retry-after"), "3");
    assert_eq!(field(&denial.headers, "ratelimit"), "\"api\";r=0;t=3");
    assert!(!admits(&limits, subject.client, 2_499));
    assert!(admits(&limits, subject.client, 2_500));
}

#[test]
fn a_refused_request_takes_no_token_from_any_limit() {
    let wide = config("wide", 100, 1_000_000, 100, LimitKey::Route);
    let address = config("address", 50, 1_000_000, 50, LimitKey::ClientAddress);
    let narrow = config("narrow", 1, 1_000_000, 1, LimitKey::ClientAddress);
    let table = LimitTable::new(&[wide, address, narrow], None);
    let names: Vec<Arc<str>> = vec!["wide".into(), "address".into(), "narrow".into()];
    let limits = table.route(&names).unwrap();
    let client = ip("192.0.2.1");
    assert!(admits(&limits, client, 0));
    for _ in 0..1_000 {
        assert!(!admits(&limits, client, 0));
    }
    let wide = table.route(&names[..2]).unwrap();
    let headers = HeaderMap::new();
    let subject = LimitSubject {
        client,
        caller: None,
        headers: &headers,
    };
    let LimitDecision::Allowed(fields) = wide.check(&subject, 0) else {
        panic!("refused requests took tokens");
    };
    let expected = "\"wide\";r=98;t=10, \"address\";r=48;t=20";
    assert_eq!(field(&fields, "ratelimit"), expected);
    assert_eq!(field(&fields, "ratelimit-limit"), "50");
}

#[test]
fn callers_and_header_values_have_buckets_of_their_own() {
    let caller = Limit::new(config("c", 1, 1_000_000, 1, LimitKey::Caller));
    let tenant = LimitKey::Header("x-tenant".to_owned());
    let header = Limit::new(config("h", 1, 1_000_000, 1, tenant));
    let mut headers = HeaderMap::new();
    headers.insert("x-tenant", HeaderValue::from_static("one"));
    let client = ip("192.0.2.1");
    let subject = LimitSubject {
        client,
        caller: None,
        headers: &headers,
    };
    let mut keys = vec![caller.key(&subject)];
    for caller_ in [
        Caller::Key("one"),
        Caller::Key("two"),
        Caller::Subject {
            issuer: "",
            subject: "one",
        },
        Caller::Subject {
            issuer: "one",
            subject: "",
        },
    ] {
        keys.push(caller.key(&LimitSubject {
            caller: Some(caller_),
            ..subject
        }));
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5);
    let none = HeaderMap::new();
    let bare = LimitSubject {
        headers: &none,
        ..subject
    };
    assert_ne!(header.key(&subject), header.key(&bare));
    let elsewhere = LimitSubject {
        client: ip("192.0.2.2"),
        ..subject
    };
    assert_eq!(header.key(&subject), header.key(&elsewhere));
}

#[test]
fn a_reload_keeps_the_buckets_of_limits_that_stay_and_a_missing_name_is_told() {
    let kept = config("kept", 1, 1_000_000, 1, LimitKey::ClientAddress);
    let changed = config("changed", 1, 1_000_000, 1, LimitKey::ClientAddress);
    let old = LimitTable::new(&[kept.clone(), changed.clone()], None);
    let names: Vec<Arc<str>> = vec!["kept".into(), "changed".into()];
    let client = ip("192.0.2.1");
    assert!(admits(&old.route(&names).unwrap(), client, 0));
    let changed = LimitConfig {
        burst: 2,
        ..changed
    };
    let new = LimitTable::new(&[kept, changed], Some(&old));
    assert!(!admits(&new.route(&names[..1]).unwrap(), client, 0));
    assert!(admits(&new.route(&names[1..]).unwrap(), client, 0));
    assert!(new.route(&["other".into()]).is_none());
    assert!(admits(&new.route(&[]).unwrap(), client, 0));
}

#[test]
fn threads_that_share_a_limit_let_in_no_more_than_it_says() {
    for key in [LimitKey::Route, LimitKey::ClientAddress] {
        let limits = RouteLimits::new(vec![
            Arc::new(Limit::new(config(
                "a",
                1_000,
                1_000_000,
                1_000,
                key.clone(),
            ))),
            Arc::new(Limit::new(config("b", 3_000, 1_000_000, 3_000, key))),
        ]);
        let admitted: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| count(&limits, std::iter::repeat_n(0, 1_000))))
                .collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        assert_eq!(admitted, 1_000);
    }
}

#[test]
fn names_and_windows_are_told_in_the_form_of_the_draft() {
    let odd = config("a\"b\\c\u{e4}", 5, 500, 5, LimitKey::Route);
    assert_eq!(
        headers::policy(&odd),
        "\"a\\\"b\\\\c\";q=10;w=1;portcullis-burst=5"
    );
    let headers = HeaderMap::new();
    let subject = LimitSubject {
        client: ip("192.0.2.1"),
        caller: None,
        headers: &headers,
    };
    let none = RouteLimits::default().check(&subject, 0);
    assert!(matches!(none, LimitDecision::Allowed(fields) if fields.is_empty()));
}

/// A bucket as one would draw it: tokens in units of one `per_ms`-th, filled every millisecond.
struct Model {
    level: u128,
    capacity: u128,
    at_ms: u64,
}

impl Model {
    fn take(&mut self, requests: u32, per_ms: u64, now_ms: u64) -> bool {
        let since = u128::from(now_ms - self.at_ms);
        self.at_ms = now_ms;
        self.level = self.capacity.min(self.level + since * u128::from(requests));
        match self.level.checked_sub(u128::from(per_ms)) {
            Some(rest) => {
                self.level = rest;
                true
            }
            None => false,
        }
    }
}

proptest! {
    #[test]
    fn a_limit_does_what_a_bucket_of_tokens_does(
        requests in 1_u32..50,
        token_ms in 1_u64..2_000,
        burst in 1_u32..50,
        pauses in proptest::collection::vec(0_u64..3_000, 1..200),
    ) {
        let per_ms = token_ms * u64::from(requests);
        let limits = by_address(requests, per_ms, burst);
        let capacity = u128::from(burst) * u128::from(per_ms);
        let mut model = Model { level: capacity, capacity, at_ms: 0 };
        let mut now_ms = 0;
        for pause in pauses {
            now_ms += pause / 3;
            let expected = model.take(requests, per_ms, now_ms);
            prop_assert_eq!(admits(&limits, ip("192.0.2.1"), now_ms), expected);
        }
    }

    #[test]
    fn several_limits_admit_what_all_of_them_admit(
        first in (1_u32..20, 1_u64..500, 1_u32..20),
        second in (1_u32..20, 1_u64..500, 1_u32..20),
        steps in proptest::collection::vec((0_u64..200, 0_u8..3), 1..200),
    ) {
        let whole = |(requests, token_ms, burst): (u32, u64, u32)| {
            (requests, token_ms * u64::from(requests), burst)
        };
        let (first, second) = (whole(first), whole(second));
        let limits = RouteLimits::new(vec![
            Arc::new(Limit::new(config("a", first.0, first.1, first.2, LimitKey::ClientAddress))),
            Arc::new(Limit::new(config("b", second.0, second.1, second.2, LimitKey::Route))),
        ]);
        let bucket = |(_, per_ms, burst): (u32, u64, u32)| {
            let capacity = u128::from(burst) * u128::from(per_ms);
            Model { level: capacity, capacity, at_ms: 0 }
        };
        let mut addresses = [bucket(first), bucket(first), bucket(first)];
        let mut route = bucket(second);
        let mut now_ms = 0;
        for (pause, client) in steps {
            now_ms += pause;
            let own = &mut addresses[usize::from(client)];
            let (own_level, route_level) = (own.level, route.level);
            let (own_at, route_at) = (own.at_ms, route.at_ms);
            let a = own.take(first.0, first.1, now_ms);
            let b = route.take(second.0, second.1, now_ms);
            if !(a && b) {
                (own.level, own.at_ms) = (own_level, own_at);
                (route.level, route.at_ms) = (route_level, route_at);
            }
            let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, client));
            prop_assert_eq!(admits(&limits, address, now_ms), a && b);
        }
    }

    #[test]
    fn no_rate_is_ever_exceeded_and_nothing_overflows(
        requests in any::<u32>(),
        per_ms in any::<u64>(),
        burst in any::<u32>(),
        times in proptest::collection::vec(any::<u64>(), 1..50),
    ) {
        let limits = by_address(requests, per_ms, burst);
        for now_ms in times {
            let _ = admits(&limits, IpAddr::V6(Ipv6Addr::LOCALHOST), now_ms);
        }
    }
}
