use super::*;

/// Tokens of the services in their documented forms.
fn tokens() -> Vec<String> {
    vec![
        "AKIAIOSFODNN7EXAMPLE".into(),
        "ASIAY34FZKBOKMUTVV7A".into(),
        "AKIA1234567890ABCDEF".into(),
        concat!("ghp_zQWBuTSOoRi4A9spHcVY", "5ncnsDkxkJ0mLq17").into(),
        format!("gho_{}", base62(36)),
        format!("ghs_{}", base62(36)),
        format!("github_pat_{}_{}", base62(22), base62(59)),
        format!("glpat-{}", url64(20)),
        format!(
            "glpat-{}.01.{}",
            url64(44),
            body("0123456789abcdefghijklmnopqrstuvwxyz", 9)
        ),
        format!("glrt-{}", url64(20)),
        format!("xoxb-123456789012-1234567890123-{}", base62(24)),
        format!("xoxp-123456789012-123456789012-123456789012-{}", hex(32)),
        format!("xapp-1-A0123456789-1234567890123-{}", hex(64)),
        format!(
            "https://hooks.slack.com/services/T01234567/B01234567/{}",
            base62(24)
        ),
        format!("AIza{}", url64(35)),
        format!("ya29.a0{}", url64(160)),
        format!("GOCSPX-{}", url64(28)),
        format!("sk-{}T3BlbkFJ{}", base62(20), base62(20)),
        format!("sk-proj-{}T3BlbkFJ{}", url64(74), url64(74)),
        format!("sk-svcacct-{}", url64(100)),
        format!("sk-ant-api03-{}AA", url64(93)),
        format!("sk-ant-admin01-{}AA", url64(93)),
        format!("sk-or-v1-{}", hex(64)),
        format!("sk-{}", hex(32)),
        format!("app-{}", base62(24)),
        format!("dataset-{}", base62(24)),
        format!("hf_{}", base62(34)),
        format!("sk_live_{}", base62(24)),
        format!("sk_test_{}", base62(99)),
        format!("rk_live_{}", base62(24)),
        format!("whsec_{}", base62(32)),
        format!("SG.{}.{}", url64(22), url64(43)),
        format!("key-{}", hex(32)),
        format!("{}-us14", hex(32)),
        format!("npm_{}", base62(36)),
        format!("pypi-AgEIcHlwaS5vcmc{}", url64(120)),
        format!("rubygems_{}", hex(48)),
        format!("dckr_pat_{}", url64(27)),
        format!("dop_v1_{}", hex(64)),
        format!("HRKU-{}", url64(60)),
        format!("a1b8Q~{}", url64(34)),
        format!("dapi{}", hex(32)),
        format!("dapi{}-2", hex(32)),
        format!("shpat_{}", hex(32)),
        format!("sq0atp-{}", url64(22)),
        format!("access_token$production${}${}", "abcdefgh12345678", hex(32)),
        format!("123456789:AA{}", url64(33)),
        format!("MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.{}", url64(38)),
        format!("lin_api_{}", base62(40)),
        format!("ntn_{}", base62(46)),
        format!("secret_{}", base62(43)),
        format!("figd_{}", url64(40)),
        format!("ATATT3xFfGF0{}", url64(170)),
        format!("glsa_{}_{}", base62(32), hex(8)),
        format!("glc_eyJ{}", base62(80)),
        format!("NRAK-{}", body("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 27)),
        format!("sntryu_{}", hex(64)),
        format!("hvs.{}", url64(94)),
        format!("{}.atlasv1.{}", base62(14), url64(67)),
        format!("dp.pt.{}", base62(43)),
        format!("PMAK-{}-{}", hex(24), hex(34)),
        format!("gsk_{}", base62(52)),
        format!("r8_{}", base62(37)),
        format!("pplx-{}", base62(48)),
        format!("xai-{}", base62(80)),
        format!("fm2_{}", base62(140)),
        format!("sbp_{}", hex(40)),
        format!(
            "AGE-SECRET-KEY-1{}",
            body("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)
        ),
        format!("tskey-auth-{}-{}", base62(12), base62(32)),
        format!("nvapi-{}", url64(64)),
        format!("pul-{}", hex(40)),
        format!("squ_{}", hex(40)),
        format!("shippo_live_{}", hex(40)),
        format!(
            "amzn.mws.{}-{}-{}-{}-{}",
            hex(8),
            hex(4),
            hex(4),
            hex(4),
            hex(12)
        ),
        format!("pat{}.{}", base62(14), hex(64)),
        format!("re_{}_{}", base62(8), base62(24)),
        format!("xkeysib-{}-{}", hex(64), base62(16)),
    ]
}

#[test]
fn tokens_of_services_are_found_with_their_exact_span_wherever_they_stand() {
    for token in tokens() {
        for text in [
            token.clone(),
            format!("Use {token} please."),
            format!("It is {token}."),
            format!("({token})"),
            format!("`{token}`, \"{token}\"").replacen(&format!("\"{token}\""), "x", 1),
            format!("KEY={token}"),
            format!("{{\"k\":\"{token}\"}}"),
            format!(
                "kh\u{f3}a c\u{1ee7}a t\u{f4}i l\u{e0} {token}, \u{111}\u{1eeb}ng chia s\u{1ebb}"
            ),
            format!("**{token}**"),
            format!("line\n{token}\nline"),
            format!("m\u{e3}:{token}\u{e0}"),
        ] {
            assert_one(&text, &token, "API_KEY");
        }
    }
}

#[test]
fn fillers_and_placeholders_are_no_tokens() {
    assert_clean(&[
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "OPENAI_API_KEY=YOUR_API_KEY_GOES_RIGHT_HERE_1",
        "api_key = \"<token>\"",
        "export GITHUB_TOKEN=ghp_your_token_here1",
        "AIzaXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "sk-...1234",
        "sk-your-key-1",
        "AKIAXXXXXXXXXXXXXXXX",
        "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx1",
    ]);
}

#[test]
fn what_only_looks_like_a_token_stays() {
    assert_clean(&[
        "the sk-circle-fade-dot-12 class of the spinner",
        "key-value1 stores, app-server1, dataset-2024-final",
        "pod app-6d4cf56db6-abcde restarted 3 times",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b fixes #12",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "id 550e8400-e29b-41d4-a716-446655440000 was seen",
        "task-1234567890abcdefghijklmnop is done",
        "risk-1234567890abcdefghijklmnop",
        "std::vector<int> v2; a::b1; main.rs:10:5",
        "pk_live_51H8xY2eZvKYlo2CabcdefGHIJ",
        "npm_config_registry=https://registry.npmjs.org/",
        "https://example.com/a/b/c1/d2/e3?x=1&y=2",
        "/usr/local/lib/python3.11/site-packages/numpy/core/x.py",
        "version 1.2.3, build 20240101.4, v2.0.0-rc.1",
        "integrity=\"sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC\"",
        "AKIASOMEWORDINCAPITALS and ASIAN markets 2024",
        "the price is 1.200.000\u{20ab}, gi\u{1ea3}m 20% t\u{1eeb} 01/02/2024",
        "hf_model_name_or_path_v2_base",
        "xapp-launcher-2 and xoxo-1",
        "12345678:00:11:22 at 10:20:30",
    ]);
}

#[test]
fn secrets_of_aws_need_context_or_an_id_before() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    assert_none(&format!("the string {secret} was seen"));
    assert_one(&format!("my aws key: {secret}"), secret, "API_KEY");
    assert_one(
        &format!("aws_secret_access_key = {secret}"),
        secret,
        "API_KEY",
    );
    let both = format!("AKIAIOSFODNN7EXAMPLE\n{secret}");
    assert_eq!(
        secrets(&both),
        [
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "API_KEY".to_owned()),
            (secret.to_owned(), "API_KEY".to_owned())
        ]
    );
}

#[test]
fn hexadecimal_keys_need_a_prefix_or_the_name_of_their_service() {
    let account = format!("AC{}", hex(32));
    assert_none(&format!("the value {account} here"));
    let sid = format!("SK{}", hex(32));
    assert_one(&format!("the value {sid} here"), &sid, "API_KEY");
    assert_one(&format!("twilio key {sid}"), &sid, "API_KEY");
    let uuid = "01234567-89ab-4def-8123-456789abcdef";
    assert_one(&format!("HEROKU_API_KEY={uuid}"), uuid, "API_KEY");
    assert_one(
        &format!("cloudflare_api_token: {}", url64(40)),
        &url64(40),
        "API_KEY",
    );
}

#[test]
fn web_tokens_are_found_in_all_their_forms() {
    let header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    let claims = "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ";
    let signed = format!("{header}.{claims}.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c");
    for text in [
        signed.clone(),
        format!("Here: {signed}."),
        format!("Authorization: Bearer {signed}"),
        format!("{{\"token\":\"{signed}\"}}"),
        format!("cookie session={signed}; Path=/"),
        format!("https://example.com/?jwt={signed}&x=1").replace("https://", ""),
    ] {
        assert_one(&text, &signed, "JWT");
    }
    let unsecured = format!("eyJhbGciOiJub25lIn0.{claims}.");
    assert_one(&format!("try {unsecured} now"), &unsecured, "JWT");
    // RFC 7516, A.1, shortened; and a key that is agreed on directly, with an empty second part.
    let encrypted = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGe.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ";
    assert_one(&format!("jwe {encrypted},"), encrypted, "JWT");
    let direct = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0lt.XFBoMYUZodetZdvTiFvSkQ";
    assert_one(direct, direct, "JWT");
}

#[test]
fn other_parts_of_base64_are_no_web_tokens() {
    assert_clean(&[
        "eyJhbGciOiJIUzI1NiJ9 alone is only a header",
        "eyJmb28iOiJiYXIifQ.eyJmb28iOiJiYXIifQ.c2lnbmF0dXJl",
        "a1.b2.c3",
        "eyJ1.eyJ2.x3",
    ]);
}
