use proptest::prelude::*;

use crate::tests::found;

/// Asserts that a text holds exactly these addresses.
fn assert_found(text: &str, addresses: &[&str]) {
    assert_labelled(text, "CRYPTO", addresses);
}

/// Asserts that a text holds exactly these values of this room.
fn assert_labelled(text: &str, label: &str, values: &[&str]) {
    let ours: Vec<String> = found(text)
        .into_iter()
        .filter(|(_, found)| matches!(found.as_str(), "CRYPTO" | "PRIVATE_KEY"))
        .map(|(value, found)| format!("{found} {value}"))
        .collect();
    let expected: Vec<String> = values
        .iter()
        .map(|value| format!("{label} {value}"))
        .collect();
    assert_eq!(ours, expected, "in {text:?}");
}

/// Published addresses: of the first block, of the specifications' test vectors, of projects that ask for donations, and of
/// well-known contracts.
const ADDRESSES: &[&str] = &[
    // Bitcoin and its test network.
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "17VZNX1SN5NtKa8UQFxwQbFeFc3iqRYhem",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX",
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
    "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
    // BIP 173 and 350.
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
    "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
    // Litecoin, Dogecoin, Dash, Zcash.
    "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1",
    "MTf4tP1TCNBn8dNkyxeBVoPrFCcVzxJvvh",
    "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9",
    "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L",
    "XpESxaUmonkq8RaLLp46Brx2K39ggQe226",
    "Xx4dYKgz3Zcv6kheaqog3fynaKWjbahb6b",
    "9rXbkMyi1S6thykRoXAZcY8fwUKYsy6cXE",
    "7SVyqiBykMKdoNuuf1AehnVxASmtdfqsFF",
    "t1Hxw6JqWMnhDK5jRCieg5bFHM2qt7UtQvu",
    "t3Vz22vK5z2LcKEdg16Yv4FFneEL1zg9ojd",
    // Tron, Ripple, Tezos.
    "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW",
    "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
    "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
    "rf1BiGeXwwQoi8Z2ueFYTEXSwuJYfV2Jpn",
    "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb",
    "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn",
    // ERC 55.
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    // CashAddr.
    "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq",
    "ecash:qpm2qsznhks23z7629mms6s4cwef74vcwva87rkuu2",
    "bitcoincash:qr95sy3j9xwd2ap32xkykttr4cvcu7as4y0qverfuy",
    "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
    "BITCOINCASH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A",
    // Monero.
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
    "888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoogDavup3H",
    // CIP 19, Cosmos.
    "addr1qx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzer3n0d3vllmyqwsx5wktcd8cc3sq835lu7drv2xwl2wywfgse35a3x",
    "stake1uyehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gh6ffgw",
    "cosmos1fl48vsnmsdzcv85q5d2q4z5ajdha8yu34mf0eh",
    // SEP 23, Algorand.
    "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
    "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ",
    "7ZUECA7HFLZTXENRV24SHLU4AVPUTMTTDUFUBNBD64C73F3UHRTHAIOF6Q",
    // TON.
    "EQBvW8Z5huBkMJYdnfAEM5JqTNkuWX3diqYENkWsIL0XggGG",
    "EQDtFpEwcFAEcRe5mLVh2N6C0x-_hJEM7W61_JLnSF74p4q2",
    "EQCD39VS5jcptHL8vMjEXrzGaRcCVYto7HUn4bpAOg8xqB2N",
    "Ef8zMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM0vF",
    // Polkadot, Kusama, Substrate.
    "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
    "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F",
    "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
];

#[test]
fn published_addresses_are_found() {
    for address in ADDRESSES {
        for text in [
            (*address).to_owned(),
            format!("send it to {address}, please."),
            format!("ví của em là {address}ạ"),
            format!("{{\"to\":\"{address}\"}}"),
            format!("`{address}`"),
            format!("**{address}**"),
        ] {
            assert_found(&text, &[address]);
        }
    }
    assert_found(
        "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa?amount=1",
        &["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"],
    );
    assert_found(
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa,3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        &[
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        ],
    );
}

