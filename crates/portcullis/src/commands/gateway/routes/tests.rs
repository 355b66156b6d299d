use portcullis_analysis::Histogram;

use super::*;

#[test]
fn mirrored_requests_are_told_with_both_latencies() {
    let (mut latency, mut stable_latency) = (Histogram::default(), Histogram::default());
    latency.record(30_000);
    stable_latency.record(10_000);
    let row = shadow_row(&ShadowStatus {
        requests: 12,
        errors: 1,
        differed: 2,
        skipped: 3,
        latency,
        stable_latency,
    });
    let told = mirrored(&row);
    let begin =
        "12 requests mirrored, 1 failed, 2 answered otherwise than by stable, 3 skipped; p50 3";
    assert!(told.starts_with(begin), "{told}");
    assert!(told.contains(" ms (stable 1"), "{told}");
    let json = serde_json::to_value(&row).expect("json");
    assert_eq!(json["differed"], 2);
    assert!(json["p99_us"].as_u64() > json["stable_p99_us"].as_u64());
}
