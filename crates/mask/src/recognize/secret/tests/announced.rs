use super::*;

#[test]
fn passwords_after_a_name_are_found_with_their_exact_span() {
    assert_each(
        &[
            ("password: hunter2!", "hunter2!"),
            ("Password: P@ssw0rd123", "P@ssw0rd123"),
            ("My password is hunter2.", "hunter2"),
            ("my password is \"hunter2\"", "hunter2"),
            ("the wifi password is Sunshine#42, ok?", "Sunshine#42"),
            ("password=hunter2", "hunter2"),
            ("pwd=abc123;", "abc123"),
            ("passwd: s3cr3t", "s3cr3t"),
            ("DB_PASS=s3cr3t!x", "s3cr3t!x"),
            ("PASSWORD='hunter2'", "hunter2"),
            (
                "PASSWORD=\"correct horse 7 staple\"",
                "correct horse 7 staple",
            ),
            ("POSTGRES_PASSWORD=letmein", "letmein"),
            ("export PGPASSWORD=Tr0ub4dor&3", "Tr0ub4dor&3"),
            ("{\"user\":\"bob\",\"password\":\"hunter2\"}", "hunter2"),
            ("{\"password\": \"letmein\"}", "letmein"),
            ("{\\\"password\\\": \\\"hunter2\\\"}", "hunter2"),
            ("{'password': 'hunter2'}", "hunter2"),
            ("'password' => 'hunter2',", "hunter2"),
            (":password => \"hunter2\"", "hunter2"),
            ("db:\n  password: hunter2\n  port: 5432", "hunter2"),
            ("password: letmein\n", "letmein"),
            ("mysql --password=hunter2 -h db", "hunter2"),
            ("tool --password hunter2 --verbose", "hunter2"),
            ("tool --db-password 'hunter2'", "hunter2"),
            ("m\u{1ead}t kh\u{1ea9}u: hunter2", "hunter2"),
            (
                "M\u{1ead}t kh\u{1ea9}u c\u{1ee7}a t\u{f4}i l\u{e0} Hanoi@2024, gi\u{fa}p t\u{f4}i nh\u{e9}",
                "Hanoi@2024",
            ),
            ("mat khau: Saigon123", "Saigon123"),
            ("mat khau la Saigon123", "Saigon123"),
            ("M\u{1ead}t kh\u{1ea9}u wifi: abc@12345.", "abc@12345"),
            ("mk: abc@123", "abc@123"),
            ("M\u{1ead}t kh\u{1ea9}u: Xu\u{e2}n2024!", "Xu\u{e2}n2024!"),
            (
                "Server=db;Database=x;User Id=sa;Password=Pa55w.rd;Encrypt=true",
                "Pa55w.rd",
            ),
            ("Server=db;Pwd=Pa55word!;", "Pa55word!"),
            ("let password: &str = \"hunter2\";", "hunter2"),
            ("const password: string = 'hunter2';", "hunter2"),
            ("password: str = \"hunter2\"", "hunter2"),
            ("String password = \"hunter2\";", "hunter2"),
            ("var password string = \"hunter2\"", "hunter2"),
            ("password := \"hunter2\"", "hunter2"),
            ("$password = 'hunter2';", "hunter2"),
            ("config[\"password\"] = \"hunter2\"", "hunter2"),
            ("if password == \"hunter2\":", "hunter2"),
            ("connect(host, password='hunter2')", "hunter2"),
            ("**Password:** hunter2!", "hunter2!"),
            ("**Password**: `hunter2`", "hunter2"),
            ("- Password: hunter2", "hunter2"),
            ("(password: hunter2)", "hunter2"),
            ("<password>hunter2</password>", "hunter2"),
            ("Password (wifi): hunter2", "hunter2"),
            ("Password for root: toor99", "toor99"),
            ("user: bob, password: hunter2, host: x", "hunter2"),
            ("login?user=bob&password=hunter2&x=1", "hunter2"),
            ("password: 12345678", "12345678"),
            (
                "passphrase: \"correct horse battery staple\"",
                "correct horse battery staple",
            ),
            ("password: \u{201c}hunter2\u{201d}", "hunter2"),
            ("spring.datasource.password=hunter2", "hunter2"),
            ("password = \"pa\\\"ss1\"", "pa\\\"ss1"),
            ("curl -u admin:S3cret! http", "S3cret!"),
            ("Passwort: Gehe1m!", "Gehe1m!"),
            ("contrase\u{f1}a: Secreto#1", "Secreto#1"),
            ("password: ab,cd1", "ab,cd1"),
            ("ALTER: password=\"x\\\\y1\"", "x\\\\y1"),
        ],
        "PASSWORD",
    );
}

