//! A PostgreSQL database of pgbench against pg_dump and pg_restore alone.

use std::process::Command;

use anyhow::Result;

use super::cost::{Cost, Costs, cost_of};
use super::postgres_server::PostgresServer;
use super::site::Site;
use super::{MEMORY_TARGET_MIB, Stand};
use crate::bench::figures::load_average;

/// How much longer than the tools alone it may take.
const SHARE: f64 = 1.1;
/// So that several sessions have something to do: one table cannot be dumped by two.
const PARTITIONS: &str = "4";

#[derive(Default)]
struct Sides {
    create: Costs,
    create_and_verify: Costs,
    dump: Costs,
    dump_plain: Costs,
    replace: Costs,
    restore: Costs,
}

pub fn measure(stand: &Stand<'_>) -> Result<()> {
    let server = PostgresServer::start();
    let url = server.create_database("bench");
    let scale = stand.args.scale.to_string();
    let mut fill = Command::new(server.program("pgbench"));
    fill.args(["-i", "-q", "-s", &scale, "--partitions", PARTITIONS]);
    cost_of(fill.arg(&url))?;
    let root = stand.folder.join("postgres");
    let jobs = stand.args.jobs;
    let store = format!("kind = \"postgres\"\nurl = \"{url}\"\njobs = {jobs}");
    let site = Site::make(&root, stand.binary, &store, "")?;
    let size = server.sql("bench", "SELECT pg_database_size('bench') / 1048576");
    println!(
        "PostgreSQL {}: {size} MiB, {jobs} jobs, load average {}",
        server.sql("bench", "SHOW server_version"),
        load_average()
    );
    let mut sides = Sides::default();
    for round in 0..stand.args.rounds {
        // Who is first has what the other side left in the caches, so they take turns.
        if round % 2 == 0 {
            portcullis(&site, &server, &mut sides)?;
            tools(stand, &server, &url, &mut sides)?;
        } else {
            tools(stand, &server, &url, &mut sides)?;
            portcullis(&site, &server, &mut sides)?;
        }
    }
    report(&sides);
    std::fs::remove_dir_all(&root)?;
    Ok(())
}

fn portcullis(site: &Site, server: &PostgresServer, sides: &mut Sides) -> Result<()> {
    let (whole, made, name) = site.back_up()?;
    sides.create.0.push(made);
    sides.create_and_verify.0.push(whole);
    let replaced = site.run(&["backup", "restore", &name, "--in-place"])?.0;
    sides.replace.0.push(replaced);
    // What was replaced is kept under another name.
    let kept = server.sql(
        "postgres",
        "SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_replaced%'",
    );
    for kept in kept.lines() {
        server.sql("postgres", &format!("DROP DATABASE \"{kept}\""));
    }
    site.clear()
}

fn tools(stand: &Stand<'_>, server: &PostgresServer, url: &str, sides: &mut Sides) -> Result<()> {
    let (jobs, dump) = (stand.args.jobs.to_string(), stand.folder.join("dump"));
    let dumped = |more: &[&str]| -> Result<Cost> {
        let mut tool = Command::new("sh");
        tool.args(["-c", "\"$@\" && sync -f .", "sh"])
            .current_dir(stand.folder);
        tool.arg(server.program("pg_dump"))
            .args(["-Fd", "-j", &jobs]);
        tool.args(more).arg("-f").arg(&dump).arg(url);
        Ok(cost_of(&mut tool)?.0)
    };
    sides.dump_plain.0.push(dumped(&["-Z0"])?);
    std::fs::remove_dir_all(&dump)?;
    sides.dump.0.push(dumped(&[])?);
    let copy = server.create_database("restored");
    let mut restore = Command::new(server.program("pg_restore"));
    restore.args(["-j", &jobs, "-d", &copy]).arg(&dump);
    sides.restore.0.push(cost_of(&mut restore)?.0);
    server.sql("postgres", "DROP DATABASE restored");
    std::fs::remove_dir_all(&dump)?;
    Ok(())
}

fn report(sides: &Sides) {
    for (name, costs) in [
        ("create", &sides.create),
        ("create and read back", &sides.create_and_verify),
        ("pg_dump -Fd -j", &sides.dump),
        ("pg_dump -Fd -j -Z0", &sides.dump_plain),
        ("restore in place", &sides.replace),
        ("pg_restore -j", &sides.restore),
    ] {
        println!("  {name:21} {costs}");
    }
    for (name, ours, peer) in [
        ("create : pg_dump", &sides.create, &sides.dump),
        (
            "create and read back : pg_dump",
            &sides.create_and_verify,
            &sides.dump,
        ),
        ("restore : pg_restore", &sides.replace, &sides.restore),
    ] {
        let ratio = ours.wall_s() / peer.wall_s();
        let word = if ratio <= SHARE { "met" } else { "MISSED" };
        println!("  {name}: {word}: takes {ratio:.2} times as long, target {SHARE}");
    }
    for (name, costs) in [
        ("create", &sides.create_and_verify),
        ("restore", &sides.replace),
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
