//! The question of the gRPC health checking protocol, as bytes.
//!
//! A server of gRPC takes no plain GET, so it is asked in its own way: `Health.Check` of the protocol
//! `grpc.health.v1`, for the server as a whole. Both messages are small enough to be written by hand.

/// The path of a request of `Check`. A check of this path is asked in gRPC.
pub const PATH: &str = "/grpc.health.v1.Health/Check";
/// The content type of gRPC.
pub const CONTENT_TYPE: &str = "application/grpc";
/// The field that has the status of a call, in the head of an answer without messages or in its trailers.
pub const STATUS_FIELD: &str = "grpc-status";
/// A frame (not compressed, of length 0) with a `HealthCheckRequest` that names no service.
pub const QUESTION: [u8; 5] = [0; 5];

/// A frame of length 2 with a `HealthCheckResponse`: field 1 is `status`, its last byte.
const ANSWER_HEAD: [u8; 6] = [0, 0, 0, 0, 2, 8];

/// Judges an answer with the HTTP status 200: `status` is the gRPC status from its head or trailers, where
/// there was one, and `body` what came.
///
/// # Errors
/// Says what the server answered when it is not `SERVING`, to be put behind method and path.
pub fn judge(status: Option<&[u8]>, body: &[u8]) -> Result<(), String> {
    if let Some(status) = status.filter(|status| *status != b"0") {
        let status = String::from_utf8_lossy(status);
        let hint = match &*status {
            "12" => ", the server has no health service (grpc.health.v1.Health)",
            _ => "",
        };
        return Err(format!("answered with the gRPC status {status}{hint}"));
    }
    let state = body.strip_prefix(&ANSWER_HEAD);
    match state {
        Some([1]) => Ok(()),
        Some([2]) => Err("answered NOT_SERVING".to_owned()),
        Some([3]) => Err("answered SERVICE_UNKNOWN".to_owned()),
        // The state UNKNOWN is 0, which protocol buffers leave out.
        _ if body == [0; 5] => Err("answered UNKNOWN".to_owned()),
        _ => Err("answered something else than the state of a gRPC server".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_says_serving_is_healthy() {
        let serving = [0, 0, 0, 0, 2, 8, 1];
        assert_eq!(judge(Some(b"0"), &serving), Ok(()));
        assert_eq!(judge(None, &serving), Ok(()));
        let said = |status, body: &[u8]| judge(status, body).unwrap_err();
        assert!(said(Some(b"12"), b"").contains("status 12, the server has no health service"));
        assert!(said(Some(b"14"), &serving).ends_with("status 14"));
        assert!(said(None, &[0, 0, 0, 0, 2, 8, 2]).contains("NOT_SERVING"));
        assert!(said(None, &[0, 0, 0, 0, 2, 8, 3]).contains("SERVICE_UNKNOWN"));
        assert!(said(None, &[0; 5]).contains("UNKNOWN"));
        for body in [&b""[..], b"ok", &[1, 0, 0, 0, 2, 8, 1], &[0, 0, 0, 0, 2, 8]] {
            assert!(said(None, body).contains("something else"), "{body:?}");
        }
    }
}
