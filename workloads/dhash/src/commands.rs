//! The commands: call the library crate, print what it says.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use dhash::{
    Expectations, Extraction, HashOptions, MigrateOptions, MigrateReport, ServeOptions, Speed,
};
use serde::Serialize;

use crate::cli::{
    BuildArguments, CheckArguments, Command, HashArguments, MigrateArguments, ServeArguments,
};

type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Runs a command.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Hash(arguments) => hash(&arguments),
        Command::Build(arguments) => build(&arguments),
        Command::Migrate(arguments) => migrate(arguments),
        Command::Check(arguments) => check(arguments),
        Command::Serve(arguments) => serve(arguments),
    }
}

/// Writes to standard error; if even that fails there is nobody left to tell.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        // The reader has seen enough, as in `dhash hash ... | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn print_json(report: &impl Serialize) -> Result<(), Box<dyn Error>> {
    Ok(print(&serde_json::to_string_pretty(report)?)?)
}

fn hash(arguments: &HashArguments) -> Outcome {
    let speed = if arguments.fast {
        Speed::Fast
    } else {
        Speed::Exact
    };
    let options = HashOptions {
        algorithm: arguments.algorithm,
        speed,
        ..HashOptions::default()
    };
    let jobs = arguments.jobs.map(usize::from);
    let mut failed = false;
    for batch in arguments.files.chunks(HASH_BATCH) {
        for (file, outcome) in batch.iter().zip(dhash::hash_files(batch, &options, jobs)) {
            match outcome {
                Ok(Extraction { hash, .. }) => print(&format!("{hash}  {}", file.display()))?,
                Err(error) => {
                    failed = true;
                    let cause = error.source().map(|cause| format!(": {cause}"));
                    let cause = cause.unwrap_or_default();
                    complain(&format!("{}: {error}{cause}", file.display()));
                }
            }
        }
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Files hashed before their lines are printed: enough to keep all cores busy, few enough to see
/// that something happens.
const HASH_BATCH: usize = 64;

fn build(arguments: &BuildArguments) -> Outcome {
    let BuildArguments {
        images,
        library,
        algorithm,
        schema,
        json,
    } = arguments;
    let report = dhash::collect(images, library, *algorithm, *schema)?;
    if *json {
        print_json(&report)?;
    } else {
        print(&format!(
            "{}: {} images ({} of low confidence), {} failed, {} other files ignored\ndigest {}",
            library.display(),
            report.images,
            report.low_confidence,
            report.failed,
            report.ignored,
            report.digest,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn migrate(arguments: MigrateArguments) -> Outcome {
    let options = MigrateOptions {
        algorithm: arguments.to,
        schema: arguments.schema,
        images: arguments.images,
        dry_run: arguments.dry_run,
        queue_failures: arguments.queue_failures,
    };
    let report = dhash::migrate(&arguments.library, &options)?;
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&describe(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(report: &MigrateReport) -> String {
    let what = match (report.dry_run, report.written) {
        (true, _) => "dry run, nothing written",
        (false, true) => "migrated",
        (false, false) => "nothing to do, nothing written",
    };
    let mut text = format!(
        "{what}\nalgorithm  {} -> {}\nschema     {} -> {}\nchanged    {}\nunchanged  {}\nfailed     {}",
        report.algorithm_from,
        report.algorithm_to,
        report.schema_from,
        report.schema_to,
        report.changed,
        report.unchanged,
        report.failed,
    );
    for (bits, images) in &report.bits_changed {
        text.push_str(&format!("\n  {bits:>2} bits differ in {images} images"));
    }
    text.push_str(&format!(
        "\ndigest     {}\n        -> {}",
        report.digest_from, report.digest_to
    ));
    text
}

fn check(arguments: CheckArguments) -> Outcome {
    let expected = Expectations {
        algorithm: arguments.algorithm,
        schema: arguments.schema,
    };
    let report = dhash::check(&arguments.library, &expected)?;
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&format!(
            "sound: schema {}, algorithm {}, {} images, {} in the queue\ndigest {}",
            report.schema, report.algorithm, report.images, report.queue, report.digest,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(arguments: ServeArguments) -> Outcome {
    let options = ServeOptions {
        library: arguments.library,
        host: arguments.host,
        port: arguments.port,
        algorithm: arguments.algorithm,
        release_version: arguments.release_version,
        fault: arguments.fault,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(dhash::serve(options, |address| {
        // A closed standard output must not keep the service from running.
        let _ = print(&format!("listening on http://{address}"));
    }))?;
    Ok(ExitCode::SUCCESS)
}