#[test]
fn what_is_no_password_stays() {
    assert_clean(&[
        "password: string",
        "password: String,",
        "password: ********",
        "password: \u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}",
        "password is required",
        "Password is incorrect",
        "password = None",
        "password: null",
        "\"password\": null,",
        "\"password\": true",
        "\"password\": \"\"",
        "\"password\": \"string\"",
        "\"password\": \"Password\"",
        "\"password\": \"Enter your password\"",
        "\"password\": \"M\u{1ead}t kh\u{1ea9}u\"",
        "\"password\": \"Password must be at least 8 characters\"",
        "password = os.environ[\"DB_PASSWORD\"]",
        "password = os.environ.get('DB_PASSWORD1')",
        "password = getenv(\"DB_PASSWORD\")",
        "password: ${DB_PASSWORD}",
        "password: \"${DB_PASS_1}\"",
        "password: {{ vault_password }}",
        "password: {{vault_password1}}",
        "password: <password>",
        "password=<your-password-1>",
        "password = input()",
        "password = input(\"Password 1: \")",
        "password = self.password",
        "password = self.password1",
        "self.password = password",
        "self.password = password1",
        "connect(user=user, password=password)",
        "connect(user=user1, password=pwd1)",
        "password: Optional[str] = None",
        "password: str",
        "password?: string;",
        "password: SecretStr",
        "password: &str",
        "def login(user: str, password: str) -> bool:",
        "fn check(password: &str) -> bool {",
        "the password: you must change it",
        "the password: you must change it every 90 days",
        "Your password: it must be 8 characters",
        "password: at least 8 characters",
        "The password is 8 characters long",
        "password is 12+ characters",
        "password length: 12",
        "password_length=12",
        "min_password_length: 8",
        "password: $DB_PASSWORD",
        "password: %s",
        "password=%(password)s",
        "VALUES (:user, :password)",
        "WHERE password = @password",
        "WHERE password = ?",
        "WHERE password = $1",
        "<input type=\"password\" name=\"password\" placeholder=\"Password\">",
        "<label for=\"password\">Password: </label>",
        "password: [REDACTED]",
        "password: [FILTERED]",
        "password=***",
        "password: xxxxxxxx",
        "passport: C1234567",
        "pass: 10, fail: 2",
        "Tests pass: 42",
        "pass=True",
        "bypass: v2",
        "compass: n42",
        "mk: m\u{ec}nh kh\u{f4}ng bi\u{1ebf}t",
        "M\u{1ead}t kh\u{1ea9}u: b\u{1eaf}t bu\u{1ed9}c ph\u{1ea3}i c\u{f3} 8 k\u{fd} t\u{1ef1}",
        "m\u{1ead}t kh\u{1ea9}u l\u{e0} g\u{ec}? 123",
        "qu\u{ea}n m\u{1ead}t kh\u{1ea9}u th\u{ec} l\u{e0}m sao?",
        "Forgot password? Click: https://example.com/reset/1",
        "password_file: /run/secrets/db_password1",
        "password: /run/secrets/db1",
        "password: process.env.DB_PASSWORD1",
        "password: config.db.password1",
        "password: user?.password2",
        "password: req.body.password",
        "const { user, password } = req.body1;",
        "password: hash(input1)",
        "if (password === confirmPassword1) {",
        "if password == stored1:",
        "assert password != other1",
        "tool --password-stdin 1",
        "Use the --password option of tool2",
        "docker run --password $PASS1",
        "password: must contain 1 digit",
        "password: Yes",
        "secret: my-app-secret",
        "password -> p1",
        "password: bool = 1",
        "password varchar(255)",
        "password: varchar(255) not null",
        "id uuid, password text, age int4",
        "Authorization: Basic <credentials1>",
        "enter the password: then press 1",
        "-u 1000:1000",
        "the user:password1 pair",
        "password changed at: 2024-01-02",
        "The secret of success is 99 percent work",
    ]);
}

