use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use tokio::task::{LocalSet, yield_now};
use tokio::time::{Instant, advance, sleep};

use super::*;

fn capacity(in_flight_max: Option<u32>, queue_max: u32) -> Arc<Capacity> {
    Arc::new(Capacity::new(&CapacityConfig {
        in_flight_max,
        queue_max,
        queue_timeout_ms: 1000,
    }))
}

async fn enter(capacity: &Arc<Capacity>) -> Result<Place, Shed> {
    capacity.enter(|| 0).await
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_everybody_is_let_in() {
    let capacity = capacity(None, 0);
    let mut places = Vec::new();
    for _ in 0..1000 {
        places.push(enter(&capacity).await.expect("a place"));
    }
    assert_eq!(capacity.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_refused_at_once() {
    let capacity = capacity(Some(1), 0);
    let place = enter(&capacity).await.expect("a place");
    let before = Instant::now();
    let shed = enter(&capacity).await.expect_err("no room");
    assert_eq!((shed.cause, shed.retry_after_s), (ShedCause::QueueFull, 1));
    assert_eq!(before.elapsed(), Duration::ZERO);
    drop(place);
    drop(enter(&capacity).await.expect("a place again"));
    assert_eq!(capacity.counters().shed_full.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_is_refused_in_time() {
    let capacity = capacity(Some(1), 5);
    let _place = enter(&capacity).await.expect("a place");
    let before = Instant::now();
    let shed = enter(&capacity).await.expect_err("no room");
    assert_eq!(shed.cause, ShedCause::QueueTimeout);
    assert_eq!(before.elapsed(), Duration::from_millis(1000));
    assert_eq!(capacity.waiting(), 0);
    assert_eq!(capacity.counters().shed_late.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn places_are_given_in_the_order_of_the_queue_and_nobody_overtakes() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let capacity = capacity(Some(1), 10);
            let first = enter(&capacity).await.expect("a place");
            let order = Rc::new(RefCell::new(Vec::new()));
            let mut waiters = Vec::new();
            for number in 0..5 {
                let (capacity, order) = (Arc::clone(&capacity), Rc::clone(&order));
                waiters.push(tokio::task::spawn_local(async move {
                    let place = enter(&capacity).await.expect("a place");
                    order.borrow_mut().push(number);
                    sleep(Duration::from_millis(10)).await;
                    drop(place);
                }));
                yield_now().await;
            }
            assert_eq!(capacity.waiting(), 5);
            drop(first);
            // The place belongs to the one who waits, not to whoever comes now.
            let (late, order) = (Arc::clone(&capacity), order);
            let late_order = Rc::clone(&order);
            waiters.push(tokio::task::spawn_local(async move {
                drop(enter(&late).await.expect("a place"));
                late_order.borrow_mut().push(99);
            }));
            for waiter in waiters {
                waiter.await.expect("a waiter");
            }
            assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 99]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_leaves_the_queue() {
    let local = LocalSet::new();
    local
        .run_until(async {
            let capacity = capacity(Some(1), 2);
            let place = enter(&capacity).await.expect("a place");
            let wait = || {
                let capacity = Arc::clone(&capacity);
                tokio::task::spawn_local(async move { enter(&capacity).await })
            };
            let (gone, stays) = (wait(), wait());
            yield_now().await;
            assert_eq!(capacity.waiting(), 2);
            gone.abort();
            assert!(gone.await.is_err());
            assert_eq!(capacity.waiting(), 1);
            drop(place);
            let place = stays.await.expect("a task").expect("a place");
            // One that goes away in the instant in which it was given the place gives it on.
            let gone = wait();
            yield_now().await;
            drop(place);
            gone.abort();
            let _ = gone.await;
            drop(enter(&capacity).await.expect("the place is not lost"));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_estimate_follows_how_long_requests_take_and_how_many_wait() {
    let capacity = capacity(Some(2), 100);
    for _ in 0..100 {
        let place = capacity.enter(|| 0).await.expect("a place");
        place.finish(4_000_000);
    }
    assert_eq!(capacity.retry_after_s(), 2, "one of two places, 4 s each");
    capacity.waiting.store(9, Relaxed);
    assert_eq!(capacity.retry_after_s(), 20);
    capacity.waiting.store(1000, Relaxed);
    assert_eq!(capacity.retry_after_s(), 60, "bounded");
    let cancelled = enter(&capacity).await.expect("a place");
    let before = capacity.held_mean_us.load(Relaxed);
    drop(cancelled);
    assert_eq!(capacity.held_mean_us.load(Relaxed), before);
}

#[test]
fn workers_on_threads_never_exceed_the_limit() {
    let capacity = capacity(Some(3), 1000);
    let (inside, highest) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_time().build().expect("a runtime");
                LocalSet::new().block_on(&runtime, async {
                    let requests = (0..50).map(|_| async {
                        let place = enter(&capacity).await.expect("a place");
                        highest.fetch_max(inside.fetch_add(1, Relaxed) + 1, Relaxed);
                        yield_now().await;
                        inside.fetch_sub(1, Relaxed);
                        drop(place);
                    });
                    futures::future::join_all(requests).await;
                });
            });
        }
    });
    assert!(highest.load(Relaxed) <= 3);
    assert_eq!((inside.load(Relaxed), capacity.waiting()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_clients_do_no_place_is_lost_and_none_is_too_many(
        places in 1..4u32,
        queue_max in 0..4u32,
        steps in prop::collection::vec((0..3u8, 0..400u64), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().start_paused(true).build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            let capacity = capacity(Some(places), queue_max);
            let inside = Rc::new(RefCell::new((0u32, 0u32)));
            let mut clients = Vec::new();
            for (step, time_ms) in steps {
                match step {
                    0 | 1 => {
                        let (capacity, inside) = (Arc::clone(&capacity), Rc::clone(&inside));
                        clients.push(tokio::task::spawn_local(async move {
                            let Ok(place) = enter(&capacity).await else { return };
                            let _count = Inside::enter(&inside);
                            sleep(Duration::from_millis(time_ms)).await;
                            drop(place);
                        }));
                    }
                    _ if !clients.is_empty() => {
                        clients.swap_remove(time_ms as usize % clients.len()).abort();
                    }
                    _ => {}
                }
                advance(Duration::from_millis(time_ms / 4)).await;
                yield_now().await;
                assert!(capacity.waiting() <= queue_max);
            }
            for client in clients {
                let _ = client.await;
            }
            assert!(inside.borrow().1 <= places, "{} inside", inside.borrow().1);
            assert_eq!(capacity.waiting(), 0);
            for _ in 0..places {
                std::mem::forget(enter(&capacity).await.expect("no place is lost"));
            }
        });
    }
}

/// Counts who is inside, and the most there ever were.
struct Inside(Rc<RefCell<(u32, u32)>>);

impl Inside {
    fn enter(inside: &Rc<RefCell<(u32, u32)>>) -> Inside {
        let mut counts = inside.borrow_mut();
        counts.0 += 1;
        counts.1 = counts.1.max(counts.0);
        Inside(Rc::clone(inside))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.borrow_mut().0 -= 1;
    }
}
