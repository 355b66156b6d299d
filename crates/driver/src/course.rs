//! How an attempt goes on while it is carried out: what it says of its progress, and whether it shall stop between two parts.

use portcullis_rollout::Fact;
use tokio::sync::watch;

/// The end of an attempt's course that its driver holds.
#[derive(Debug, Clone)]
pub struct Course {
    held: watch::Receiver<bool>,
    said: watch::Sender<String>,
}

/// The end that whoever started the attempt holds.
#[derive(Debug, Clone)]
pub struct CourseHandle {
    held: watch::Sender<bool>,
    said: watch::Receiver<String>,
}

/// What became of an attempt that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// It is done, with what there is to show for it.
    Done(Vec<Fact>),
    /// It was asked to stop and did, between two parts; another attempt goes on there.
    Suspended(Vec<Fact>),
}

impl Course {
    /// A course, and the other end of it.
    #[must_use]
    pub fn new() -> (Course, CourseHandle) {
        let (hold, held) = watch::channel(false);
        let (tell, said) = watch::channel(String::new());
        let course = Course { held, said: tell };
        (course, CourseHandle { held: hold, said })
    }

    /// Says how far the attempt is, in words that a sentence can end with. Only the latest is kept.
    pub fn say(&self, words: String) {
        let _ = self.said.send(words);
    }

    /// Turns true when the attempt shall stop.
    #[must_use]
    pub fn held(&self) -> watch::Receiver<bool> {
        self.held.clone()
    }
}

impl CourseHandle {
    /// Asks the attempt to stop between two parts. Its outcome still comes.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Waits until the attempt says something new, and gives it; nothing once the attempt is over.
    pub async fn said(&mut self) -> Option<String> {
        self.said.changed().await.ok()?;
        Some(self.latest())
    }

    /// What the attempt said last.
    pub fn latest(&mut self) -> String {
        self.said.borrow_and_update().clone()
    }

    /// Whether the attempt is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.said.has_changed().is_err()
    }
}
