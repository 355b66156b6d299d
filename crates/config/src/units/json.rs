//! From TOML values to the JSON values that an answer is compared with.

use serde_json::{Number, Value};
use toml::de::DeValue;

use super::found;
use crate::Code;
use crate::report::Wrong;

/// The JSON value that is written the same way.
pub(crate) fn json(value: &DeValue<'_>) -> Result<Value, Wrong> {
    let wrong = || {
        let message = format!("{} has no counterpart in JSON", found(value));
        Wrong::new(Code::BadValue, message).hint("write it as a text in quotes")
    };
    match value {
        DeValue::String(text) => Ok(Value::String(text.clone().into_owned())),
        DeValue::Boolean(truth) => Ok(Value::Bool(*truth)),
        DeValue::Integer(number) => {
            // TOML promises 64 bits with a sign and no more.
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map(Value::from).map_err(|_| wrong())
        }
        DeValue::Float(number) => {
            let number = number
                .as_str()
                .parse::<f64>()
                .ok()
                .and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(wrong)
        }
        DeValue::Array(items) => items
            .iter()
            .map(|item| json(item.get_ref()))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        DeValue::Table(table) => table
            .iter()
            .map(|(name, item)| Ok((name.get_ref().clone().into_owned(), json(item.get_ref())?)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        DeValue::Datetime(_) => Err(wrong()),
    }
}
