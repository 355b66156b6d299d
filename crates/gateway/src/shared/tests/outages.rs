//! A server that is gone, hangs, or cannot count.

use super::*;

#[tokio::test]
async fn a_gateway_alone_goes_on_from_the_common_buckets_and_tells_them_when_the_server_is_back() {
    let mut redis = RedisServer::start();
    let limits = [burst("api", 10, LimitKey::ClientAddress)];
    let one = Gateway::up(&redis.url(), &limits).await;
    let other = Gateway::up(&redis.url(), &limits).await;
    assert_eq!(other.admitted("192.0.2.1", 3).await, 3);
    assert_eq!(one.admitted("192.0.2.1", 5).await, 5);
    redis.kill();
    until("both know", || !one.store.is_up() && !other.store.is_up()).await;
    // It last heard that eight were used, the other one that three were.
    assert_eq!(one.admitted("192.0.2.1", 9).await, 2);
    assert_eq!(other.admitted("192.0.2.1", 4).await, 4);
    let standing = one.server.standing();
    assert_eq!((standing.is_up, standing.outages), (false, 1));
    assert_eq!((standing.answered, standing.counted_here), (5, 9));
    // It comes back without anything in memory. The bucket that is emptiest holds for all.
    redis.restart();
    one.until_up().await;
    other.until_up().await;
    assert!(one.server.standing().is_up);
    assert_eq!(one.admitted("192.0.2.1", 5).await, 0);
    assert_eq!(other.admitted("192.0.2.1", 5).await, 0);
    assert_eq!(one.admitted("192.0.2.3", 12).await, 10);
    assert_eq!(one.server.standing().counted_here, 9);
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_time_out_and_no_token_is_lost_or_given_twice() {
    let redis = RedisServer::start();
    let limits = [burst("api", 40, LimitKey::ClientAddress)];
    let timeout_ms = 300;
    let gateway = Gateway::start(&redis.url(), timeout_ms, &limits);
    gateway.until_up().await;
    assert_eq!(gateway.admitted("192.0.2.1", 10).await, 10);
    redis.pause();
    let began_ms = monotonic_ms();
    let waiting = std::iter::repeat_with(|| gateway.admits("192.0.2.1")).take(5);
    let waiting = futures::future::join_all(waiting).await;
    assert_eq!(waiting, [true; 5]);
    let waited_ms = monotonic_ms() - began_ms;
    assert!(waited_ms >= timeout_ms - 1, "{waited_ms} ms");
    assert!(!gateway.store.is_up());
    let began_ms = monotonic_ms();
    assert_eq!(gateway.admitted("192.0.2.1", 5).await, 5);
    assert!(monotonic_ms() - began_ms < timeout_ms, "they waited, too");
    assert_eq!(gateway.server.standing().counted_here, 10);
    // What was asked before the pause is executed now, and must not count twice.
    redis.resume();
    gateway.until_up().await;
    assert_eq!(gateway.admitted("192.0.2.1", 60).await, 20);
    assert_eq!(gateway.server.standing().counted_here, 10);
}

#[tokio::test]
async fn a_server_that_may_not_be_written_does_not_count() {
    let redis = RedisServer::start();
    let limits = [burst("api", 10, LimitKey::ClientAddress)];
    let gateway = Gateway::up(&redis.url(), &limits).await;
    assert_eq!(gateway.admitted("192.0.2.1", 4).await, 4);
    let mut connection = plain(&redis.url()).await;
    let mut memory = async |most: &str| {
        let mut set = redis::cmd("CONFIG");
        let set = set.arg("SET").arg("maxmemory").arg(most);
        set.query_async::<String>(&mut connection).await.unwrap()
    };
    memory("1").await;
    assert_eq!(gateway.admitted("192.0.2.1", 9).await, 6);
    assert_eq!(gateway.server.standing().counted_here, 9);
    let error = gateway.server.probe().await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("127.0.0.1:{} does not count: OOM", redis.port)
    );
    memory("0").await;
    gateway.until_up().await;
    assert_eq!(gateway.admitted("192.0.2.1", 9).await, 0);
    assert_eq!(gateway.server.standing().counted_here, 9);
}

#[tokio::test]
async fn a_server_that_forgot_the_script_gets_it_again() {
    let redis = RedisServer::start();
    let limits = [burst("api", 10, LimitKey::ClientAddress)];
    let gateway = Gateway::up(&redis.url(), &limits).await;
    assert_eq!(gateway.admitted("192.0.2.1", 4).await, 4);
    let mut connection = plain(&redis.url()).await;
    let mut flush = redis::cmd("SCRIPT");
    let flushed: String = flush
        .arg("FLUSH")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(flushed, "OK");
    assert_eq!(gateway.admitted("192.0.2.1", 9).await, 6);
    assert_eq!(gateway.server.standing().counted_here, 0);
}

#[tokio::test]
async fn without_a_server_from_the_beginning_every_request_is_counted_here_at_once() {
    let mut redis = RedisServer::start();
    let url = redis.url();
    redis.kill();
    let limits = [burst("api", 10, LimitKey::ClientAddress)];
    let gateway = Gateway::start(&url, 10_000, &limits);
    assert_eq!(gateway.admitted("192.0.2.1", 15).await, 10);
    until("it is known", || gateway.server.standing().outages == 1).await;
    redis.restart();
    gateway.until_up().await;
    assert_eq!(gateway.admitted("192.0.2.1", 5).await, 0);
}

#[tokio::test]
async fn workers_of_one_gateway_have_one_standing() {
    let mut redis = RedisServer::start();
    let limits = [burst("api", 10, LimitKey::Route)];
    let one = Gateway::up(&redis.url(), &limits).await;
    let other = Gateway::with(Arc::clone(&one.server), &limits);
    other.until_up().await;
    assert!(one.server.standing().is_up);
    redis.kill();
    until("both know", || !one.store.is_up() && !other.store.is_up()).await;
    assert_eq!(one.server.standing().outages, 1);
    redis.restart();
    one.until_up().await;
    other.until_up().await;
    let server = Arc::clone(&one.server);
    assert!(server.standing().is_up);
    drop((one, other));
    assert!(!server.standing().is_up, "nobody asks any more");
    assert_eq!(server.standing().outages, 1);
}
