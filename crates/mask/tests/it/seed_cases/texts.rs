//! Texts, masked in a new conversation and restored.

use super::{Case, mapping, masker, restored};

type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// Group, text, what the plugin makes of it, what we make of it, why that differs.
const TEXTS: &[Row] = &[
    (
        "E-mail addresses",
        "Contact us at support@example.com or admin@test.org",
        "Contact us at EMAIL_1 or EMAIL_2",
        "Contact us at EMAIL_1 or EMAIL_2",
        "",
    ),
    (
        "E-mail addresses",
        "Emails: user1@domain1.com, user2@domain2.org, admin@company.net",
        "Emails: EMAIL_1, EMAIL_2, EMAIL_3",
        "Emails: EMAIL_1, EMAIL_2, EMAIL_3",
        "",
    ),
    (
        "E-mail addresses",
        "Email: user+tag@sub.domain.co.uk",
        "Email: EMAIL_1",
        "Email: EMAIL_1",
        "",
    ),
    (
        "E-mail addresses",
        "invalid-email",
        "invalid-email",
        "invalid-email",
        "",
    ),
    ("E-mail addresses", "user@", "user@", "user@", ""),
    (
        "E-mail addresses",
        "@domain.com",
        "@domain.com",
        "@domain.com",
        "",
    ),
    (
        "E-mail addresses",
        "user@domain",
        "user@domain",
        "user@domain",
        "",
    ),
    (
        "E-mail addresses",
        "user@domain.",
        "user@domain.",
        "user@domain.",
        "",
    ),
    (
        "E-mail addresses",
        "user..name@domain.com",
        "EMAIL_1",
        "user..name@domain.com",
        "Two dots in a row are no local part (RFC 5322), as the plugin's own list of invalid addresses says.",
    ),
    (
        "Private and public IPv4 addresses",
        "Server IP: 192.168.1.1 and backup: 10.0.0.1",
        "Server IP: IP_PRIVATE_1 and backup: IP_PRIVATE_2",
        "Server IP: IP_PRIVATE_1 and backup: IP_PRIVATE_2",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "IPs: 192.168.1.1, 10.0.0.1, 172.16.0.1",
        "IPs: IP_PRIVATE_1, IP_PRIVATE_2, IP_PRIVATE_3",
        "IPs: IP_PRIVATE_1, IP_PRIVATE_2, IP_PRIVATE_3",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "Server at 192.168.1.100 and DNS at 8.8.8.8",
        "Server at IP_PRIVATE_1 and DNS at IP_PUBLIC_1",
        "Server at IP_PRIVATE_1 and DNS at IP_PUBLIC_1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "256.256.256.256",
        "256.256.256.256",
        "256.256.256.256",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "192.168.1",
        "192.168.1",
        "192.168.1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "192.168.1.1.1",
        "IP_PRIVATE_1.1",
        "192.168.1.1.1",
        "Five numbers are no address; the plugin's own test lists it as invalid.",
    ),
    (
        "Private and public IPv4 addresses",
        "192.168.01.1",
        "192.168.01.1",
        "192.168.01.1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "192.168.-1.1",
        "192.168.-1.1",
        "192.168.-1.1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "192.168.1.1",
        "IP_PRIVATE_1",
        "IP_PRIVATE_1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "10.0.0.1",
        "IP_PRIVATE_1",
        "IP_PRIVATE_1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "172.16.0.1",
        "IP_PRIVATE_1",
        "IP_PRIVATE_1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "127.0.0.1",
        "IP_PRIVATE_1",
        "IP_PRIVATE_1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "8.8.8.8",
        "IP_PUBLIC_1",
        "IP_PUBLIC_1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "1.1.1.1",
        "IP_PUBLIC_1",
        "IP_PUBLIC_1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "256.1.1.1",
        "256.1.1.1",
        "256.1.1.1",
        "",
    ),
    (
        "Private and public IPv4 addresses",
        "invalid",
        "invalid",
        "invalid",
        "",
    ),
    ("IPv6 addresses", "2001:db8::1", "IPV6_1", "IPV6_1", ""),
    ("IPv6 addresses", "fe80::1", "IPV6_1", "IPV6_1", ""),
    ("IPv6 addresses", "::1", "IPV6_1", "IPV6_1", ""),
    (
        "IPv6 addresses",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "IPV6_1",
        "IPV6_1",
        "",
    ),
    (
        "IPv6 addresses",
        "invalid:ipv6",
        "invalid:ipv6",
        "invalid:ipv6",
        "",
    ),
    (
        "IPv6 addresses",
        "192.168.1.1",
        "IP_PRIVATE_1",
        "IP_PRIVATE_1",
        "",
    ),
    ("IPv6 addresses", "", "", "", ""),
    (
        "IPv6 addresses",
        "IPv6 server at 2001:db8::1 and backup at fe80::1",
        "IPv6 server at IPV6_1 and backup at IPV6_2",
        "IPv6 server at IPV6_1 and backup at IPV6_2",
        "",
    ),
    (
        "Domains and host names",
        "Visit google.com or microsoft.com for more info",
        "Visit DOMAIN_1 or DOMAIN_2 for more info",
        "Visit DOMAIN_1 or DOMAIN_2 for more info",
        "",
    ),
    (
        "Domains and host names",
        "Visit GOOGLE.COM or Microsoft.com for information",
        "Visit DOMAIN_1 or DOMAIN_2 for information",
        "Visit DOMAIN_1 or DOMAIN_2 for information",
        "",
    ),
    (
        "Domains and host names",
        "Email admin@google.com from server 192.168.1.1 about api.github.com issues",
        "Email EMAIL_1 from HOSTNAME_1 IP_PRIVATE_1 about HOSTNAME_2.DOMAIN_1 issues",
        "Email EMAIL_1 from server IP_PRIVATE_1 about DOMAIN_1 issues",
        "Words such as `server` and `api` are no data, so the plugin's list of host names is off; `--dictionary hostnames` turns it on. A domain is hidden as a whole.",
    ),
    (
        "Organisations",
        "I work at Google and my friend works at Microsoft",
        "I work at ORG_1 and my friend works at ORG_2",
        "I work at ORG_1 and my friend works at ORG_2",
        "",
    ),
    (
        "Organisations",
        "Tech giants: Google, Microsoft, Amazon, Apple, Facebook",
        "Tech giants: ORG_1, ORG_2, ORG_3, ORG_4, ORG_5",
        "Tech giants: ORG_1, ORG_2, ORG_3, ORG_4, ORG_5",
        "",
    ),
    (
        "Organisations",
        "Googled something and Microsoftware",
        "Googled something and Microsoftware",
        "Googled something and Microsoftware",
        "",
    ),
    (
        "Organisations",
        "Companies: google, MICROSOFT, Amazon",
        "Companies: ORG_1, ORG_2, ORG_3",
        "Companies: ORG_1, ORG_2, ORG_3",
        "",
    ),
    (
        "There and back",
        "Email: test@example.com, IP: 192.168.1.1, Company: Google",
        "Email: EMAIL_1, IP: IP_PRIVATE_1, Company: ORG_1",
        "Email: EMAIL_1, IP: IP_PRIVATE_1, Company: ORG_1",
        "",
    ),
    (
        "There and back",
        "Regular text without placeholders",
        "Regular text without placeholders",
        "Regular text without placeholders",
        "",
    ),
];

