//! A folder of mixed files, and one file: made, read back, verified and restored.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::cost::{Cost, Costs, cost_of, faster};
use super::site::Site;
use super::{LEVEL, MEMORY_TARGET_MIB, SEED, Stand, corpus};
use crate::bench::figures::load_average;

/// `verify` compares everything in an archive with its digest; the peer only hashes.
const VERIFY_SHARE: f64 = 0.8;
/// restic encrypts always.
const PASSWORD: &str = "bench";

/// Everything that is measured of one kind of data.
#[derive(Default)]
struct Sides {
    create: Costs,
    create_and_verify: Costs,
    sealed: Costs,
    tar_zstd: Costs,
    restic: Costs,
    verify: Costs,
    sha256sum: Costs,
    restore: Costs,
    zstd_tar: Costs,
    restic_restore: Costs,
}

/// Where everything is.
struct Place {
    /// What is backed up.
    data: PathBuf,
    plain: Site,
    sealed: Site,
    tar: PathBuf,
    repository: PathBuf,
    out: PathBuf,
}

pub fn measure(stand: &Stand<'_>, of_folder: bool) -> Result<()> {
    let bytes = stand.args.mib << 20;
    let root = stand.folder.join("files");
    std::fs::create_dir_all(&root)?;
    let data = root.join("data");
    let made = match of_folder {
        true => corpus::folder(&data, bytes, SEED)?,
        false => corpus::file(&data, bytes, SEED)?,
    };
    let kind = if of_folder { "directory" } else { "file" };
    let store = format!("kind = \"{kind}\"\npath = \"{}\"", data.display());
    let plain = Site::make(&root.join("plain"), stand.binary, &store, "")?;
    let sealed = sealed_site(stand, &root, &store)?;
    let place = Place {
        data,
        plain,
        sealed,
        tar: root.join("data.tar.zst"),
        repository: root.join("restic"),
        out: root.join("out"),
    };
    println!(
        "{}: {} files, {} MiB, load average {}",
        if of_folder { "a folder" } else { "one file" },
        made.files,
        made.bytes >> 20,
        load_average()
    );
    let mut sides = Sides::default();
    for round in 0..stand.args.rounds {
        one_round(&place, &mut sides, round)?;
    }
    report(&sides, made.bytes);
    std::fs::remove_dir_all(&root)?;
    Ok(())
}

fn sealed_site(stand: &Stand<'_>, root: &Path, store: &str) -> Result<Site> {
    let key = root.join("key");
    let mut new = Command::new(stand.binary);
    new.args(["backup", "key", "new", "--json", "--file"])
        .arg(&key);
    let (_, said) = cost_of(&mut new)?;
    let said: serde_json::Value = serde_json::from_slice(&said.stdout)?;
    let recipient = said["recipient"].as_str().context("no recipient")?;
    let more = format!(
        "[backup.encryption]\nrecipients = [\"{recipient}\"]\nidentities = [\"file:{}\"]\n",
        key.display()
    );
    Site::make(&root.join("sealed"), stand.binary, store, &more)
}

/// Each side once, beginning with another one in each round.
fn one_round(place: &Place, sides: &mut Sides, round: usize) -> Result<()> {
    type Step = fn(&Place, &mut Sides) -> Result<()>;
    let steps: [Step; 3] = [portcullis, tar_and_zstd, restic];
    for turn in 0..steps.len() {
        steps[(round + turn) % steps.len()](place, sides)?;
    }
    // All of the source, hashed with nothing else: what a core can do at most.
    let mut sums = Command::new("sh");
    sums.args([
        "-c",
        "find \"$1\" -type f -print0 | xargs -0 sha256sum",
        "sh",
    ]);
    sides.sha256sum.0.push(cost_of(sums.arg(&place.data))?.0);
    place.sealed.clear()?;
    sides.sealed.0.push(place.sealed.back_up()?.1);
    place.sealed.clear()
}

fn portcullis(place: &Place, sides: &mut Sides) -> Result<()> {
    place.plain.clear()?;
    let (whole, made, name) = place.plain.back_up()?;
    sides.create.0.push(made);
    sides.create_and_verify.0.push(whole);
    sides
        .verify
        .0
        .push(place.plain.run(&["backup", "verify", &name])?.0);
    let out = place.out.display().to_string();
    let restored = place
        .plain
        .run(&["backup", "restore", &name, "--to", &out])?;
    sides.restore.0.push(restored.0);
    std::fs::remove_dir_all(&place.out)?;
    place.plain.clear()
}

