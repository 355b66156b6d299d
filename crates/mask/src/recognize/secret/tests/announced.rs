use super::*;

#[test]
fn passwords_after_a_name_are_found_with_their_exact_span() {
    assert_each(
        &[
            ("password: hunter2!", "hunter2!"),
            ("password: S3cr3t!pass", "S3cr3t!pass"),
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
            (
                "T\u{e0}i kho\u{1ea3}n: admin / M\u{1ead}t kh\u{1ea9}u: Admin@123",
                "Admin@123",
            ),
            ("tk: bob, mk: Abc@2024", "Abc@2024"),
            ("username: bob\npassword: Summer2024!\n", "Summer2024!"),
            ("pass: Qwerty!23", "Qwerty!23"),
            ("The password for the server is: Zxcv!234", "Zxcv!234"),
            ("Password is: hunter2", "hunter2"),
            ("password is `hunter2`", "hunter2"),
            ("set the password to hunter2", "hunter2"),
            ("java -Dspring.datasource.password=hunter2", "hunter2"),
            ("jdbc:mysql://h/db?user=a&password=hunter2", "hunter2"),
            ("ALTER USER bob WITH PASSWORD 'hunter2';", "hunter2"),
            ("CREATE USER bob IDENTIFIED BY 'hunter2';", "hunter2"),
            ("my password Hanoi@2024 does not work", "Hanoi@2024"),
            ("password = hunter2", "hunter2"),
            ("PASSWORD: \"P4ss w0rd\"", "P4ss w0rd"),
            ("password:hunter2", "hunter2"),
            (
                "{\"auth\":{\"user\":\"a\",\"pass\":\"hunter2\"}}",
                "hunter2",
            ),
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
        "confirmPassword: Yup.string().min(8)",
        "password: z.string().min(8),",
        "password: await bcrypt.hash(password, 10)",
        "password = models.CharField(max_length=128)",
        "PASSWORD = \"password\"",
        "password: /^(?=.*[A-Z]).{8,}$/",
        "\"password\": {\"type\": \"string\", \"minLength\": 8}",
        "password: { type: String, required: true, min: 8 }",
        "Error: password=<nil> 1",
        "password authentication failed for user \"bob1\"",
        "input[type=password]:focus { border: 1px }",
        ".password:first-child{margin:1px}",
        "x ? password : password2",
        "{\"password\": pw1}",
        "{\"user\": user1, \"password\": creds}",
        "connect(user=u1, password=pw1)",
        "this.password = pwd1;",
        "self.password = raw1",
        "String password = input1;",
        "PWD=/home/user1",
        "PWD=/home/user1/src",
        "password: \"M\u{1ead}t kh\u{1ea9}u ph\u{1ea3}i c\u{f3} 8 k\u{fd} t\u{1ef1}\"",
        "case password: return 1",
        "Passwords: 3 of 10 were weak",
        "password -- 8 characters",
        "my password policy requires 8-64 characters",
        "password: 1 upper, 1 lower, 1 digit",
        "B\u{1ea1}n c\u{f3} th\u{1ec3} \u{111}\u{1ed5}i m\u{1ead}t kh\u{1ea9}u: v\u{e0}o C\u{e0}i \u{111}\u{1eb7}t > 2 b\u{1b0}\u{1edb}c",
        "M\u{1ead}t kh\u{1ea9}u m\u{1ea1}nh l\u{e0} g\u{ec}? N\u{ea}n d\u{f9}ng 12 k\u{fd} t\u{1ef1}",
        "mk l\u{e0} 1 ng\u{1b0}\u{1edd}i b\u{ec}nh th\u{1b0}\u{1edd}ng",
        "2024-01-02 10:00:00 INFO auth: login ok user=bob1 ip=1",
        "10:00 token: refresh scheduled in 3600s",
        "auth: enabled, retries: 3",
        "#[derive(Debug)] struct A { token: String, n: u32 }",
        "let token = lexer.next_token1();",
        "token: Token { kind: Ident, len: 12345678901234 }",
        "Token::Number(1) => 2,",
        "match token { Token::A => 1 }",
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
        assert_one(text, value, "PASSWORD");
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
        "API_KEY",
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
    let finder = &*crate::tests::FINDER;
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

#[test]
fn passwords_are_announced_in_other_languages_and_scripts() {
    assert_each(
        &[
            ("パスワード：Sakura#55", "Sakura#55"),
            ("パスワードはAbc@12345です", "Abc@12345"),
            ("密码：Abc123!@#", "Abc123!@#"),
            ("WiFi密码是Abc12345", "Abc12345"),
            ("비밀번호: Seoul!2024", "Seoul!2024"),
            ("비밀번호는 Seoul!2024", "Seoul!2024"),
            ("Пароль: Zima!2024", "Zima!2024"),
            ("รหัสผ่าน: Abc@12345", "Abc@12345"),
            ("hasło: Zimowe!2024", "Zimowe!2024"),
            ("wachtwoord: Fiets#2024", "Fiets#2024"),
            ("lösenord: Sommar#2024", "Sommar#2024"),
            ("salasana: Kesa#2024", "Kesa#2024"),
            ("şifre: Deniz#2024", "Deniz#2024"),
            ("parola: Mare#2024", "Mare#2024"),
            ("clave: Sol#2024", "Sol#2024"),
            ("mật khẩu wifi là matkhau2024", "matkhau2024"),
        ],
        "PASSWORD",
    );
}

#[test]
fn passwords_beside_their_label_are_found() {
    assert_each(
        &[
            ("credentials: admin / Tr0ub4dor&3", "Tr0ub4dor&3"),
            ("credentials: admin:gL7#kk2p", "gL7#kk2p"),
            ("user/pass: jmiller/gL7#kk2p", "gL7#kk2p"),
            ("sshpass -p 'Op3nSesame' ssh host", "Op3nSesame"),
            ("db password postgres123", "postgres123"),
            ("| Password | gL7#kk2p |", "gL7#kk2p"),
            ("Password:\nTr0ub4dor&3", "Tr0ub4dor&3"),
            ("Password\nTr0ub4dor&3\nbye", "Tr0ub4dor&3"),
            ("user,password\nbob,Tr0ub4dor&3", "Tr0ub4dor&3"),
            (
                "| user | password |\n|---|---|\n| bob | Tr0ub4dor&3 |",
                "Tr0ub4dor&3",
            ),
        ],
        "PASSWORD",
    );
    assert_each(
        &[
            (
                "MAILGUN_KEY=58b2a2055bb55bcbb37d2f2a4276b0bd",
                "58b2a2055bb55bcbb37d2f2a4276b0bd",
            ),
            (
                "session_id=066548bbcded8077efcfe3fb2c3ea935",
                "066548bbcded8077efcfe3fb2c3ea935",
            ),
            (
                "recovery code: yJxCG0aPNUpkJK1UxhvY",
                "yJxCG0aPNUpkJK1UxhvY",
            ),
            (
                "api token 9f86d081884c7d659a2feaa0c55ad015",
                "9f86d081884c7d659a2feaa0c55ad015",
            ),
        ],
        "SECRET",
    );
}

#[test]
fn what_stands_beside_a_label_is_not_always_a_password() {
    for text in [
        "password: n/a",
        "Password: (leave blank)",
        "password: example",
        "proxy_pass to 10.0.5.6:3000;",
        "credentials: see vault/path",
        "Login: 2024-01-02 10:20",
        "login: https://example.com/x",
        "imap-login: Login: user=<jo>, session=<q1w2e3r4T5y6>",
        "密码错误123456",
        "| Field | Type |\n|---|---|\n| password | varchar(255) |",
        "Password\nuser123 must be set",
        "Password:\n1. must have 8 chars",
        "CACHE_KEY=58b2a2055bb55bcbb37d2f2a4276b0bd",
        "user_id=4829103847 session=8f14e45fceea167a took=1.234s",
        "my $Token = qr/[\\x21\\x23-\\x27]/;",
        "the password sha256sum1 is",
    ] {
        assert_eq!(secrets(text), [], "in: {text}");
    }
}
