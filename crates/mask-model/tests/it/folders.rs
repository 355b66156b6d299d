//! Folders that cannot be used, and folders that are used twice.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis_mask_model::{Model, shared};
use serde_json::Value;

use crate::reference::fixture;

fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(fixture("bert").join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// What a look and a load tell of a folder: the same.
fn told(folder: &Path) -> String {
    let told = Model::load(folder).unwrap_err().to_string();
    assert_eq!(Model::examine(folder).unwrap_err().to_string(), told);
    told
}

fn change(folder: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let file = folder.join(name);
    let mut json: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut json);
    fs::write(file, json.to_string()).unwrap();
}

#[test]
fn a_folder_that_is_right_has_nothing_to_tell() {
    let folder = copied();
    Model::examine(folder.path()).unwrap();
    Model::load(folder.path()).unwrap();
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    assert!(told(Path::new("no-such-folder")).contains("`no-such-folder` is no folder"));
    for (name, hint) in [
        ("config.json", "save_pretrained"),
        ("tokenizer.json", "vocab.txt"),
        ("model.safetensors", "pytorch_model.bin"),
    ] {
        let folder = copied();
        fs::remove_file(folder.path().join(name)).unwrap();
        let told = told(folder.path());
        assert!(told.starts_with("there is no `"), "{told}");
        assert!(told.contains(name) && told.contains(hint), "{told}");
    }
}

#[test]
fn files_of_two_models_do_not_fit_each_other() {
    let folder = copied();
    change(folder.path(), "config.json", |config| {
        config["hidden_size"] = 32.into()
    });
    let told_of_width = told(folder.path());
    assert!(told_of_width.contains("has the shape"), "{told_of_width}");
    assert!(
        told_of_width.contains("model.safetensors"),
        "{told_of_width}"
    );

    let folder = copied();
    change(folder.path(), "config.json", |config| {
        config["num_hidden_layers"] = 3.into()
    });
    let told_of_layers = told(folder.path());
    assert!(
        told_of_layers.contains("there is no tensor `bert.encoder.layer.2."),
        "{told_of_layers}"
    );

    let folder = copied();
    change(folder.path(), "config.json", |config| {
        config["vocab_size"] = 100.into()
    });
    let told_of_tokens = told(folder.path());
    assert!(
        told_of_tokens.contains("tokenizer.json") && told_of_tokens.contains("different models"),
        "{told_of_tokens}"
    );
}

#[test]
fn a_file_that_is_cut_or_no_such_file_is_told() {
    let folder = copied();
    let weights = folder.path().join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    for (cut, expected) in [
        (0, "expected a safetensors file"),
        (7, "expected a safetensors file"),
        (100, "expected a safetensors file"),
        (bytes.len() - 1, "copy it again"),
    ] {
        fs::write(&weights, &bytes[..cut]).unwrap();
        let told = told(folder.path());
        assert!(told.contains(expected), "{cut}: {told}");
    }
    fs::write(
        &weights,
        [b"\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), &bytes].concat(),
    )
    .unwrap();
    assert!(told(folder.path()).contains("expected a safetensors file"));

    let folder = copied();
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    assert!(told(folder.path()).contains("expected a tokenizer"));
}

#[test]
fn weights_that_are_no_numbers_are_never_used() {
    let folder = copied();
    let weights = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    // The greatest exponent without a mantissa: infinite in half precision.
    let last = bytes.len() - 2;
    bytes[last..].copy_from_slice(&0x7c00_u16.to_le_bytes());
    fs::write(&weights, bytes).unwrap();
    Model::examine(folder.path()).unwrap();
    let told = Model::load(folder.path()).unwrap_err().to_string();
    assert!(told.contains("infinite"), "{told}");
}

#[test]
fn a_folder_is_loaded_once_until_it_changes() {
    let folder = copied();
    let one = shared(folder.path()).unwrap();
    let two = shared(folder.path()).unwrap();
    assert!(Arc::ptr_eq(&one, &two));
    change(folder.path(), "config.json", |config| {
        config["added"] = 1.into()
    });
    let three = shared(folder.path()).unwrap();
    assert!(!Arc::ptr_eq(&one, &three));
}
