use proptest::prelude::*;

use crate::tests::found;
use crate::{Finder, Rules};

/// Checks texts with what is to be found in each; tells all that differ at once.
fn check(cases: &[(&str, &[(&str, &str)])]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(text, expected)| {
            let found = found(text);
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|(value, label)| (value.as_str(), label.as_str()))
                .filter(|(_, label)| OURS.contains(label))
                .collect();
            (found != *expected)
                .then(|| format!("{text:?}\n     found {found:?}\n  expected {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Checks that nothing of this room is found in any of these.
fn check_nothing(texts: &[&str]) {
    let cases: Vec<(&str, &[(&str, &str)])> = texts.iter().map(|text| (*text, &[][..])).collect();
    check(&cases);
}

/// What this room finds.
const OURS: &[&str] = &[
    "EMAIL",
    "IP_PRIVATE",
    "IP_PUBLIC",
    "IPV6",
    "MAC",
    "DOMAIN",
    "URL",
];

const E: &str = "EMAIL";
const P: &str = "IP_PRIVATE";
const G: &str = "IP_PUBLIC";
const V6: &str = "IPV6";
const M: &str = "MAC";
const D: &str = "DOMAIN";
const U: &str = "URL";

#[test]
fn e_mail_addresses_are_found_with_their_exact_span() {
    check(&[
        (
            "Contact us at support@example.com or admin@test.org",
            &[("support@example.com", E), ("admin@test.org", E)],
        ),
        (
            "Emails: user1@domain1.com, user2@domain2.org, admin@company.net",
            &[
                ("user1@domain1.com", E),
                ("user2@domain2.org", E),
                ("admin@company.net", E),
            ],
        ),
        (
            "Email: user+tag@sub.domain.co.uk",
            &[("user+tag@sub.domain.co.uk", E)],
        ),
        ("john.doe@company.com", &[("john.doe@company.com", E)]),
        (
            "Mail me: john.doe@company.com.",
            &[("john.doe@company.com", E)],
        ),
        (
            "(jane_doe@mail.example.org)",
            &[("jane_doe@mail.example.org", E)],
        ),
        ("<jane@example.org>", &[("jane@example.org", E)]),
        (
            "[jane@example.org](mailto:jane@example.org)",
            &[("jane@example.org", E), ("jane@example.org", E)],
        ),
        ("**jane@example.org**", &[("jane@example.org", E)]),
        ("_jane@example.org_", &[("_jane@example.org", E)]),
        ("`jane@example.org`", &[("jane@example.org", E)]),
        (
            "mailto:jane@example.org?subject=Hi",
            &[("jane@example.org", E)],
        ),
        (
            "{\"email\":\"jane@example.org\"}",
            &[("jane@example.org", E)],
        ),
        ("'jane@example.org'", &[("jane@example.org", E)]),
        ("o'brien@example.ie", &[("o'brien@example.ie", E)]),
        ("email=jane@example.org&x=1", &[("jane@example.org", E)]),
        ("bob@corp.technology", &[("bob@corp.technology", E)]),
        ("a@b.co", &[("a@b.co", E)]),
        ("jörg.müller@münchen.de", &[("jörg.müller@münchen.de", E)]),
        ("почта@пример.рф", &[("почта@пример.рф", E)]),
        ("用户@例子.公司", &[("用户@例子.公司", E)]),
        ("邮箱test@example.com的", &[("test@example.com", E)]),
        ("jane@xn--mnchen-3ya.de", &[("jane@xn--mnchen-3ya.de", E)]),
        (
            "\"jane doe\"@example.com",
            &[("\"jane doe\"@example.com", E)],
        ),
        (
            "to \"very.unusual.@.unusual.com\"@example.com now",
            &[("\"very.unusual.@.unusual.com\"@example.com", E)],
        ),
        ("JANE.DOE@EXAMPLE.COM!", &[("JANE.DOE@EXAMPLE.COM", E)]),
        (
            "root@server.internal, x@printer.lan",
            &[("root@server.internal", E), ("x@printer.lan", E)],
        ),
        ("nobody@example.invalid", &[("nobody@example.invalid", E)]),
        ("john@example.com.Please reply", &[("john@example.com", E)]),
        ("john@example.com.Next week", &[("john@example.com", E)]),
        ("john@example.com.vn.", &[("john@example.com.vn", E)]),
        (
            "gửi cho lan.nguyen@vnexpress.net, nhé",
            &[("lan.nguyen@vnexpress.net", E)],
        ),
        (
            "Địa chỉ:minh@congty.com.vn...",
            &[("minh@congty.com.vn", E)],
        ),
        ("liên hệ...minh@congty.vn", &[("minh@congty.vn", E)]),
        ("a line\\njane@example.org\\n", &[("jane@example.org", E)]),
        ("\\u003cjane@example.org\\u003e", &[("jane@example.org", E)]),
        ("&lt;jane@example.org&gt;", &[("jane@example.org", E)]),
        ("jane@[192.168.2.1]", &[("jane@[192.168.2.1]", E)]),
        ("jane@[IPv6:2001:db8::1]", &[("jane@[IPv6:2001:db8::1]", E)]),
        (
            "jane@example.com;bob@example.com,eve@example.com",
            &[
                ("jane@example.com", E),
                ("bob@example.com", E),
                ("eve@example.com", E),
            ],
        ),
        (
            "- jane@example.org\n-bob@example.org",
            &[("jane@example.org", E), ("bob@example.org", E)],
        ),
        (
            "user-name@sub-domain.example.com",
            &[("user-name@sub-domain.example.com", E)],
        ),
        ("1234567890@qq.com", &[("1234567890@qq.com", E)]),
        (
            "Jane's mail (jane@example.com) is",
            &[("jane@example.com", E)],
        ),
        ("x@example.com/path", &[("x@example.com", E)]),
        ("https-less: name@host.museum", &[("name@host.museum", E)]),
        ("jane@example.com: hello", &[("jane@example.com", E)]),
        (
            "\u{201c}jane@example.com\u{201d}",
            &[("jane@example.com", E)],
        ),
        ("jane@example.com\u{3002}", &[("jane@example.com", E)]),
        ("Jane&Joe<jane@example.com>", &[("jane@example.com", E)]),
        ("x=jane@example.com;", &[("jane@example.com", E)]),
        ("jane@example.com--", &[("jane@example.com", E)]),
        ("jane@example.com_", &[("jane@example.com", E)]),
        (
            "user%example.com@example.org",
            &[("user%example.com@example.org", E)],
        ),
        (
            "ssh deploy@prod.example.com",
            &[("deploy@prod.example.com", E)],
        ),
        (
            "first.last+tag-1@mail-server.example.travel",
            &[("first.last+tag-1@mail-server.example.travel", E)],
        ),
        ("nguyễn.an@ví-dụ.vn", &[("nguyễn.an@ví-dụ.vn", E)]),
        ("a@b.de,c@d.fr", &[("a@b.de", E), ("c@d.fr", E)]),
        (
            "author = \"Jane <jane@example.dev>\"",
            &[("jane@example.dev", E)],
        ),
        (
            "disposable.style.email.with+symbol@example.com",
            &[("disposable.style.email.with+symbol@example.com", E)],
        ),
        ("_______@example.co.jp x", &[]),
        ("to:jane@example.com", &[("jane@example.com", E)]),
        ("jane@example.com@", &[]),
    ]);
}

#[test]
fn what_only_looks_like_an_e_mail_address_stays() {
    check_nothing(&[
        "invalid-email",
        "user@",
        "@domain.com",
        "user@domain",
        "user@domain.",
        "user..name@domain.com",
        ".user@domain.com",
        "user.@domain.com",
        "user@domain..com",
        "user@.com",
        "user@-domain.com",
        "user@domain-.com",
        "user@domain.c",
        "user@domain.123",
        "user@domain,com",
        "npm i lodash@4.17.21 react@18.2.0 foo@1.2.3",
        "@types/node@20.1.0",
        "uses: actions/checkout@v4",
        "git clone git@github.com:org/repo.git",
        "@app.route('/x')",
        "@pytest.mark.parametrize",
        "@Override public void run()",
        "ssh root@server",
        "ssh deploy@build01 -p 2222",
        "logo@2x.png icon@3x.ai",
        "a@b@c.com",
        "user@domain@example.com",
        "double@@domain.com",
        "@user@mastodon.social",
        "${name}@example.com",
        "%s@example.com",
        "meet @ 5.30 pm",
        "5 apples @ 1.20 each",
        "x = A @ B.T",
        "m @ n.transpose()",
        "user@localhost",
        "image: repo/app@sha256:abcdef",
        "@media screen",
        "@import url",
        "jdoe@@",
        "email@domain.notatld",
        "hình@ ảnh",
    ]);
}

#[test]
fn ipv4_addresses_are_private_or_public() {
    check(&[
        (
            "Server IP: 192.168.1.1 and backup: 10.0.0.1",
            &[("192.168.1.1", P), ("10.0.0.1", P)],
        ),
        (
            "IPs: 192.168.1.1, 10.0.0.1, 172.16.0.1",
            &[("192.168.1.1", P), ("10.0.0.1", P), ("172.16.0.1", P)],
        ),
        (
            "Server at 192.168.1.100 and DNS at 8.8.8.8",
            &[("192.168.1.100", P), ("8.8.8.8", G)],
        ),
        ("127.0.0.1", &[("127.0.0.1", P)]),
        ("1.1.1.1", &[("1.1.1.1", G)]),
        (
            "172.31.255.254 172.32.0.1",
            &[("172.31.255.254", P), ("172.32.0.1", G)],
        ),
        ("169.254.169.254", &[("169.254.169.254", P)]),
        (
            "100.64.0.1 100.128.0.1",
            &[("100.64.0.1", P), ("100.128.0.1", G)],
        ),
        ("connect to 203.0.113.7:8080.", &[("203.0.113.7", G)]),
        ("route 10.0.0.0/8 dev eth0", &[("10.0.0.0", P)]),
        (
            "192.168.1.1-192.168.1.50",
            &[("192.168.1.1", P), ("192.168.1.50", P)],
        ),
        (
            "192.168.1.1..192.168.1.50",
            &[("192.168.1.1", P), ("192.168.1.50", P)],
        ),
        ("(192.168.1.1)", &[("192.168.1.1", P)]),
        ("ip=\"192.168.1.1\"", &[("192.168.1.1", P)]),
        ("{\"ip\":\"192.168.1.1\"}", &[("192.168.1.1", P)]),
        ("The host is 192.168.1.1.", &[("192.168.1.1", P)]),
        ("192.168.1.1...", &[("192.168.1.1", P)]),
        ("root@192.168.1.1", &[("192.168.1.1", P)]),
        ("scp x deploy@203.0.113.9:/srv", &[("203.0.113.9", G)]),
        ("localhost/127.0.0.1:9092", &[("127.0.0.1", P)]),
        (
            "203.0.113.5 - - [10/Oct/2023:13:55:36 +0000] \"GET / HTTP/1.1\" 200",
            &[("203.0.113.5", G)],
        ),
        ("máy chủ 14.225.10.9 bị lỗi", &[("14.225.10.9", G)]),
        ("địa chỉ là 192.168.1.1.Vui lòng thử", &[("192.168.1.1", P)]),
        ("服务器192.168.1.1的", &[("192.168.1.1", P)]),
        ("connect to 1.2.3.4", &[("1.2.3.4", G)]),
        (
            "user updated the profile from 203.0.113.5",
            &[("203.0.113.5", G)],
        ),
        ("the build failed on 203.0.113.5", &[("203.0.113.5", G)]),
        (
            "IPs (10.0.0.1,10.0.0.2;10.0.0.3|10.0.0.4)",
            &[
                ("10.0.0.1", P),
                ("10.0.0.2", P),
                ("10.0.0.3", P),
                ("10.0.0.4", P),
            ],
        ),
        ("<b>203.0.113.5</b>", &[("203.0.113.5", G)]),
        ("listen 10.1.2.3:443 ssl;", &[("10.1.2.3", P)]),
        ("- 10.1.2.3\n-10.1.2.4", &[("10.1.2.3", P), ("10.1.2.4", P)]),
        ("server version check against 10.1.2.3", &[("10.1.2.3", P)]),
        ("host:203.0.113.5", &[("203.0.113.5", G)]),
        ("add:203.0.113.5", &[("203.0.113.5", G)]),
        (
            "from 203.0.113.5 to 198.51.100.7,",
            &[("203.0.113.5", G), ("198.51.100.7", G)],
        ),
        ("203.0.113.5?", &[("203.0.113.5", G)]),
        ("A 93.184.216.34 TTL 300", &[("93.184.216.34", G)]),
        ("**8.8.4.4**, `9.9.9.9`", &[("8.8.4.4", G), ("9.9.9.9", G)]),
        ("1.1.1.1/8.8.8.8", &[("1.1.1.1", G), ("8.8.8.8", G)]),
        (
            "inet 192.168.0.12 netmask 255.255.255.0",
            &[("192.168.0.12", P)],
        ),
    ]);
}

#[test]
fn numbers_with_dots_that_are_no_addresses_stay() {
    check_nothing(&[
        "256.256.256.256",
        "256.1.1.1",
        "192.168.1",
        "192.168.1.1.1",
        "192.168.01.1",
        "192.168.-1.1",
        "10.1.2.3.4",
        "v1.2.3.4",
        "version 1.2.3.4",
        "Version: 1.2.3.4",
        "version=1.2.3.4",
        "AssemblyVersion(\"1.0.0.0\")",
        "phiên bản 2.10.1.4",
        "release 10.4.3.1",
        "upgraded from 1.2.3.4 to 1.2.3.5",
        "firmware 3.11.2.0",
        "Chrome/120.0.6099.129 Safari/537.36",
        "Chrome/120.0.0.0",
        "openssl-1.1.1.3.tar.gz",
        "app-1.2.3.4",
        "1.2.3.4-beta",
        "1.2.3.4-rc1",
        "1.2.3.4.Final",
        "1.2.3.4.jar",
        "see section 4.3.2.1",
        "### 1.2.3.4 Introduction",
        "1.2.3.4 Introduction to it",
        "0.0.0.0",
        "255.255.255.0",
        "224.0.0.251",
        "1.3.6.1.4.1.311",
        "8.8.8.8.in-addr.arpa.x",
        "ratio 1.5 and 2.5.",
        "1.234.567,89",
        "12.10.2024 13.10.2024",
        "3.14.159.26535",
        "x1.2.3.4",
        "1.2.3.4x",
        "a_1.2.3.4",
        "1.2.3.4_5",
        "giá 1.250.000.000 đồng",
        "01.23.45.67.89",
        "Chrome 120.0.0.0 and Edge 121.0.2277.83",
        "Điều 1.2.3.4 của hợp đồng",
        "tel 12.34.56.78",
        "1.2.3.4.5.6",
        "999.1.1.1",
        "1.2.3",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1a",
        "ver 2.3.4.5",
        "v 2.3.4.5",
        "\"version\": \"2.3.4.5\"",
        "<Version>2.3.4.5</Version>",
        "package-lock 2.3.4.5-SNAPSHOT",
        "lib/jquery/203.1.2.3/jquery.js",
    ]);
}

#[test]
fn ipv6_addresses_are_found_in_all_forms() {
    check(&[
        (
            "IPv6 server at 2001:db8::1 and backup at fe80::1",
            &[("2001:db8::1", V6), ("fe80::1", V6)],
        ),
        ("::1", &[("::1", V6)]),
        ("listen on ::1 port 80", &[("::1", V6)]),
        (
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            &[("2001:0db8:85a3:0000:0000:8a2e:0370:7334", V6)],
        ),
        (
            "2001:db8:85a3::8a2e:370:7334.",
            &[("2001:db8:85a3::8a2e:370:7334", V6)],
        ),
        ("::ffff:192.168.1.1", &[("::ffff:192.168.1.1", V6)]),
        ("from ::ffff:192.168.1.1:", &[("::ffff:192.168.1.1", V6)]),
        ("64:ff9b::192.0.2.33", &[("64:ff9b::192.0.2.33", V6)]),
        (
            "0:0:0:0:0:ffff:192.1.56.10",
            &[("0:0:0:0:0:ffff:192.1.56.10", V6)],
        ),
        ("ping fe80::1%eth0", &[("fe80::1%eth0", V6)]),
        (
            "fe80::1ff:fe23:4567:890a%3.",
            &[("fe80::1ff:fe23:4567:890a%3", V6)],
        ),
        ("[2001:db8::1]:443", &[("2001:db8::1", V6)]),
        (
            "route 2001:db8::/32 via fe80::1",
            &[("2001:db8::", V6), ("fe80::1", V6)],
        ),
        ("fe80::/10", &[("fe80::", V6)]),
        (
            "FE80::A00:27FF:FE4E:66A1",
            &[("FE80::A00:27FF:FE4E:66A1", V6)],
        ),
        ("IP:2001:db8::1,", &[("2001:db8::1", V6)]),
        ("node:fe80::1", &[("fe80::1", V6)]),
        ("2001:db8::1: unreachable", &[("2001:db8::1", V6)]),
        ("{\"ip\":\"2001:db8::1\"}", &[("2001:db8::1", V6)]),
        ("fd12:3456:789a:1::1", &[("fd12:3456:789a:1::1", V6)]),
        ("ff02::1", &[("ff02::1", V6)]),
        ("ipv6 address dead::beef", &[("dead::beef", V6)]),
        (
            "2606:4700:4700::1111 và 2606:4700:4700::1001",
            &[("2606:4700:4700::1111", V6), ("2606:4700:4700::1001", V6)],
        ),
        ("1:2:3:4:5:6:7:8", &[("1:2:3:4:5:6:7:8", V6)]),
        ("inet6 ::1/128", &[("::1", V6)]),
        ("listen \"[::1]:8080\"", &[("::1", V6)]),
        (
            "2001:db8::1-2001:db8::5",
            &[("2001:db8::1", V6), ("2001:db8::5", V6)],
        ),
        (
            "`fe80::1`, (fe80::2), 'fe80::3'",
            &[("fe80::1", V6), ("fe80::2", V6), ("fe80::3", V6)],
        ),
        ("ip6=2001:db8::1&x", &[("2001:db8::1", V6)]),
        ("2001:db8::1.", &[("2001:db8::1", V6)]),
        (
            "2001:DB8:0:0:8:800:200C:417A",
            &[("2001:DB8:0:0:8:800:200C:417A", V6)],
        ),
        ("server2001:db8::1 fe80::1", &[("fe80::1", V6)]),
        ("[fe80::1%en0]:22", &[("fe80::1%en0", V6)]),
        ("::13.1.68.3", &[("::13.1.68.3", V6)]),
        ("2001:db8::/32", &[("2001:db8::", V6)]),
        ("địa chỉ IPv6 là 2405:4800::5", &[("2405:4800::5", V6)]),
    ]);
}

#[test]
fn colons_of_source_code_and_times_are_no_addresses() {
    check_nothing(&[
        "invalid:ipv6",
        "",
        "C++ std::vector<int> v;",
        "a::b",
        "::",
        "dead::beef",
        "abc::def()",
        "Foo::bar",
        "use crate::find::Offers;",
        "DB::table('x')",
        "ABC::DEF",
        "x[::1]",
        "list[::2]",
        "s[1::2]",
        "\"abc\"[::1]",
        "a[::-1]",
        "m[0, ::1]",
        "12:30:45",
        "2024-01-15T12:30:45Z",
        "00:11:22:33",
        "a::before { content: '' }",
        "p::after",
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:s3:::bucket/key",
        "main.rs:12:34",
        "f :: Int -> Int",
        "Vec::<u8>::new()",
        "<T as A>::B",
        "std::f64::consts::PI",
        "Acme::Bcd",
        "fe80:",
        "AB:CD:EF:12:34:56:78:90:AB:CD:EF:12:34:56:78:90",
        "1:2:3:4:5:6:7:8:9",
        "gg::1",
        "key: value",
        "ratio 16:9",
        "4:3:2",
        "12::30",
        "cafe::bad",
        "12345::1",
        "2001:db8::1::2",
        "2001:db8:1",
        "10:20:30:40:50",
        "xs[1::]",
        "data[::3, 1::2]",
        "DateTime::add(1)",
        "Ad::Bed::Cafe",
        "ns1::ns2::f()",
        "-1::2",
        "e::f64",
        "#::abc",
        "sha256:deadbeef",
        "fe80::1xyz",
        "time=12:30:45:123",
        "grid: 1:2:3",
        "::std::mem::swap",
        "::add(1)",
        "$a::b",
        "A::B::C",
        "2001::Foo",
    ]);
}

#[test]
fn mac_addresses_are_found_in_all_forms() {
    check(&[
        ("00:1A:2B:3C:4D:5E", &[("00:1A:2B:3C:4D:5E", M)]),
        (
            "ether aa:bb:cc:dd:ee:f0 txqueuelen",
            &[("aa:bb:cc:dd:ee:f0", M)],
        ),
        ("00-1A-2B-3C-4D-5E.", &[("00-1A-2B-3C-4D-5E", M)]),
        ("AA-BB-CC-DD-EE-F0", &[("AA-BB-CC-DD-EE-F0", M)]),
        ("001a.2b3c.4d5e", &[("001a.2b3c.4d5e", M)]),
        ("aabb.ccdd.ee0f", &[("aabb.ccdd.ee0f", M)]),
        ("00:1A:2B:FF:FE:3C:4D:5E", &[("00:1A:2B:FF:FE:3C:4D:5E", M)]),
        ("00:11:22:33:44:55", &[("00:11:22:33:44:55", M)]),
        ("MAC: 001A2B3C4D5E", &[("001A2B3C4D5E", M)]),
        ("(de:ad:be:ef:00:01)", &[("de:ad:be:ef:00:01", M)]),
        ("mac address 24-01-15-12-30-45", &[("24-01-15-12-30-45", M)]),
        (
            "{\"mac\":\"00:1a:2b:3c:4d:5e\"}",
            &[("00:1a:2b:3c:4d:5e", M)],
        ),
        (
            "mac=00:1a:2b:3c:4d:5e,ip=10.0.0.2",
            &[("00:1a:2b:3c:4d:5e", M), ("10.0.0.2", P)],
        ),
        (
            "địa chỉ MAC là 00:1a:2b:3c:4d:5e",
            &[("00:1a:2b:3c:4d:5e", M)],
        ),
        ("00:1a:2b:3c:4d:5e: timeout", &[("00:1a:2b:3c:4d:5e", M)]),
    ]);
}

#[test]
fn times_dumps_and_fingerprints_are_no_mac_addresses() {
    check_nothing(&[
        "12:30:45",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "AA:BB:CC:DD:EE",
        "AA:BB:CC:DD:EE:FF:00",
        "24-01-15-12-30-45",
        "00 1A 2B 3C 4D 5E",
        "00:1A-2B:3C:4D:5E",
        "x00:1A:2B:3C:4D:5Ez",
        "16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        "1234.5678.9012",
        "dead.beef.cafe",
        "commit 001a2b3c4d5e",
        "2024-01-15-12-30",
        "550e8400-e29b-41d4-a716-446655440000",
        "00:1A:2B:3C:4D:5G",
    ]);
}

#[test]
fn domains_are_found_under_public_suffixes() {
    check(&[
        (
            "Visit google.com or microsoft.com for more info",
            &[("google.com", D), ("microsoft.com", D)],
        ),
        (
            "Visit GOOGLE.COM or Microsoft.com for information",
            &[("GOOGLE.COM", D), ("Microsoft.com", D)],
        ),
        ("example.com", &[("example.com", D)]),
        ("api.github.com", &[("api.github.com", D)]),
        ("It is on example.co.uk.", &[("example.co.uk", D)]),
        ("(sub.example.org)", &[("sub.example.org", D)]),
        (
            "tuoitre.vn và vnexpress.net",
            &[("tuoitre.vn", D), ("vnexpress.net", D)],
        ),
        (
            "trang www2.thegioididong.com.vn",
            &[("www2.thegioididong.com.vn", D)],
        ),
        ("münchen.de", &[("münchen.de", D)]),
        ("xn--mnchen-3ya.de", &[("xn--mnchen-3ya.de", D)]),
        ("пример.рф", &[("пример.рф", D)]),
        ("请访问example.com的网站", &[("example.com", D)]),
        ("[example.com](x)", &[("example.com", D)]),
        ("**example.com**", &[("example.com", D)]),
        ("_example.com_", &[("example.com", D)]),
        ("\"example.com\"", &[("example.com", D)]),
        ("example.com/path?x=1", &[("example.com", D)]),
        ("example.com:8080", &[("example.com", D)]),
        ("example.com's owner", &[("example.com", D)]),
        (
            "*.example.com and .example.org",
            &[("example.com", D), ("example.org", D)],
        ),
        ("user.github.io", &[("user.github.io", D)]),
        ("my-app.vercel.app", &[("my-app.vercel.app", D)]),
        ("visit my site acme.technology", &[("acme.technology", D)]),
        ("our website is acme.name", &[("acme.name", D)]),
        ("Visit docs.rs", &[("docs.rs", D)]),
        ("trang web cua-toi.info", &[("cua-toi.info", D)]),
        ("tên miền abc.info", &[("abc.info", D)]),
        ("the host db.internal:5432", &[("db.internal", D)]),
        ("db.internal:5432", &[("db.internal", D)]),
        ("api.example.io", &[("api.example.io", D)]),
        ("crates.io/crates/serde", &[("crates.io", D)]),
        ("t.me/someone", &[("t.me", D)]),
        (
            "domain claude.ai, openai.dev",
            &[("claude.ai", D), ("openai.dev", D)],
        ),
        ("_dmarc.example.com TXT", &[("_dmarc.example.com", D)]),
        ("163.com", &[("163.com", D)]),
        ("24h.com.vn", &[("24h.com.vn", D)]),
        ("example.com.", &[("example.com", D)]),
        ("example.com...", &[("example.com", D)]),
        (
            "nslookup example.com 8.8.8.8",
            &[("example.com", D), ("8.8.8.8", G)],
        ),
        ("kompas.co.id", &[("kompas.co.id", D)]),
        (
            "Email admin@google.com about api.github.com",
            &[("admin@google.com", E), ("api.github.com", D)],
        ),
        ("Google.Com", &[("Google.Com", D)]),
        ("x.com or 360.cn", &[("x.com", D)]),
        ("website github.io", &[("github.io", D)]),
        ("bucket.s3.amazonaws.com", &[("bucket.s3.amazonaws.com", D)]),
        (
            "abc.gov.vn / hanoi.edu.vn",
            &[("abc.gov.vn", D), ("hanoi.edu.vn", D)],
        ),
        (
            "dns: ns1.example.net., ns2.example.net.",
            &[("ns1.example.net", D), ("ns2.example.net", D)],
        ),
        ("例え.jp のサイト", &[("例え.jp", D)]),
        ("bücher.example.org/Übersicht", &[("bücher.example.org", D)]),
        (
            "example.com|example.net;example.org",
            &[("example.com", D), ("example.net", D), ("example.org", D)],
        ),
        ("'example.com'", &[("example.com", D)]),
        ("host=example.com port=1", &[("example.com", D)]),
        ("example.com?x=1", &[("example.com", D)]),
        (
            "Truy cập zalo.me/g/abc hoặc facebook.com/abc",
            &[("zalo.me", D), ("facebook.com", D)],
        ),
        (
            "HTTP Host: shop.example.store",
            &[("shop.example.store", D)],
        ),
        ("visit example.com!", &[("example.com", D)]),
        ("\u{201c}example.com\u{201d}", &[("example.com", D)]),
        (
            "ip-10-0-0-1.ec2.internal",
            &[("ip-10-0-0-1.ec2.internal", D)],
        ),
        ("visit my-site.io today", &[("my-site.io", D)]),
        ("The website openai.ai, please", &[("openai.ai", D)]),
        (
            "spiegel.de, lemonde.fr",
            &[("spiegel.de", D), ("lemonde.fr", D)],
        ),
        ("bbc.co.uk/news", &[("bbc.co.uk", D)]),
        (
            "- example.com\n-example.org",
            &[("example.com", D), ("example.org", D)],
        ),
        (
            "see harvard.edu and nasa.gov",
            &[("harvard.edu", D), ("nasa.gov", D)],
        ),
        ("server: mail.example.vn", &[("mail.example.vn", D)]),
        ("https:\\/\\/example.com\\/x", &[("example.com", D)]),
        (
            "SELECT * FROM t WHERE host = 'db1.example.com';",
            &[("db1.example.com", D)],
        ),
        (
            "Set-Cookie: a=b; Domain=.example.com; Path=/",
            &[("example.com", D)],
        ),
        ("$ curl -s example.com | sh", &[("example.com", D)]),
        ("import \"github.com/spf13/cobra\"", &[("github.com", D)]),
        (
            "a.very.long.chain.of.labels.example.com",
            &[("a.very.long.chain.of.labels.example.com", D)],
        ),
        ("EXAMPLE.ORG", &[("EXAMPLE.ORG", D)]),
        ("example。com example.com", &[("example.com", D)]),
        ("trang web của tôi là abc.vn.", &[("abc.vn", D)]),
        (
            "{\"domain\":\"shop.example.net\"}",
            &[("shop.example.net", D)],
        ),
        ("text\\nexample.com", &[("example.com", D)]),
    ]);
}

#[test]
fn the_seeds_mixed_sentence_is_masked_with_the_whole_host_and_without_its_list_of_english_words() {
    // Deliberately different: "server" is no host name, and `api.github.com` is one value rather than two.
    check(&[(
        "Email admin@google.com from server 192.168.1.1 about api.github.com issues",
        &[
            ("admin@google.com", E),
            ("192.168.1.1", P),
            ("api.github.com", D),
        ],
    )]);
}

#[test]
fn files_code_and_sentences_are_no_domains() {
    check_nothing(&[
        "main.rs",
        "Open README.md and index.py, then script.sh.",
        "user.id",
        "self.name",
        "e.target",
        "obj.info",
        "os.path",
        "Node.js",
        "ASP.NET",
        "VB.NET and Json.NET",
        "socket.io",
        "package.json",
        "e.g. this, i.e. that",
        "It is done.Next we go",
        "it works.today is fine",
        "import java.net.URL;",
        "com.example.app",
        "org.apache.commons.io",
        "self.user.id",
        "this.props.children",
        "window.location.host",
        "event.target.name",
        "console.log(x)",
        "document.body.style",
        "np.array, pd.DataFrame",
        "std.net",
        "System.Net.Http",
        "torch.nn",
        "a.b.c.d",
        "foo.bar(baz)",
        "Makefile.am configure.ac libfoo.so libbar.la",
        "id_rsa.pub",
        "archive.zip movie.mov",
        "src/app.py:12:3",
        "/var/www/example.com/html",
        "C:\\temp\\command.com",
        "the server returned user.id and obj.info",
        "x.y = z.to",
        "df.at[0]",
        "logger.info('x')",
        "ok.in the end",
        "U.S. and Ph.D. and a.m.",
        "Xong rồi.Anh về nhé",
        "TP.HCM, TS.BS Lan",
        "config.local .env.local .env.example",
        "settings.test",
        "networking.k8s.io/v1",
        "app.kubernetes.io/name",
        "1.5.cm",
        "3.com.5",
        "arr.map(f).filter(g)",
        "process.env.HOME",
        "app.use(cors)",
        "file.tar.gz",
        "co.uk",
        "com.vn",
        "$data.com",
        "user.name = 'x'",
        "req.app.de",
        "style.css theme.scss",
        "README.vi.md",
        "foo.bar.baz",
        "e.com()",
        "const {a} = require('net'); x.net = 3; this.net.send()",
        "for i in range(3): print(i.real, self.cl, opt.lr, args.ng)",
        "if (user.is.in.the.house) return a.to.be;",
        "{\"a.b\":1,\"c.d\":[1.5,2.5]}",
        "version 2.0.com-pat",
        "fmt.Println(os.Args, http.StatusOK, time.Now())",
        "$this->app->name; $x.de",
        "SELECT u.id, u.name, o.info FROM users u JOIN orders o ON o.id = u.id",
        "Cargo.toml Cargo.lock build.rs lib.rs mod.rs tests.rs",
        "docker-compose.yml Dockerfile.dev nginx.conf",
        "pip install scikit.learn==1.2",
        "Bạn nghỉ.Tôi đi làm.Em ở nhà",
        "0.5.vn",
        "The file is at /srv/app.py; see app.py.",
        "array.at(1), list.pop(), date.now()",
        "2.5.io",
        "ThreadPool.run, thread.name, node.host",
        "std::io::Read, tokio.io.x",
        "int.Parse, float.max",
        "img.alt a.href div.style",
        "@foo.com",
        "v1.beta.io",
    ]);
}

#[test]
fn sites_in_prose_tags_and_encoded_addresses_are_found() {
    check(&[
        ("we moved to acme.dev last week", &[("acme.dev", D)]),
        (
            "shop at flipkart.in or amazon.in today",
            &[("flipkart.in", D), ("amazon.in", D)],
        ),
        (
            "go to notion.so or linear.app",
            &[("notion.so", "DOMAIN"), ("linear.app", "DOMAIN")],
        ),
        ("Let's meet on zoom.us", &[("zoom.us", "DOMAIN")]),
        (
            "the phishing page on secure-paypa1.info",
            &[("secure-paypa1.info", "DOMAIN")],
        ),
        ("email from acme.io team", &[("acme.io", "DOMAIN")]),
        ("acme.dev is down", &[("acme.dev", "DOMAIN")]),
        ("Check out stripe.dev!", &[("stripe.dev", "DOMAIN")]),
        ("trang acme.co", &[("acme.co", "DOMAIN")]),
        ("vào acme.co nhé", &[("acme.co", "DOMAIN")]),
        ("site: acme.info", &[("acme.info", "DOMAIN")]),
        ("host zoom.us", &[("zoom.us", "DOMAIN")]),
        ("server: acme.me", &[("acme.me", "DOMAIN")]),
        ("CNAME acme.info", &[("acme.info", "DOMAIN")]),
        ("our domain, zoom.us, expired", &[("zoom.us", "DOMAIN")]),
        ("sign up at acme.ai today", &[("acme.ai", "DOMAIN")]),
        (
            "he typed \"acme.io\" into the browser",
            &[("acme.io", "DOMAIN")],
        ),
        (
            "shop đồ trên thoitrang.shop giá rẻ",
            &[("thoitrang.shop", "DOMAIN")],
        ),
        ("->mail.acme-corp.com", &[("mail.acme-corp.com", "DOMAIN")]),
        ("-> mail.acme-corp.com", &[("mail.acme-corp.com", "DOMAIN")]),
        ("=>mail.acme-corp.com", &[("mail.acme-corp.com", "DOMAIN")]),
        ("register at maybank.my to win", &[("maybank.my", "DOMAIN")]),
        (
            "Amazon.de and web.de",
            &[("Amazon.de", "DOMAIN"), ("web.de", "DOMAIN")],
        ),
        (
            "email=jo%40example.com&x=1",
            &[("jo%40example.com", "EMAIL")],
        ),
        ("q=jo.m%40example.com", &[("jo.m%40example.com", "EMAIL")]),
        (
            "user=jo.m%2Btest%40example.com",
            &[("jo.m%2Btest%40example.com", "EMAIL")],
        ),
        ("<td>2001:db8::1</td>", &[("2001:db8::1", "IPV6")]),
        (
            "<ip>2001:db8:85a3:0:0:8a2e:370:7334</ip>",
            &[("2001:db8:85a3:0:0:8a2e:370:7334", "IPV6")],
        ),
        (
            "→ >fe80::6e75:49ff:fed1:4ccb< end",
            &[("fe80::6e75:49ff:fed1:4ccb", "IPV6")],
        ),
        ("fe80::1</ip>", &[("fe80::1", "IPV6")]),
        ("ping6 1::1", &[("1::1", "IPV6")]),
    ]);
}

#[test]
fn sentences_without_spaces_labels_and_ratios_stay() {
    check_nothing(&[
        "imported from utils.io and models.ai",
        "the error comes from core.app line 5",
        "logged from main.cloud module",
        "based on app.config from node.io",
        "so sad.no refund.my money is gone.pls help",
        "dont know.my wife",
        "bad service.no reply",
        "it broke.me sad",
        "thanks.so much",
        "food was cold.it was late",
        "great.net result is fine",
        "wait.is it ok",
        "i left.at noon",
        "checked.in yesterday",
        "chua co.vn nha",
        "COMMAND.COM AUTOEXEC.BAT CONFIG.SYS",
        "run command.com in dosbox",
        "db.zone named.zone named.ca example.zip clip.mov Safari.app Xcode.app",
        "SE(Arg.SE) {}",
        "py.test is old",
        "image: \"registry.local:5000/app:v1.4.2\"",
        "I went to school.it was late",
        "we go to work.so we are tired",
        "call foo on window.app please",
        "from server.app import app",
        "from acme.app import x",
        "use the \"menu.blog\" key",
        "config on main.py and lib.rs",
        "return@forEach; return@launch; this@MainActivity.name; super@Outer.run()",
        "val x = this@Outer.info; list.map { return@map.id }",
        "The word \"add::bad\" is not an address and 12::30 isn't either.",
        "from 10::20 to 10::30",
        "std::vec<T> a1::b2<T> x",
        "fe::Foo<int>",
        "the output from logger.info is on log.info",
        "we spent the day on it.so I am late",
        "100%40abc.com",
        "width: 40%; x%40",
        "see main.rs on github",
        "depends on serde.rs",
        "based on user.email from req.app",
    ]);
}

#[test]
fn urls_end_where_readers_expect() {
    check(&[
        (
            "https://www.example.com/path?query=1#frag",
            &[("https://www.example.com/path?query=1#frag", U)],
        ),
        ("See https://example.com.", &[("https://example.com", U)]),
        (
            "(see https://example.com/a)",
            &[("https://example.com/a", U)],
        ),
        (
            "https://en.wikipedia.org/wiki/Rust_(language)",
            &[("https://en.wikipedia.org/wiki/Rust_(language)", U)],
        ),
        (
            "(https://en.wikipedia.org/wiki/Rust_(language))",
            &[("https://en.wikipedia.org/wiki/Rust_(language)", U)],
        ),
        (
            "[text](https://example.com/a_b)",
            &[("https://example.com/a_b", U)],
        ),
        ("<https://example.com/>", &[("https://example.com/", U)]),
        ("\"https://example.com/x\"", &[("https://example.com/x", U)]),
        ("'https://example.com/x'", &[("https://example.com/x", U)]),
        (
            "https://example.com/x, https://example.org/y!",
            &[("https://example.com/x", U), ("https://example.org/y", U)],
        ),
        (
            "https://a.com,https://b.com",
            &[("https://a.com", U), ("https://b.com", U)],
        ),
        (
            "http://localhost:8080/api",
            &[("http://localhost:8080/api", U)],
        ),
        (
            "http://192.168.1.1/admin",
            &[("http://192.168.1.1/admin", U)],
        ),
        (
            "http://[2001:db8::1]:8080/x",
            &[("http://[2001:db8::1]:8080/x", U)],
        ),
        (
            "postgres://user:p%40ss@db.internal:5432/app",
            &[("postgres://user:p%40ss@db.internal:5432/app", U)],
        ),
        (
            "redis://:secret@10.0.0.5:6379/0",
            &[("redis://:secret@10.0.0.5:6379/0", U)],
        ),
        (
            "mongodb+srv://u:p@cluster0.abc.mongodb.net/db",
            &[("mongodb+srv://u:p@cluster0.abc.mongodb.net/db", U)],
        ),
        (
            "mongodb://u:p@h1:27017,h2:27017/db",
            &[("mongodb://u:p@h1:27017,h2:27017/db", U)],
        ),
        (
            "jdbc:postgresql://db:5432/app",
            &[("jdbc:postgresql://db:5432/app", U)],
        ),
        (
            "ws://example.com/s wss://example.com/s",
            &[("ws://example.com/s", U), ("wss://example.com/s", U)],
        ),
        (
            "ftp://ftp.example.com/f.txt",
            &[("ftp://ftp.example.com/f.txt", U)],
        ),
        ("www.example.com", &[("www.example.com", U)]),
        ("www.example.com/path/.", &[("www.example.com/path/", U)]),
        ("WWW.EXAMPLE.COM,", &[("WWW.EXAMPLE.COM", U)]),
        (
            "https://example.com/?mail=a@b.com&ip=1.2.3.4",
            &[("https://example.com/?mail=a@b.com&ip=1.2.3.4", U)],
        ),
        (
            "truy cập https://vnexpress.net/thời-sự nhé",
            &[("https://vnexpress.net/thời-sự", U)],
        ),
        (
            "访问https://example.com/路径。谢谢",
            &[("https://example.com/路径", U)],
        ),
        (
            "url=https://example.com/x;y",
            &[("https://example.com/x;y", U)],
        ),
        ("**https://example.com**", &[("https://example.com", U)]),
        (
            "_https://example.com/a_b_",
            &[("https://example.com/a_b", U)],
        ),
        (
            "https://example.com/\\nNext",
            &[("https://example.com/", U)],
        ),
        (
            "&quot;https://example.com/&quot;",
            &[("https://example.com/", U)],
        ),
        ("HTTPS://EXAMPLE.COM/X", &[("HTTPS://EXAMPLE.COM/X", U)]),
        (
            "ssh://git@github.com/org/repo.git",
            &[("ssh://git@github.com/org/repo.git", U)],
        ),
        (
            "https://münchen.de/straße",
            &[("https://münchen.de/straße", U)],
        ),
        ("https://example.com…", &[("https://example.com", U)]),
        ("|https://example.com|", &[("https://example.com", U)]),
        ("//www.example.com/x.js", &[("www.example.com/x.js", U)]),
        ("//cdn.example.com/x.js", &[("cdn.example.com", D)]),
    ]);
}

#[test]
fn what_names_no_host_is_no_url() {
    check_nothing(&[
        "file:///etc/passwd",
        "data:text/plain;base64,SGVsbG8=",
        "/relative/path",
        "http://",
        "https://...",
        "http://{host}/x",
        "http://$HOST/x",
        "http://<ip>/",
        "// a comment: really",
        "x = a // b",
        "sqlite:///app.sqlite",
        "www.",
        "www",
        "www.foo",
        "javascript:alert(1)",
        "urn:isbn:0451450523",
        "https",
        "key://value",
        "TODO://nothing",
        "c://temp",
    ]);
}

#[test]
fn chat_in_english_and_vietnamese_is_read_as_people_mean_it() {
    check(&[
        (
            "Chào bạn, email của mình là nguyen.van-a@gmail.com nhé!",
            &[("nguyen.van-a@gmail.com", E)],
        ),
        (
            "Mình không vào được trang web shopee.vn, lỗi 404.",
            &[("shopee.vn", D)],
        ),
        (
            "Máy chủ 10.10.20.30:5432 không phản hồi, thử ping 8.8.8.8 xem sao",
            &[("10.10.20.30", P), ("8.8.8.8", G)],
        ),
        (
            "Em gửi link https://docs.google.com/document/d/1aBcD/edit?usp=sharing anh xem giúp ạ.",
            &[(
                "https://docs.google.com/document/d/1aBcD/edit?usp=sharing",
                U,
            )],
        ),
        ("Phiên bản 1.2.3.4 ra ngày 12.05.2024 giá 1.500.000 đ", &[]),
        (
            "IP của tôi là 113.161.72.5, gateway 192.168.1.1",
            &[("113.161.72.5", G), ("192.168.1.1", P)],
        ),
        (
            "Liên hệ: hotro@congty.com.vn hoặc admin@congty.vn",
            &[("hotro@congty.com.vn", E), ("admin@congty.vn", E)],
        ),
        (
            "My router's MAC is 3C:84:6A:12:F0:9E and it answers at fe80::3e84:6aff:fe12:f09e%en0",
            &[
                ("3C:84:6A:12:F0:9E", M),
                ("fe80::3e84:6aff:fe12:f09e%en0", V6),
            ],
        ),
        ("I use Node.js 18.2.0 and socket.io with main.rs:42:7", &[]),
        (
            "Ask jane@corp.internal or look at https://wiki.corp.internal/x?y=1.",
            &[
                ("jane@corp.internal", E),
                ("https://wiki.corp.internal/x?y=1", U),
            ],
        ),
        (
            "At 12:30:45 the build 2024.01.15 failed in foo::bar::baz (src/lib.rs:10).",
            &[],
        ),
        (
            "2024-01-15T10:00:00Z INFO client=10.0.0.7 path=/v1/users/me.json took=1.25s",
            &[("10.0.0.7", P)],
        ),
        ("tôi mua 2.5 kg, giá 35.000 đ/kg.Tổng là 87.500 đ", &[]),
        (
            "Error: connect ECONNREFUSED 127.0.0.1:6379",
            &[("127.0.0.1", P)],
        ),
        (
            "resolv.conf: nameserver 2606:4700:4700::64",
            &[("2606:4700:4700::64", V6)],
        ),
        (
            "pip install git+https://github.com/org/repo.git@v1.2",
            &[("git+https://github.com/org/repo.git@v1.2", U)],
        ),
        (
            "From: \"Jane Doe\" <jane.doe@example.co.uk>",
            &[("jane.doe@example.co.uk", E)],
        ),
        (
            "Reply-To:jane@example.com\r\nTo:bob@example.org",
            &[("jane@example.com", E), ("bob@example.org", E)],
        ),
        (
            "user=jane@example.com|pass=x|ip=203.0.113.9",
            &[("jane@example.com", E), ("203.0.113.9", G)],
        ),
        ("| mail | jane@example.com |", &[("jane@example.com", E)]),
        ("ping -c1 192.168.1.254;reboot", &[("192.168.1.254", P)]),
        (
            "Tên miền vd.vn và abc.com.vn",
            &[("vd.vn", D), ("abc.com.vn", D)],
        ),
        (
            "DATABASE_URL=postgresql://app:s3cr3t@db:5432/prod?sslmode=require",
            &[("postgresql://app:s3cr3t@db:5432/prod?sslmode=require", U)],
        ),
        (
            "curl -u a:b http://localhost:3000/health;",
            &[("http://localhost:3000/health", U)],
        ),
        (
            "# https://example.com/a(b)c). done",
            &[("https://example.com/a(b)c", U)],
        ),
        (
            "subnet 172.20.0.0/16, range 172.20.0.10-172.20.0.20",
            &[("172.20.0.0", P), ("172.20.0.10", P), ("172.20.0.20", P)],
        ),
        ("allow 10.0.0.0/8; deny all;", &[("10.0.0.0", P)]),
        (
            "x-forwarded-for: 203.0.113.195, 70.41.3.18, 150.172.238.178",
            &[
                ("203.0.113.195", G),
                ("70.41.3.18", G),
                ("150.172.238.178", G),
            ],
        ),
        (
            "Forwarded: for=\"[2001:db8:cafe::17]:4711\"",
            &[("2001:db8:cafe::17", V6)],
        ),
        ("IPv6 ::ffff:c0a8:101 (mapped)", &[("::ffff:c0a8:101", V6)]),
        ("ipv6: 2001:db8::", &[("2001:db8::", V6)]),
    ]);
}

#[test]
fn without_urls_what_lies_in_them_is_found() {
    let rules = Rules::builder()
        .threshold("URL", crate::Score::CERTAIN)
        .build()
        .unwrap();
    let finder = Finder::new(rules);
    let text = "https://example.com/x?m=jane@example.org";
    let values: Vec<&str> = finder
        .find(text)
        .iter()
        .map(|span| &text[span.start..span.end])
        .collect();
    assert_eq!(values, ["example.com", "jane@example.org"]);
}

#[test]
fn source_code_of_common_languages_stays() {
    check_nothing(&[
        "import os.path\nfrom a.b import c\nself.app.name = cfg.db.host\nprint(f'{x.id}: {y.name}')\ndf.plot.bar(); s.str.cat(); x.dt.date; plt.show()",
        "const express = require('express');\nconst app = express();\napp.get('/', (req, res) => res.send(req.params.id));\nwindow.location.href = item.link; el.style.color = 'red'; e.target.value; module.exports = x; Math.PI; Array.from(a).map(x => x.id)",
        "package com.acme.shop.service;\nimport java.util.List;\nimport org.springframework.web.bind.annotation.RestController;\nimport javax.net.ssl.SSLContext;\nimport java.io.File;\nSystem.out.println(user.getName());",
        "using System.Net.Http;\nusing System.IO;\nnamespace Acme.Shop.Web { public class X { Console.WriteLine(this.Id); } }",
        "fn main() { let v: std::vec::Vec<u8> = Vec::new(); a::b::c(); x.is_some(); self.state.id; 0..10; 1.0_f32; println!(\"{}\", a.b.c) }",
        "std::cout << foo::bar << std::endl; obj->name; this->x.in; Abc::Def<int>::type; for (auto& e : es) e.id;",
        "package main\nimport (\n\"fmt\"\n\"net/http\"\n)\nfunc main() { fmt.Println(r.URL.Host, time.Now().In(loc)); ctx.Done(); sql.DB }",
        "<?php $x = App\\Models\\User::find(1); echo $user->name . $a.b; DB::select('x'); Cache::add('x'); ?>",
        "SELECT a.id, b.name AS host, c.info FROM public.users a JOIN app.orders b ON a.id = b.id WHERE a.date::date > '2024-01-01'::date AND x::ad = 1;",
        "#!/bin/bash\nset -e\nsource ./env.sh\ncp config.prod.yml build/app.zip\nrm -rf *.pl *.cc\n./run.sh --out=a.ps\nfor f in *.md; do cat $f; done",
        "body { font: 1.2em/1.5 a.b; } a:hover::before { content: '\\201C'; } .btn.is-active:not(.no) { margin: .5rem }",
        "class Foo::Bar < ActiveRecord::Base\n  has_many :items\n  x[1..2]; a&.name; Foo::Baz.call(id: 1)\nend",
        "export default { name: 'x', data() { return { a: this.$store.state.app.id } } }; import x from './x.vue'; t.is(a, b); chai.expect(x).to.be.ok",
        "implementation 'com.squareup.okhttp3:okhttp:4.12.0'\norg.gradle.jvmargs=-Xmx2g\nspring.datasource.name=x\nserver.port=8080\nlogging.level.org.hibernate=info",
        "  at com.acme.app.Main.run(Main.java:42)\n  at java.base/java.lang.Thread.run(Thread.java:833)\n  File \"/srv/app/main.py\", line 10, in <module>\n    at Object.<anonymous> (/srv/x.js:1:7)",
        "[2024-01-15 12:30:45.123] [main] INFO o.s.b.w.embedded.tomcat.TomcatWebServer - Started in 1.234s (v2.7.18)",
        "x = torch.nn.functional.relu(x); np.linalg.eig(a); tf.data.Dataset; model.fit(x); sklearn.svm.SVC; scipy.io.loadmat('a.mat')",
        "key.pub server.key ca.crt index.d.ts a.min.js main.tf vars.tf schema.graphql notes.docx photo.heic song.mp3 data.parquet app.apk setup.exe",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app.kubernetes.io/name: web\nspec:\n  image: nginx:1.25.3\n",
        "git log --oneline HEAD~3..HEAD; git diff a..b -- src/main.rs; git show 3f2a1bc:lib.rs",
        "\"dependencies\": {\"lodash.get\": \"^4.4.2\", \"socket.io\": \"4.7.2\", \"chart.js\": \"~4.4.0\", \"@types/node\": \"20.1.0\"}",
        "a ? b.c : d.e; x = y ? 1.5 : 2.5; {k: v.id, n: v.name, t: v.to}",
        "std::chrono::seconds(1) + 10ms; absl::StrCat(a, b); boost::asio::ip::tcp; ab::cd(1); Fed::Bad x;",
        "Xin chào.Tôi là Lan.Em học lớp 5.Anh ạ, v.v. TP.HCM, Q.1, P.12, ĐT.743, số 12/5.A",
        "Hắn nói:\"Đi thôi\".Rồi đi.Không ai biết.Bà ấy cười.Mẹ về.Là sao?",
        "the end.the start. i agree.me too. yes.it is.so what.no way.to be.in fact",
        "$1.99, 2.50 EUR, 3.com 12.5% 1.000,00 v2.1 No.5 p.12 vol.3 fig.2 ca.5 approx.in",
        "uuid 550e8400-e29b-41d4-a716-446655440000 sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "ISBN 978-3-16-148410-0, EAN 4006381333931, order 10.20.30, ticket ABC-123, room 1.2.3",
        "at 10:20, from 9:00:00 to 17:30:00, 2024-01-15T10:20:30.123+07:00, PT1H30M, 00:01:02.345, 1:23:45:67",
        "/usr/local/lib/python3.11/site-packages/foo/bar.so ~/.ssh/id_rsa.pub ../x/y.me ./a.is",
        "TypeError: Cannot read properties of undefined (reading 'foo') at obj.foo.name (app.mov:1)",
    ]);
}

#[test]
fn hostile_texts_are_read_in_linear_time() {
    let finder = &*crate::tests::FINDER;
    for piece in [
        "@", "a.", "a@", "::", "1.", "a:", "http://a", "www.a.", "00-", "00:", "\"@", "a.com",
        "é.", "的.", "https://", "-.", "f::", "x@a.",
    ] {
        let text = piece.repeat(300_000 / piece.len());
        // Quadratic work would take hours here.
        let _ = finder.find(&text);
    }
}

#[test]
fn tables_are_in_order() {
    assert!(super::suffix::is_sorted());
    assert!(super::url::is_sorted());
}

proptest! {
    #[test]
    fn ranges_lie_between_characters(parts in proptest::collection::vec(
        prop_oneof![
            Just("@"), Just("."), Just(":"), Just("://"), Just("http"), Just("www."), Just("com"), Just("::1"), Just("é"),
            Just("的"), Just("\u{301}"), Just("1.2.3.4"), Just("\""), Just("["), Just("]"), Just("%"), Just("-"), Just("_"),
            Just("00"), Just("fe80"), Just("\\"), Just("n"), Just(" "), Just("%eth"), Just("😀"), Just("đ"), Just("…"),
            Just("a"), Just("IPv6:"), Just("\u{3002}"), Just("u003c"), Just("'"), Just("&"), Just("("), Just(")"),
        ], 0..24)) {
        let text: String = parts.concat();
        let finder = &*crate::tests::FINDER;
        for span in finder.find(&text) {
            prop_assert!(text.get(span.start..span.end).is_some_and(|value| !value.is_empty()));
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
        let _ = crate::tests::FINDER.explain(&text);
    }
}

#[test]
fn four_small_numbers_are_an_address_only_near_a_word_about_networks() {
    check(&[
        ("server 1.2.3.4 is down", &[("1.2.3.4", G)]),
        ("requests from 5.6.7.8 keep coming", &[("5.6.7.8", G)]),
        ("ping 4.2.2.2 please", &[("4.2.2.2", G)]),
        ("1.2.3.4:80", &[("1.2.3.4", G)]),
        ("11.0.0.1\n", &[("11.0.0.1", G)]),
        ("_172.25.253.68_ end", &[("172.25.253.68", P)]),
        ("value #8.8.77.19 ok", &[("8.8.77.19", G)]),
        ("time;ip;user\n10:20;1.2.3.4;bob", &[("1.2.3.4", G)]),
    ]);
    check_nothing(&[
        "nginx 1.2.3.4 is out",
        "SQL Server 2.0.0.1",
        ".NET 4.0.0.1 required",
        "bump to 1.2.3.4",
        "Policy 3.6.1.1",
        "Article 1.2.3.4",
        "EC 1.1.1.1 oxidoreductase",
        "time 12.30.45.120",
        "Version 2.4.1.0 was released and replaces 2.3.9.17.",
        "Section 3.2.1.4 explains it; see also 4.1.2.3 and Table 5.6.",
        "teamviewer 15.49.3.0 won't install",
        "driver 31.0.101.44",
        "ruby '3.2.2' gem 'rails', '~> 7.1.2.1'",
        "oid 2.5.4.3 and 1.3.6.1",
        "d=\"M10 20.5.5.5 0 0 1-.5.5h-9a.5.5 0 0 1-.5-.5z\"",
        "/// class time_put_byname [22.2.5.4].",
        "the 1.2.3.4 build works but the 1.2.3.5 build fails",
        "see #1.2.3.4",
        "product,version\nfoo,1.2.3.4",
    ]);
}

#[test]
fn an_address_in_markup_or_encoded_is_found_and_a_label_of_kotlin_is_none() {
    check(&[
        ("<td>2001:db8::1</td>", &[("2001:db8::1", V6)]),
        (
            ">fe80::6e75:49ff:fed1:4ccb<",
            &[("fe80::6e75:49ff:fed1:4ccb", V6)],
        ),
        ("email=jo%40example.com&x=1", &[("jo%40example.com", E)]),
        ("q=jo.m%40example.com", &[("jo.m%40example.com", E)]),
    ]);
    check_nothing(&[
        "this@MainActivity.name",
        "list.map { return@map.id }",
        "ace::bed<T>",
        "12::30 isn't an address either",
    ]);
}

#[test]
fn sites_in_prose_are_domains() {
    check(&[
        (
            "go to notion.so or linear.app",
            &[("notion.so", D), ("linear.app", D)],
        ),
        ("Check out stripe.dev!", &[("stripe.dev", D)]),
        ("Let's meet on zoom.us", &[("zoom.us", D)]),
        ("site: acme.info", &[("acme.info", D)]),
        ("acme.dev is down", &[("acme.dev", D)]),
        ("vào trang acme.co nhé", &[("acme.co", D)]),
        ("email from acme.io team", &[("acme.io", D)]),
        ("->mail.acme-corp.com", &[("mail.acme-corp.com", D)]),
    ]);
    check_nothing(&[
        "SE(Arg.SE) {}",
        "run py.test on it",
        "we use socket.io with node.js",
        "open Safari.app",
        "focus on logger.info calls",
        "it depends on user.me and user.info",
        "so sad.no refund.my money is gone",
        "chua co.vn nha",
        "COMMAND.COM AUTOEXEC.BAT CONFIG.SYS",
        "const x = use(foo.app)",
        "go to libc.so",
        "look at libfoo.so on disk",
        "install it on plugin.so",
        "check main.co and util.co",
    ]);
}
