//! Problems as they are written.

use super::*;

#[test]
fn a_wrong_method_is_told_with_the_right_ones() {
    let problem = Problem::from(Unread {
        status: 405,
        method: "DELETE",
        allow: Some("GET,HEAD"),
        body_bytes_max: 10,
        said: "",
    });
    let written = serde_json::to_value(&problem).unwrap();
    let expected = serde_json::json!({
        "type": "urn:portcullis:problem:method-not-allowed",
        "status": 405,
        "title": "Method not allowed",
        "detail": "this call does not take DELETE; it takes GET, HEAD",
        "code": "method_not_allowed",
    });
    assert_eq!(written, expected);
    assert_eq!(serde_json::from_value::<Problem>(written).unwrap(), problem);
}