#[test]
fn passwords_in_addresses_are_found_alone() {
    for (text, value) in [
        ("postgres://bob:hunter2@db.example.com:5432/x", "hunter2"),
        ("redis://:s3cret@cache:6379/0", "s3cret"),
        ("mongodb+srv://bob:p%40ss@cluster0.mongodb.net", "p%40ss"),
        ("https://bob:ghx_1@github.com/a/b.git", "ghx_1"),
        ("amqp://guest:guest@mq", "guest"),
        ("ftp://u:p@ss1@host", "p@ss1"),
    ] {
        assert_holds(text, value);
    }
    assert_clean(&[
        "https://example.com:8080/a@b",
        "postgres://bob:${PASS}@db",
        "postgres://bob:<password>@db",
        "postgres://bob:****@db",
        "http://host:80/path?x=a:b@c",
        "postgres://bob:{password}@db",
    ]);
}

/// The password of an address may become a part of the span of the whole address.
fn assert_holds(text: &str, value: &str) {
    assert!(
        found(text)
            .iter()
            .any(|(span, label)| span == value && label == "PASSWORD"
                || label == "URL" && span.contains(value)),
        "in: {text}: {:?}",
        found(text)
    );
}

#[test]
fn headers_with_credentials_are_found() {
    assert_one(
        "Authorization: Basic dXNlcjpwYXNz",
        "dXNlcjpwYXNz",
        "PASSWORD",
    );
    assert_one(
        "curl -H 'Authorization: Basic YWRtaW46aHVudGVyMg=='",
        "YWRtaW46aHVudGVyMg==",
        "PASSWORD",
    );
    assert_one(
        "{\"Authorization\": \"Bearer a8f3kd92jf0s8d7f\"}",
        "a8f3kd92jf0s8d7f",
        "SECRET",
    );
    assert_one(
        "authorization: bearer mF_9.B5f-4.1JqM",
        "mF_9.B5f-4.1JqM",
        "SECRET",
    );
    assert_clean(&[
        "Authorization: Basic authentication required 1",
        "Authorization: Bearer <token>",
        "Authorization: Bearer ${TOKEN_1}",
        "Authorization: `Bearer ${token1}`",
        "Authorization: Bearer YOUR_ACCESS_TOKEN_1",
        "authorization: none",
        "\"Authorization\": f\"Bearer {token1}\"",
    ]);
}