/// Until it is on the disk, as with the others.
fn tar_and_zstd(place: &Place, sides: &mut Sides) -> Result<()> {
    let tar = place.tar.display().to_string();
    let make =
        format!("tar -cf - -C \"$1\" data | zstd {LEVEL} -T0 -q -f -o \"$2\" && sync \"$2\"");
    let folder = place.data.parent().context("the data has no folder")?;
    sides
        .tar_zstd
        .0
        .push(shell(&make, &[&folder.display().to_string(), &tar])?);
    std::fs::create_dir(&place.out)?;
    let unpack = "zstd -d -q -c \"$1\" | tar -xf - -C \"$2\" && sync -f \"$2\"";
    let out = place.out.display().to_string();
    sides.zstd_tar.0.push(shell(unpack, &[&tar, &out])?);
    std::fs::remove_dir_all(&place.out)?;
    std::fs::remove_file(&place.tar)?;
    Ok(())
}

fn restic(place: &Place, sides: &mut Sides) -> Result<()> {
    let repository = place.repository.display().to_string();
    let (data, out) = (
        place.data.display().to_string(),
        place.out.display().to_string(),
    );
    let tool = "export RESTIC_PASSWORD=$1; restic --no-cache -q -r \"$2\"";
    shell(
        &format!("{tool} init --repository-version 2"),
        &[PASSWORD, &repository],
    )?;
    let make = format!("{tool} backup \"$3\" && sync -f \"$2\"");
    sides
        .restic
        .0
        .push(shell(&make, &[PASSWORD, &repository, &data])?);
    let unpack = format!("{tool} restore latest --target \"$3\" && sync -f \"$3\"");
    sides
        .restic_restore
        .0
        .push(shell(&unpack, &[PASSWORD, &repository, &out])?);
    std::fs::remove_dir_all(&place.out)?;
    std::fs::remove_dir_all(&place.repository)?;
    Ok(())
}

fn shell(script: &str, args: &[&str]) -> Result<Cost> {
    let mut command = Command::new("bash");
    command
        .args(["-o", "pipefail", "-c", script, "bash"])
        .args(args);
    Ok(cost_of(&mut command)?.0)
}

fn report(sides: &Sides, bytes: u64) {
    let rows = [
        ("create", &sides.create),
        ("create, encrypted", &sides.sealed),
        ("create and read back", &sides.create_and_verify),
        ("tar | zstd -T0", &sides.tar_zstd),
        ("restic backup", &sides.restic),
        ("verify", &sides.verify),
        ("sha256sum", &sides.sha256sum),
        ("restore", &sides.restore),
        ("zstd -d | tar", &sides.zstd_tar),
        ("restic restore", &sides.restic_restore),
    ];
    for (name, costs) in rows {
        let rate = bytes as f64 / costs.wall_s() / 1e6;
        println!("  {name:21} {costs}, {rate:5.0} MB/s");
    }
    let wall = Costs::wall_s;
    let (create, restore) = (wall(&sides.create), wall(&sides.restore));
    faster(
        "create : tar | zstd -T0",
        create,
        wall(&sides.tar_zstd),
        1.0,
    );
    faster(
        "create, encrypted : restic",
        wall(&sides.sealed),
        wall(&sides.restic),
        1.0,
    );
    faster(
        "create and read back : restic",
        wall(&sides.create_and_verify),
        wall(&sides.restic),
        1.0,
    );
    faster(
        "restore : zstd -d | tar",
        restore,
        wall(&sides.zstd_tar),
        1.0,
    );
    faster(
        "restore : restic",
        restore,
        wall(&sides.restic_restore),
        1.0,
    );
    faster(
        "verify : sha256sum, by CPU time",
        sides.verify.cpu_s(),
        sides.sha256sum.cpu_s(),
        VERIFY_SHARE,
    );
    for (name, costs) in [
        ("create", &sides.create_and_verify),
        ("create, encrypted", &sides.sealed),
        ("verify", &sides.verify),
        ("restore", &sides.restore),
    ] {
        let peak = costs.peak_mib();
        let word = if peak <= MEMORY_TARGET_MIB {
            "met"
        } else {
            "MISSED"
        };
        println!("  memory of {name}: {word}: {peak:.0} MiB, target {MEMORY_TARGET_MIB:.0} MiB");
    }
}
