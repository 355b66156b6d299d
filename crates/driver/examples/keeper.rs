//! A stand-in for Portcullis that the tests kill: `keeper FOLDER OP_FILE` carries out the op in the JSON
//! file with a process driver, says `done` and then only lives.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use portcullis_driver::{Driver, ProcessDriver};
use portcullis_rollout::Op;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("no state folder")?;
    let op: Op = serde_json::from_slice(&std::fs::read(arguments.next().ok_or("no op")?)?)?;
    let driver = ProcessDriver::open(folder)?;
    match driver.apply(&op).await {
        Ok(_) => writeln!(std::io::stdout(), "done")?,
        Err(failure) => return Err(failure.message.into()),
    }
    std::future::pending().await
}
