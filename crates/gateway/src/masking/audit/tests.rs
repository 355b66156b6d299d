use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_mask::Action;

use super::*;

fn subject(client: &str, conversation: Option<&str>) -> Subject {
    Subject {
        client: client.to_owned(),
        route: "chat".into(),
        mask: "dify".into(),
        is_shadow: false,
        conversation: conversation.map(conversation_name),
    }
}

fn one_email(at_ms: u64) -> Sums {
    Sums {
        from_ms: at_ms,
        until_ms: at_ms + 1,
        requests: 1,
        values: BTreeMap::from([("EMAIL".into(), BTreeMap::from([(Action::Mask, 1)]))]),
        ..Sums::default()
    }
}

#[test]
fn what_one_client_did_in_a_conversation_is_one_line_whichever_worker_did_it() {
    let folder = tempfile::tempdir().unwrap();
    let state_file = folder.path().join("splits.json");
    let audit = Arc::new(MaskingAudit::new(&state_file, 2));
    audit.add(0, subject("key:ci", Some("abc")), one_email(20));
    audit.add(1, subject("key:ci", Some("abc")), one_email(10));
    audit.add(1, subject("key:ci", Some("def")), one_email(30));
    audit.write();
    // Nothing more was collected.
    audit.write();
    let read = MaskingAuditTrail::beside(&state_file).read().unwrap();
    assert_eq!(read.len(), 2);
    let same = read.iter().find(|line| line.requests == 2).unwrap();
    assert_eq!((same.from_ms, same.until_ms), (10, 21));
    assert_eq!(same.values["EMAIL"]["mask"], 2);
    // The beginning of `printf abc | sha256sum`.
    assert_eq!(same.conversation.as_deref(), Some("ba7816bf8f01cfea"));
}

#[test]
fn more_clients_than_are_told_apart_are_told_together_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let audit = MaskingAudit::new(&folder.path().join("splits.json"), 1);
    let many = MASKING_AUDIT_LINES_MAX as u64 + 50;
    for number in 0..many {
        let client = format!("credential:{number}");
        audit.add(0, subject(&client, Some(&client)), one_email(1));
    }
    let entries = audit.take();
    assert_eq!(entries.len(), MASKING_AUDIT_LINES_MAX + 1);
    assert_eq!(
        entries.iter().map(|entry| entry.requests).sum::<u64>(),
        many
    );
    let others = entries.iter().find(|entry| entry.client == OTHERS).unwrap();
    assert_eq!((others.requests, &others.conversation), (50, &None));
}

#[test]
fn full_files_are_put_aside_and_the_oldest_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let trail = MaskingAuditTrail::beside(&folder.path().join("splits.json")).holding(1);
    let audit = MaskingAudit::new(&folder.path().join("splits.json"), 1);
    for number in 0..7 {
        audit.add(
            0,
            subject(&format!("key:{number}"), None),
            one_email(number),
        );
        trail.append(&audit.take()).unwrap();
    }
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("jsonl"))
        .collect();
    names.sort();
    let begin = "masking-audit.jsonl";
    let expected = ["", ".1", ".2", ".3", ".4"].map(|end| format!("{begin}{end}"));
    assert_eq!(names, expected);
    assert_eq!(trail.read().unwrap()[0].client, "key:6");
    let oldest = std::fs::read_to_string(folder.path().join("masking-audit.jsonl.4")).unwrap();
    assert!(oldest.contains("key:2"), "{oldest}");
}
