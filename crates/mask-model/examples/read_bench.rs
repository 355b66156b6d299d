//! How long a model reads: `cargo run --release -p portcullis-mask-model --example read_bench FOLDER [KIB]`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::unwrap_used)]

use std::path::Path;
use std::time::Instant;

use portcullis_mask::NamedEntities;
use portcullis_mask_model::Model;

const TEXT: &str = "Hello, this is Anna Kowalski from Helix Software. Could you please summarise the report about our office \
in Oslo and send it to John Smith? He needs it before the meeting on Monday, because the contract ends in March. ";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap();
    let kib: usize = arguments.next().map_or(1, |kib| kib.parse().unwrap());
    let begun = Instant::now();
    let model = Model::load(Path::new(&folder)).unwrap();
    println!("loaded in {} ms", begun.elapsed().as_millis());
    let text: String = TEXT.chars().cycle().take(kib * 1024).collect();
    println!("{} tokens", model.scores(&text).unwrap().nrows());
    let mut times: Vec<f64> = Vec::new();
    let mut names = 0;
    for _ in 0..7 {
        let begun = Instant::now();
        names = model.find(std::hint::black_box(&text)).unwrap().len();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{kib} KiB: {:.1} ms (fastest {:.1}), {names} names",
        times[3], times[0]
    );
}
