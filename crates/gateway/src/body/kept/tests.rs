use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use http::HeaderMap;
use http_body_util::StreamBody;

use super::*;

type Come = Result<Frame<Bytes>, BodyError>;
type Kept = Rc<RefCell<KeptBody<StreamBody<UnboundedReceiver<Come>>>>>;

fn kept() -> (UnboundedSender<Come>, Kept) {
    let (sender, receiver) = unbounded();
    let body = KeptBody::new(StreamBody::new(receiver));
    (sender, Rc::new(RefCell::new(body)))
}

fn send(sender: &UnboundedSender<Come>, data: impl Into<Bytes>) {
    sender.unbounded_send(Ok(Frame::data(data.into()))).unwrap();
}

/// The next data for a reader; `None` at the end.
fn read(body: &Kept, sent: &mut u64) -> Poll<Option<Result<Bytes, BodyError>>> {
    let mut cx = Context::from_waker(Waker::noop());
    KeptBody::poll(body, sent, &mut cx).map_ok(|frame| frame.into_data().unwrap_or_default())
}

fn data(polled: Poll<Option<Result<Bytes, BodyError>>>) -> Bytes {
    match polled {
        Poll::Ready(Some(Ok(data))) => data,
        other => panic!("{other:?}"),
    }
}

fn is_gone(polled: Poll<Option<Result<Bytes, BodyError>>>) -> bool {
    matches!(polled, Poll::Ready(Some(Err(BodyError::Gone))))
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_byte_that_is_kept_does_not_keep_the_buffer_that_it_came_in() {
    let (sender, body) = kept();
    let _spare = Rc::clone(&body);
    let buffer = Bytes::from(vec![b'x'; 8192]);
    let mut sent = 0;
    for at in 0..100 {
        send(&sender, buffer.slice(at..=at));
        assert_eq!(data(read(&body, &mut sent)), "x");
    }
    assert!(buffer.is_unique());
    assert!(body.borrow().is_whole());
    assert_eq!(body.borrow().kept.len(), 100);
}

#[test]
fn two_readers_get_the_same_in_whatever_order_they_read() {
    let (sender, body) = kept();
    let _other = Rc::clone(&body);
    let (mut one, mut two) = (0, 0);
    send(&sender, "hel");
    assert_eq!(data(read(&body, &mut one)), "hel");
    send(&sender, "");
    send(&sender, "lo");
    assert_eq!(data(read(&body, &mut one)), "");
    assert_eq!(data(read(&body, &mut one)), "lo");
    assert_eq!(data(read(&body, &mut two)), "hello");
    send(&sender, "!");
    drop(sender);
    assert_eq!(data(read(&body, &mut two)), "!");
    assert!(matches!(read(&body, &mut two), Poll::Ready(None)));
    assert!(!body.borrow().is_end(one) && body.borrow().is_end(two));
    assert_eq!(data(read(&body, &mut one)), "!");
    assert!(matches!(read(&body, &mut one), Poll::Ready(None)));
}

#[test]
fn whoever_would_miss_a_part_gets_an_error() {
    for trailers in [false, true] {
        let (sender, body) = kept();
        let _other = Rc::clone(&body);
        let (mut one, mut two) = (0, 0);
        match trailers {
            true => {
                let frame = Frame::trailers(HeaderMap::new());
                sender.unbounded_send(Ok(frame)).unwrap();
            }
            false => send(&sender, vec![0; BODY_KEPT_BYTES_MAX + 1]),
        }
        let _ = data(read(&body, &mut one));
        assert!(!body.borrow().is_whole());
        assert!(body.borrow().has_rest(one) && !body.borrow().has_rest(two));
        assert!(is_gone(read(&body, &mut two)));
        assert!(read(&body, &mut one).is_pending());
        assert_eq!(body.borrow().kept.capacity(), 0);
    }
}

/// It is woken for that, however long the client is silent.
#[test]
fn the_last_reader_keeps_nothing_once_it_has_sent_what_was_kept() {
    let (sender, body) = kept();
    let spare = Rc::clone(&body);
    let (mut ahead, mut sent) = (0, 0);
    send(&sender, "hello");
    assert_eq!(data(read(&body, &mut ahead)), "hello");
    assert_eq!(data(read(&body, &mut sent)), "hello");
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(KeptBody::poll(&body, &mut sent, &mut cx).is_pending());
    assert_eq!(body.borrow().kept, b"hello");
    KeptBody::leave(spare);
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(read(&body, &mut sent).is_pending());
    assert_eq!(body.borrow().kept.capacity(), 0);
    send(&sender, "more");
    assert_eq!(data(read(&body, &mut sent)), "more");
    assert_eq!(body.borrow().kept.capacity(), 0);
    // One that would begin anew cannot.
    assert!(is_gone(read(&body, &mut 0)));
}

#[test]
fn the_last_reader_gets_what_it_is_behind() {
    let (sender, body) = kept();
    let spare = Rc::clone(&body);
    send(&sender, "hello");
    assert_eq!(data(read(&body, &mut 0)), "hello");
    KeptBody::leave(spare);
    let mut sent = 0;
    assert_eq!(data(read(&body, &mut sent)), "hello");
    drop(sender);
    assert!(matches!(read(&body, &mut sent), Poll::Ready(None)));
}
