# Short names; `cargo xtask` is the truth.
demo *args:
    cargo xtask demo {{args}}
test *args:
    cargo xtask test {{args}}
ci:
    .ci/run
