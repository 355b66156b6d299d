/// The IPv4 addresses that are found in a text.
fn addresses(text: &str) -> Vec<String> {
    crate::tests::found(text)
        .into_iter()
        .filter(|(_, label)| label.starts_with("IP_"))
        .map(|(value, _)| value)
        .collect()
}

#[test]
fn versions_sections_and_drawings_stay() {
    let texts = [
        "Version 2.4.1.0 was released on 12 March 2023 and replaces 2.3.9.17.",
        "Section 3.2.1.4 explains it; see also 4.1.2.3 and Table 5.6.",
        "section 10.1.2.3 of the ISO doc contradicts 4.4.4.4",
        "rule 7.2.1.1 says no pets, and clause 8.8.8.8 is a joke",
        "Oracle 19.3.0.0 vs 11.2.0.4, which one is supported?",
        ".NET 4.0.30319.42000 and assembly 1.0.0.0",
        "java 1.8.0.382 or 17.0.9.8?",
        "teamviewer 15.49.3.0 won't install",
        "ruby '3.2.2' gem 'rails', '~> 7.1.2.1'",
        "\"electron\": \"28.1.0.2\", \"v8\": \"11.8.172.18\"",
        "\"typescript\": \"5.3.3.1\"",
        "oid 2.5.4.3 and 1.3.6.1",
        "2.5.4.3 (commonName)",
        "{\"version\":\"10.0.0.1\",\"min\":\"9.0.0.0\"}",
        "Upgrade from 7.0.0.1 to 7.0.0.2 complete (agent 1.1.1.1)",
        "viewBox=\"0 0 24 24\" d=\"M12.5 3.2.1.4-.5 7.8l10.0.0.1z\"",
        "d=\"M10 20.5.5.5 0 0 1-.5.5h-9a.5.5 0 0 1-.5-.5z\"",
        "<path d=\"M10 20.5.5.5 0 0 1-.5.5h-9a.5.5 0 0 1-.5-.5z\">",
        "/// class time_put_byname [22.2.5.4].",
        "  // 17.12.4.1 Class noop_coroutine_promise",
        "  // in subclause 7.3.6.3.",
        "  // [23.2.2.2] capacity",
        "driver 31.0.101.44",
        "PostgreSQL 9.6.1.0",
        "we run Oracle 19.3.0.0",
        "PDF 1.7.0.1 readers",
        "OPC UA 1.4.3.2",
        "fix in 3.2.1.4",
        "see 5.1.2.3 and 5.1.2.4",
        "the 1.2.3.4 build works but the 1.2.3.5 build fails",
        "nginx 1.2.3.4 is out",
        "Kafka 1.2.3.4",
        ".NET 4.0.0.1 required",
        "Acrobat 1.2.3.4",
        "PyPI 1.2.3.4",
        "Policy 3.6.1.1",
        "Article 1.2.3.4",
        "rev 1.2.3.4",
        "27.4.2.5  Members",
        "SQL Server 2.0.0.1",
        "update from 2.1.0.0 to 2.2.0.1",
        "updated to 1.2.3.4",
        "bump to 1.2.3.4",
        "requires 1.2.3.4",
        "EC 1.1.1.1 oxidoreductase",
        "time 12.30.45.120",
        "v1.2.3.4 to 1.2.3.5",
        "WhatsApp 2.23.20.76 crashes",
        "iOS app 4.12.3.1 crashes",
        "app 8.2.0.5 crashes on start",
        "released 3.4.5.6",
        "phiên bản 2.10.1.4 và 2.10.1.5",
    ];
    let wrong: Vec<_> = texts
        .iter()
        .filter(|text| !addresses(text).is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn addresses_in_ordinary_sentences_logs_and_configuration_are_found() {
    let cases: &[(&str, &[&str])] = &[
        ("ping 8.8.8.8", &["8.8.8.8"]),
        ("from 203.0.113.7", &["203.0.113.7"]),
        ("connect to 52.95.110.1:443", &["52.95.110.1"]),
        ("The server at 5.6.7.8 went down", &["5.6.7.8"]),
        (
            "5.6.7.8 - - [10/Oct/2023:13:55:36 +0000] \"GET / HTTP/1.1\" 200",
            &["5.6.7.8"],
        ),
        ("Blocked 5.6.7.8 for 10 minutes", &["5.6.7.8"]),
        ("my ip is 1.2.3.4", &["1.2.3.4"]),
        (
            "I see requests from 1.2.3.4 and 5.6.7.8",
            &["1.2.3.4", "5.6.7.8"],
        ),
        ("client 1.2.3.4 sent a malformed packet", &["1.2.3.4"]),
        (
            "update the DNS from 8.8.8.8 to 1.1.1.1",
            &["8.8.8.8", "1.1.1.1"],
        ),
        ("use 1.1.1.1 or 9.9.9.9", &["1.1.1.1", "9.9.9.9"]),
        ("Google DNS 8.8.8.8", &["8.8.8.8"]),
        ("Cloudflare 1.1.1.1", &["1.1.1.1"]),
        ("nginx 203.0.113.5", &["203.0.113.5"]),
        ("Failed login from 45.33.32.156 port 22", &["45.33.32.156"]),
        ("User bob logged in from 5.9.12.20", &["5.9.12.20"]),
        ("{\"client\":\"1.2.3.4\",\"status\":200}", &["1.2.3.4"]),
        ("\"remote_addr\": \"5.6.7.8\"", &["5.6.7.8"]),
        (
            "Received: from mail.example.com ([5.6.7.8]) by mx",
            &["5.6.7.8"],
        ),
        ("unknown[5.6.7.8]: SASL LOGIN failed", &["5.6.7.8"]),
        ("after the upgrade, ping 8.8.8.8 fails", &["8.8.8.8"]),
        ("we updated the app on 52.3.4.5 today", &["52.3.4.5"]),
        (
            "nginx 1.25.3 on 203.0.113.9 and 198.51.100.4",
            &["203.0.113.9", "198.51.100.4"],
        ),
        ("Chặn IP 1.2.3.4 giúp em", &["1.2.3.4"]),
        ("IP nhà em là 14.161.5.6", &["14.161.5.6"]),
        ("máy 14.225.10.9 không vào được", &["14.225.10.9"]),
        ("curl 1.2.3.4:8080/health", &["1.2.3.4"]),
        ("host 12.34.56.78 is up", &["12.34.56.78"]),
        ("Nmap scan report for 45.33.32.156", &["45.33.32.156"]),
        ("SSH 5.6.7.8 port 22", &["5.6.7.8"]),
        ("Destination 5.6.7.8", &["5.6.7.8"]),
        ("deny from 1.2.3.4;", &["1.2.3.4"]),
        ("allow 5.6.7.8/32", &["5.6.7.8"]),
        ("route 5.0.0.0/8", &["5.0.0.0"]),
        ("version 1.2.3.4 runs on 203.0.113.10", &["203.0.113.10"]),
        ("nginx 1.2.3.4:8080 answers", &["1.2.3.4"]),
        ("_172.25.253.68_ end", &["172.25.253.68"]),
        (
            "__10.1.2.3__ or _203.0.113.9_",
            &["10.1.2.3", "203.0.113.9"],
        ),
        ("value #8.8.77.19 ok", &["8.8.77.19"]),
        ("see #192.168.36.17 end", &["192.168.36.17"]),
    ];
    for (text, expected) in cases {
        assert_eq!(addresses(text), *expected, "{text}");
    }
}
