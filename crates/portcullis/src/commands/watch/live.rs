//! The live screen: what is known now, drawn at most ten times a second.

use portcullis_api::engine::Detail;

use super::painter::Painter;
use super::surroundings::Surroundings;
use crate::bounds::{FIRST_GLANCE_TIMEOUT, GLANCE_TIMEOUT, LOST_PATIENCE, SCREEN_FALLBACK};
use crate::clock::now_ms;
use crate::output::{self, Look};
use crate::render::screen::{Scene, screen};

/// A screen on the terminal.
#[derive(Debug)]
pub(in crate::commands) struct Live {
    look: Look,
    painter: Painter,
    surroundings: Surroundings,
    last: Option<Detail>,
}

impl Live {
    pub(in crate::commands) fn new(look: Look, surroundings: Surroundings) -> Live {
        Live {
            look,
            painter: Painter::new(look.colour),
            surroundings,
            last: None,
        }
    }

    /// Draws the rollout as it is.
    pub(in crate::commands) async fn show(&mut self, detail: Detail) {
        // The first frame comes at once, if need be without the traffic.
        let limit = match self.last {
            Some(_) => GLANCE_TIMEOUT,
            None => FIRST_GLANCE_TIMEOUT,
        };
        let service = detail.plan.plan.service.as_str();
        let route = self.surroundings.route(service, limit).await;
        let log = self.surroundings.log(&detail);
        let scene = Scene {
            detail: &detail,
            traffic: route.as_ref(),
            log: &log,
            expected_ms: &detail.plan.expected_ms,
            trouble: None,
            now_ms: now_ms(),
            unicode: self.look.unicode,
        };
        draw(&mut self.painter, &scene);
        self.last = Some(detail);
    }

    /// Draws the rollout as it was last seen, and that nobody answers since `lost_ms` milliseconds.
    pub(in crate::commands) fn lost(&mut self, lost_ms: u64) {
        let Some(detail) = &self.last else {
            return;
        };
        let log = self.surroundings.log(detail);
        let trouble = format!(
            "no server answers; trying again ({} s of {} s); what is below may be old",
            lost_ms / 1000,
            LOST_PATIENCE.as_secs()
        );
        let scene = Scene {
            detail,
            traffic: None,
            log: &log,
            expected_ms: &detail.plan.expected_ms,
            trouble: Some(&trouble),
            now_ms: now_ms(),
            unicode: self.look.unicode,
        };
        draw(&mut self.painter, &scene);
    }
}

fn draw(painter: &mut Painter, scene: &Scene<'_>) {
    let (columns, rows) = output::size()
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .unwrap_or(SCREEN_FALLBACK);
    // The last column and the last row stay free: a cursor that waits beyond a full line is treated
    // differently by different terminals.
    let screen = screen(scene, columns.saturating_sub(1), rows.saturating_sub(1));
    painter.draw(screen, columns);
}
