//! A compose file. Portcullis starts processes and not containers, so most of it is only a hint.

use serde_json::Value;

use super::super::guess::{Guess, name_of};

/// A compose file: the service that publishes a port, or else the first. `file` is its name.
pub(in super::super) fn compose(file: &str, text: &str) -> Option<Guess> {
    let document: Value = serde_saphyr::from_str(text).ok()?;
    let services = document.get("services")?.as_object()?;
    let published = services
        .iter()
        .find(|(_, service)| service.get("ports").is_some_and(Value::is_array));
    let (key, service) = published.or_else(|| services.iter().next())?;
    let mut guess = Guess::from(format!("{file} service {key}"));
    guess.name = name_of(key);
    if let Some((listen, port)) = ports(service) {
        guess.port = Some(port);
        guess.listen = listen;
    }
    guess.ready_path = service
        .get("healthcheck")
        .and_then(|health| health.get("test"))
        .and_then(words)
        .and_then(|words| path_of_url(&words.join(" ")));
    guess.command =
        service
            .get("command")
            .and_then(words)
            .map(|words| match service.get("command") {
                Some(Value::String(line)) => line.clone(),
                _ => shell_words::join(&words),
            });
    environment(service, &mut guess);
    for volume in list(service.get("volumes")) {
        let (path, inside) = match volume {
            Value::String(text) => {
                let mut parts = text.split(':').map(str::to_owned);
                (parts.next(), parts.next())
            }
            other => {
                let text = |key: &str| other.get(key).and_then(Value::as_str).map(str::to_owned);
                (text("source"), text("target"))
            }
        };
        let own = path.filter(|path| path.starts_with("./"));
        // `./data:/app/data` says that `/app` in the container is this folder.
        let folder = own.as_ref().zip(inside).and_then(|(own, inside)| {
            let folder = inside.strip_suffix(own.trim_start_matches('.'))?;
            Some(folder.to_owned())
        });
        guess.folder = guess.folder.take().or(folder);
        guess.stores.extend(own.map(|path| {
            path.trim_start_matches("./")
                .trim_end_matches('/')
                .to_owned()
        }));
    }
    guess.notes.push(format!(
        "{file} describes containers; Portcullis starts processes, so images, networks and limits in it \
         are not used"
    ));
    Some(guess)
}

/// The published port, if it is named, and the port in the container.
fn ports(service: &Value) -> Option<(Option<u16>, u16)> {
    let first = list(service.get("ports")).next()?;
    match first {
        Value::String(text) => {
            // `8080:80`, `127.0.0.1:8080:80/tcp`, `80`
            let text = text.split('/').next().unwrap_or(text);
            let mut parts = text.rsplit(':').map(|part| part.parse::<u16>().ok());
            let port = parts.next()??;
            Some((parts.next().flatten(), port))
        }
        Value::Number(port) => Some((None, u16::try_from(port.as_u64()?).ok()?)),
        table => {
            let number = |key: &str| {
                let value = table.get(key)?;
                let text = value.as_str().map(str::to_owned);
                text.unwrap_or_else(|| value.to_string()).parse().ok()
            };
            Some((number("published"), number("target")?))
        }
    }
}

/// A command or test, written as a list or as a line.
fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(line) => shell_words::split(line).ok(),
        Value::Array(words) => words
            .iter()
            .map(|word| word.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

/// The path of the first web address in a text.
fn path_of_url(text: &str) -> Option<String> {
    let (_, rest) = text
        .split_once("http://")
        .or_else(|| text.split_once("https://"))?;
    let url: String = rest
        .chars()
        .take_while(|c| !c.is_whitespace() && !matches!(c, '\'' | '"' | ')' | '|' | ';'))
        .collect();
    let path = url.find('/').map_or("/", |at| &url[at..]);
    Some(path.to_owned())
}

fn environment(service: &Value, guess: &mut Guess) {
    match service.get("environment") {
        Some(Value::Object(table)) => {
            for (name, value) in table {
                let text = value.as_str().map(str::to_owned);
                let text = text.unwrap_or_else(|| value.to_string());
                guess.env.insert(name.clone(), text);
            }
        }
        Some(Value::Array(pairs)) => {
            for pair in pairs.iter().filter_map(Value::as_str) {
                if let Some((name, value)) = pair.split_once('=') {
                    guess.env.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        _ => {}
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
