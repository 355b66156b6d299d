use super::*;

fn arm_state() -> ArmState {
    let arm = Arm {
        release: "1.0".to_owned(),
        address: "127.0.0.1:80".to_owned(),
    };
    ArmState::new(arm, portcullis_config::UpstreamProtocol::Http1, 2).unwrap()
}

#[test]
fn a_new_arm_is_healthy_after_one_check_and_a_failed_one_after_several() {
    let settings = HealthSettings {
        unhealthy_after: 2,
        healthy_after: 3,
        ..Default::default()
    };
    let arm = arm_state();
    let failed = || Err("no connection".to_owned());
    let steps = [
        (failed(), Health::Unknown),
        (Ok(()), Health::Healthy),
        (failed(), Health::Healthy),
        (Ok(()), Health::Healthy),
        (failed(), Health::Healthy),
        (failed(), Health::Unhealthy),
        (Ok(()), Health::Unhealthy),
        (failed(), Health::Unhealthy),
        (Ok(()), Health::Unhealthy),
        (Ok(()), Health::Unhealthy),
        (Ok(()), Health::Healthy),
    ];
    for (at, (result, after)) in steps.iter().enumerate() {
        arm.record_check(result, &settings);
        assert_eq!(arm.health(), *after, "after step {at}");
        assert_eq!(arm.status().health.healthy, *after == Health::Healthy);
    }
    let health = arm.status().health;
    assert_eq!(
        (health.passed, health.failed, health.consecutive_failures),
        (6, 5, 0)
    );
    assert_eq!(health.last_failure.as_deref(), Some("no connection"));
}

#[test]
fn counters_of_all_workers_are_added_up() {
    let arm = arm_state();
    for (worker, status) in [
        (0, StatusCode::OK),
        (1, StatusCode::OK),
        (1, StatusCode::NOT_FOUND),
    ] {
        arm.counters(worker).answered(status, 20);
        arm.counters(worker).requests.fetch_add(1, Relaxed);
    }
    arm.counters(0).last_sent_at_ms.store(7, Relaxed);
    arm.counters(1).last_sent_at_ms.store(5, Relaxed);
    let status = arm.status();
    assert_eq!((status.requests, status.by_class), (3, [0, 2, 0, 1, 0]));
    assert_eq!(
        (status.latency.count(), status.latency.quantile_us(1.0)),
        (3, Some(20))
    );
    assert_eq!(status.last_sent_at_ms, 7);
}

#[test]
fn releases_must_fit_a_header() {
    for release in ["", "a\nb"] {
        let arm = Arm {
            release: release.to_owned(),
            address: "127.0.0.1:80".to_owned(),
        };
        assert!(
            ArmState::new(arm, portcullis_config::UpstreamProtocol::Http1, 1)
                .unwrap_err()
                .contains("release")
        );
    }
}
