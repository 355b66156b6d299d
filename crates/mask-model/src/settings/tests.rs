//! What config.json may say.

use serde_json::{Value, json};

use super::*;

fn bert() -> Value {
    json!({
        "model_type": "bert", "architectures": ["BertForTokenClassification"], "hidden_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 1000,
        "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
        "id2label": {"0": "O", "1": "B-PER", "2": "I-PER"},
    })
}

fn read(config: &Value) -> Result<Settings, String> {
    let text = config.to_string();
    Settings::read(text.as_bytes(), Path::new("m/config.json")).map_err(|error| error.to_string())
}

#[test]
fn each_family_is_read_by_its_own_keys() {
    let settings = read(&bert()).unwrap();
    assert_eq!((settings.family, settings.window()), (Family::Bert, 512));
    assert_eq!(settings.labels.len(), 3);

    let mut roberta = bert();
    roberta["model_type"] = json!("xlm-roberta");
    roberta["pad_token_id"] = json!(1);
    roberta["max_position_embeddings"] = json!(514);
    let settings = read(&roberta).unwrap();
    assert_eq!(
        (settings.family, settings.first_position),
        (Family::Roberta, 2)
    );
    assert_eq!(settings.window(), 512);

    let distilbert = json!({
        "model_type": "distilbert", "dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 48, "vocab_size": 100,
        "max_position_embeddings": 128, "activation": "relu", "id2label": {"0": "PER"},
    });
    let settings = read(&distilbert).unwrap();
    assert_eq!((settings.inner_width, settings.segments), (48, 0));
    assert_eq!(settings.activation, Activation::Relu);
}

#[test]
fn what_is_wrong_is_told_with_file_and_key() {
    let cases = [
        (
            "model_type",
            json!("gpt2"),
            "`model_type` is \"gpt2\"; expected bert, distilbert",
        ),
        ("model_type", Value::Null, "expected bert, distilbert"),
        (
            "architectures",
            json!(["BertForMaskedLM"]),
            "expected one that ends in ForTokenClassification",
        ),
        (
            "hidden_size",
            Value::Null,
            "`hidden_size` is null; expected a whole number from 1",
        ),
        ("hidden_size", json!(1e300), "`hidden_size`"),
        ("hidden_size", json!(-4), "`hidden_size` is -4"),
        ("hidden_size", json!(10_000_000), "up to 32768"),
        (
            "num_attention_heads",
            json!(5),
            "expected a divisor of the width 64",
        ),
        (
            "num_attention_heads",
            json!(0),
            "`num_attention_heads` is 0",
        ),
        ("num_hidden_layers", json!(100_000), "up to 128"),
        ("max_position_embeddings", json!(4), "expected 16 at least"),
        (
            "position_embedding_type",
            json!("relative_key"),
            "expected \"absolute\"",
        ),
        (
            "hidden_act",
            json!("silu"),
            "expected gelu, gelu_new or relu",
        ),
        ("hidden_act", json!(7), "expected gelu, gelu_new or relu"),
        (
            "layer_norm_eps",
            json!("x"),
            "expected a number between 0 and 1",
        ),
        ("id2label", Value::Null, "expected a label for each number"),
        (
            "id2label",
            json!({"1": "PER"}),
            "expected a label for each number",
        ),
        (
            "id2label",
            json!({"0": "LABEL_0", "1": "LABEL_1"}),
            "none of the labels means a person",
        ),
    ];
    for (key, value, expected) in cases {
        let mut config = bert();
        config[key] = value;
        let told = read(&config)
            .err()
            .unwrap_or_else(|| panic!("{key} is taken"));
        assert!(told.starts_with("`m/config.json`: "), "{told}");
        assert!(told.contains(key) && told.contains(expected), "{told}");
    }
    let told = Settings::read(b"{", Path::new("config.json")).unwrap_err();
    assert!(told.to_string().contains("expected JSON"), "{told}");
}