#[test]
fn random_tokens_after_a_name_are_secrets() {
    assert_each(
        &[
            (
                "secret: 8f14e45fceea167a5a36dedd4bea2543",
                "8f14e45fceea167a5a36dedd4bea2543",
            ),
            ("api_key=Zx8Kp2Lm9Qw4Rt7Yv1Bn", "Zx8Kp2Lm9Qw4Rt7Yv1Bn"),
            (
                "\"client_secret\": \"Zx8Kp2Lm9Qw4Rt7Yv1Bn\"",
                "Zx8Kp2Lm9Qw4Rt7Yv1Bn",
            ),
            ("X-Api-Key: Zx8Kp2Lm9Qw4Rt7Yv1Bn", "Zx8Kp2Lm9Qw4Rt7Yv1Bn"),
            (
                "my api key is Zx8Kp2Lm9Qw4Rt7Yv1Bn.",
                "Zx8Kp2Lm9Qw4Rt7Yv1Bn",
            ),
            (
                "kh\u{f3}a API c\u{1ee7}a t\u{f4}i l\u{e0} Zx8Kp2Lm9Qw4Rt7Yv1Bn",
                "Zx8Kp2Lm9Qw4Rt7Yv1Bn",
            ),
            (
                "ENCRYPTION_KEY=3q2+7wAbCdEfGhIjKlMnOpQrStUvWx1z0aBcDeFgHiI=",
                "3q2+7wAbCdEfGhIjKlMnOpQrStUvWx1z0aBcDeFgHiI=",
            ),
            (
                "access_token: 01234567-89ab-4def-8123-456789abcdef",
                "01234567-89ab-4def-8123-456789abcdef",
            ),
            ("tool --token Zx8Kp2Lm9Qw4Rt7Yv1Bn", "Zx8Kp2Lm9Qw4Rt7Yv1Bn"),
            (
                "//registry.example.com/:_authToken=Zx8Kp2Lm9Qw4Rt7Yv1Bn",
                "Zx8Kp2Lm9Qw4Rt7Yv1Bn",
            ),
            (
                "private_key_id: 8f14e45fceea167a5a36dedd4bea25438f14e45f",
                "8f14e45fceea167a5a36dedd4bea25438f14e45f",
            ),
            ("?token=Zx8Kp2Lm9Qw4Rt7Yv1Bn&x=1", "Zx8Kp2Lm9Qw4Rt7Yv1Bn"),
        ],
        "SECRET",
    );
    let key = format!(
        "{}==",
        body("ABCDEFGHIJKLMNOPabcdefghijklmnop0123456789+/", 86)
    );
    assert_one(
        &format!("AccountName=x;AccountKey={key};EndpointSuffix=y"),
        &key,
        "SECRET",
    );
}

#[test]
fn what_is_no_secret_stays() {
    assert_clean(&[
        "token: 5",
        "max_tokens: 4096",
        "token_type: bearer_type_number_1",
        "tokenizer: cl100k_base_tokenizer_1",
        "api_key = os.getenv(\"OPENAI_API_KEY_1\")",
        "api_key: str = Field(default=None)",
        "token = generateAccessTokenForUser(user1)",
        "token = accessTokenForCurrentUser1",
        "api_key=settings.OPENAI_API_KEY2",
        "secret: prod-database-credentials-v2",
        "secretName: prod-database-credentials-v2",
        "access_key: your-access-key-goes-here-1",
        "checksum: 8f14e45fceea167a5a36dedd4bea2543",
        "sha256 = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "etag: \"8f14e45fceea167a5a36dedd4bea2543\"",
        "commit: 3f786850e387550fdab836ed7e6dc881de23001b",
        "id: 550e8400-e29b-41d4-a716-446655440000",
        "PublicKeyToken=b77a5c561934e089b77a5c56",
        "next_page_token: CAoSBkNBb1NCa1pYMjM0NQ1",
        "token: /var/run/secrets/kubernetes.io/token1",
        "key: Zx8Kp2Lm9Qw4Rt7Yv1Bn",
        "monkey: Zx8Kp2Lm9Qw4Rt7Yv1Bn",
        "secret: https://vault.example.com/v1/secret",
        "token: 0000000000000000",
        "token: 1234567890123456",
        "apiKey: \"xxxxxxxxxxxxxxxxxxxx1\"",
        "SECRET_KEY={{ secret_key_of_the_app_1 }}",
        "token == expectedTokenOfTheUser1",
        "auth: github.com/login/oauth2/v2",
        "signature: 8f14e45fceea167a5a36dedd4bea2543",
        "the token: please use number 12345678901234567890",
    ]);
}

#[test]
fn a_value_alone_is_found_by_the_name_of_its_field() {
    let finder = crate::Finder::new(crate::Rules::default());
    for (field, value, count) in [
        ("password", "hunter2", 1),
        ("db_password", "hunter2", 1),
        ("api_key", "Zx8Kp2Lm9Qw4Rt7Yv1Bn", 1),
        ("name", "hunter2", 0),
        ("query", "Zx8Kp2Lm9Qw4Rt7Yv1Bn", 0),
    ] {
        assert_eq!(
            finder.find_in_field(value, Some(field)).len(),
            count,
            "{field}: {value}"
        );
    }
}