#[test]
fn a_damaged_address_is_refused() {
    for address in ADDRESSES {
        // Without mixed letters an address of Ethereum has no checksum.
        if address.starts_with("0x52") || address.starts_with("0xde") {
            continue;
        }
        let start = address.find(':').map_or(4, |colon| colon + 2);
        for place in start..address.len() {
            let mut characters = address.as_bytes().to_vec();
            characters[place] = match characters[place] {
                b'2' => b'3',
                b'a'..=b'f' if address.starts_with("0x") => characters[place].to_ascii_uppercase(),
                b'A'..=b'F' if address.starts_with("0x") => characters[place].to_ascii_lowercase(),
                _ if address.starts_with("0x") => continue,
                other if other.is_ascii_uppercase() => {
                    if other == b'Q' {
                        b'P'
                    } else {
                        b'Q'
                    }
                }
                b'q' => b'p',
                b'3' => b'2',
                b'_' | b'-' => continue,
                _ => b'q',
            };
            let damaged = String::from_utf8(characters).unwrap();
            assert_found(&format!("bitcoin {damaged}"), &[]);
        }
    }
}

#[test]
fn an_address_of_solana_needs_a_word_that_says_so() {
    for address in [
        "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV",
        "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
        "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
    ] {
        assert_found(&format!("my Solana wallet: {address}"), &[address]);
        assert_found(&format!("Địa chỉ ví: {address}."), &[address]);
        assert_found(&format!("token {address}"), &[]);
    }
}

#[test]
fn keys_of_wallets_are_private_keys() {
    for key in [
        "5Hwgr3u458GLafKBgxtssHSPqJnYoGrSzgQsPwLFhLNYskDPyyA",
        "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
        "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ",
        "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
    ] {
        assert_labelled(&format!("import {key} now"), "PRIVATE_KEY", &[key]);
        let mut damaged = key.to_owned();
        damaged.replace_range(9..11, "zz");
        assert_labelled(&damaged, "PRIVATE_KEY", &[]);
    }
    assert_found(
        "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
        &[
            "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
        ],
    );
}

#[test]
fn what_only_looks_like_an_address_stays() {
    for text in [
        // Hashes, commits, identifiers.
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b in wallet.rs",
        "sha1 0xda39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "tx 0x88df016429689c079f3b2f6ad39fa052532c56795b733da78a91ebe340a594e1",
        "550e8400-e29b-41d4-a716-446655440000",
        "sk-proj-1A1zP1eP5QGefi2DMPTfTL5SLmv7",
        "dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIDEzIGxhenkgZG9ncw==",
        // Too short, too long, nothing.
        "0x0000000000000000000000000000000000000000",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed1",
        "0xdeadbeef and 0xCAFEBABE",
        "let x = 0x1234567890abcdef1234567890abcdef;",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN",
        "x1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "bc1 is a prefix, bc1q too",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3T4",
        "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6A",
        "bchtest:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
        // Names in code.
        "getUserAccountByIdentifier1234567",
        "TransactionManagerFactoryBean2Test",
        "terra1 and cosmos1 and u1x",
        "createdBy1MigrationTable2024VersionSeven",
    ] {
        assert_found(text, &[]);
    }
}

proptest! {
    #[test]
    fn any_text_of_triggers_gives_whole_characters(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"), Just("bc1q"), Just("w508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
                Just("0x"), Just("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), Just("bitcoincash:"), Just("ế"), Just(":"),
                Just("qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"), Just("1"), Just("11111111111"), Just(" "), Just("号"),
                Just("44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3"), Just("G"), Just("A7QYNF7SOWQ3GLR2BGMZEHXAVIRZ"),
                Just("zzzzzzzzzzzzzzzzzzzzzzz"), Just("xpub"), Just("5"),
            ],
            0..30,
        )
    ) {
        let text = pieces.concat();
        for span in crate::tests::FINDER.find(&text) {
            prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
            prop_assert!(!span.is_empty());
        }
    }
}
