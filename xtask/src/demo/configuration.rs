//! The workplace of the demo: pictures, library, releases, and a portcullis.toml as a user writes it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use image::ImageFormat;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::load::Question;
use super::output_of;

/// The algorithm before and after the good release's migration.
const ALGORITHMS: [&str; 2] = ["imagehash4/pillow<=12", "imagehash4/pillow13"];
/// Pictures that are sent to be hashed are made this small, so that the load measures the releases and
/// not the machine.
const UPLOAD_SIDE: u32 = 256;
/// How many pictures are sent to be hashed.
const UPLOADS: usize = 8;

/// How the bad release is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// 5 % of its answers fail.
    Errors,
    /// Each answer comes a quarter of a second late.
    Latency,
    /// It dies after 150 requests, again and again.
    Crash,
    /// It overwrites the library with damaged data and answers from that.
    Corrupt,
}

impl Fault {
    /// The fault in words.
    pub fn words(self) -> &'static str {
        match self {
            Fault::Errors => "5 % of its answers fail",
            Fault::Latency => "each answer comes 250 ms late",
            Fault::Crash => "it dies after 150 requests, again and again",
            Fault::Corrupt => "it damages the library and answers from that",
        }
    }

    fn argument(self) -> &'static str {
        match self {
            Fault::Errors => "errors:0.05",
            Fault::Latency => "latency:250",
            Fault::Crash => "crash:150",
            Fault::Corrupt => "corrupt:100",
        }
    }
}

/// The folder in which everything happens.
pub struct Workplace {
    pub folder: PathBuf,
    port: u16,
    first_port: u16,
}

impl Workplace {
    pub fn make(given: Option<&Path>) -> Result<Workplace> {
        let folder = match given {
            Some(folder) => {
                std::fs::create_dir(folder)
                    .with_context(|| format!("{} must not exist yet", folder.display()))?;
                folder.canonicalize()?
            }
            None => tempfile::Builder::new()
                .prefix("portcullis-demo-")
                .tempdir()?
                .keep(),
        };
        std::fs::create_dir(folder.join("data"))?;
        let (port, first_port) = free_ports()?;
        Ok(Workplace {
            folder,
            port,
            first_port,
        })
    }

    pub fn images(&self) -> PathBuf {
        self.folder.join("images")
    }

    pub fn library(&self) -> PathBuf {
        self.folder.join("data/library.json")
    }

    /// The gateway's address.
    pub fn gateway(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn library_sha256(&self) -> Result<String> {
        Ok(hex::encode(Sha256::digest(std::fs::read(self.library())?)))
    }

    pub fn build_library(&self, binaries: &Path) -> Result<()> {
        let mut build = Command::new(binaries.join("dhash"));
        build
            .current_dir(&self.folder)
            .args(["build", "--images", "images"]);
        build.args([
            "--library",
            "data/library.json",
            "--algorithm",
            ALGORITHMS[0],
        ]);
        output_of(&mut build)?;
        Ok(())
    }

    /// Installs three releases, writes portcullis.toml, and returns the questions that users ask.
    pub fn write_configuration(&self, binaries: &Path, fault: Fault) -> Result<Vec<Question>> {
        for version in ["1.0", "1.1", "1.2"] {
            let folder = self.folder.join("releases").join(version);
            std::fs::create_dir_all(&folder)?;
            std::fs::copy(binaries.join("dhash"), folder.join("dhash"))?;
        }
        let questions = self.questions()?;
        let known = questions.iter().find_map(|question| match question {
            Question::Lookup { hash, path } => Some((hash.clone(), path.clone())),
            Question::Hash { .. } => None,
        });
        let (hash, path) = known.context("the library has no picture")?;
        let text = CONFIGURATION
            .replace("@PORT@", &self.port.to_string())
            .replace("@FIRST@", &self.first_port.to_string())
            .replace("@LAST@", &(self.first_port + 19).to_string())
            .replace("@HASH@", &hash)
            .replace("@PATH@", &path)
            .replace("@FAULT@", fault.argument());
        std::fs::write(self.folder.join("portcullis.toml"), text)?;
        Ok(questions)
    }

    /// Look-ups of every picture, and a few small pictures to hash.
    fn questions(&self) -> Result<Vec<Question>> {
        let library: Value = serde_json::from_slice(&std::fs::read(self.library())?)?;
        let images = library["images"]
            .as_array()
            .context("library.json has no images")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut questions: Vec<Question> = images
            .iter()
            .map(|image| Question::Lookup {
                hash: text(&image["hash"]),
                path: text(&image["path"]),
            })
            .collect();
        let mut uploads = Vec::new();
        for image in images.iter().take(UPLOADS) {
            let picture = image::open(self.images().join(text(&image["path"])))?;
            let small = picture.thumbnail(UPLOAD_SIDE, UPLOAD_SIDE).to_rgb8();
            let mut body = std::io::Cursor::new(Vec::new());
            small.write_to(&mut body, ImageFormat::Png)?;
            uploads.push(Question::Hash {
                body: body.into_inner().into(),
            });
        }
        questions.extend(uploads);
        Ok(questions)
    }
}

/// A port for the gateway and a range of 20 for releases, free now.
fn free_ports() -> Result<(u16, u16)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let range = (21_000u16..32_000)
        .step_by(20)
        .find(|first| !(*first..*first + 20).contains(&port) && (*first..*first + 20).all(is_free));
    match range {
        Some(first) => Ok((port, first)),
        None => bail!("no 20 free ports in a row between 21000 and 32000"),
    }
}

const CONFIGURATION: &str = include_str!("portcullis.toml");