pub(super) fn cases() -> Vec<Case> {
    let rows = TEXTS.iter();
    rows.map(|(group, given, theirs, ours, why)| Case {
        group,
        given,
        theirs,
        ours,
        why,
        run: there_and_back,
    })
    .chain([Case {
        group: "There and back",
        given: "my address is test@example.com, and again: test@example.com",
        theirs: "EMAIL_1 in both texts",
        ours: "EMAIL_1 in both texts",
        why: "",
        run: same_value_in_two_texts,
    }])
    .collect()
}

/// The masked text, after making sure that it comes back.
fn there_and_back(text: &str) -> String {
    let mut mapping = mapping();
    let masked = masker().mask(text, None, &mut mapping);
    let masked = masked.expect("nothing is blocked").text.into_owned();
    assert_eq!(restored(&mapping, &masked), text);
    masked
}

fn same_value_in_two_texts(texts: &str) -> String {
    let mut mapping = mapping();
    let mut names: Vec<String> = texts
        .split(", ")
        .map(|text| {
            let masked = masker().mask(text, None, &mut mapping);
            let masked = masked.expect("nothing is blocked").text;
            masked.rsplit(' ').next().unwrap_or_default().to_owned()
        })
        .collect();
    names.dedup();
    format!("{} in both texts", names.join(" and "))
}
