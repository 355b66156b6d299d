//! Ports that belong to one test, however many tests and test runs there are on the machine.
//!
//! Blocks of ports below the range that the system hands out to connections: a gateway that is killed and
//! started again finds its port free. A block is held by a lock on a file, which ends with the process.

use std::fs::File;
use std::net::TcpListener;

/// The first port of the first block, and how many ports a block has. The blocks lie beyond the ports that releases are
/// given where a file does not say (21000 to 21099): no gateway may listen there.
const FIRST: u16 = 21_104;
const BLOCK: u16 = 16;
/// All blocks end below 32768, where Linux begins to hand out ports.
const BLOCKS: u16 = 728;

/// A block of ports that nobody else uses while this value lives.
pub(crate) struct Ports {
    first: u16,
    _held: File,
}

impl Ports {
    /// Takes a free block.
    pub(crate) fn take() -> Ports {
        let folder = std::env::temp_dir().join("portcullis-test-ports");
        std::fs::create_dir_all(&folder).unwrap();
        let start = (std::process::id() % u32::from(BLOCKS)) as u16;
        let taken = (0..BLOCKS).find_map(|step| {
            let block = (start + step) % BLOCKS;
            let first = FIRST + block * BLOCK;
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(folder.join(block.to_string()))
                .ok()?;
            file.try_lock().ok()?;
            let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
            (first..first + BLOCK)
                .all(is_free)
                .then_some(Ports { first, _held: file })
        });
        taken.unwrap_or_else(|| panic!("no block of {BLOCK} ports is free"))
    }

    /// The port for the gateway.
    pub(crate) fn gateway(&self) -> u16 {
        self.first
    }

    /// The first and the last port for releases.
    pub(crate) fn releases(&self) -> (u16, u16) {
        (self.first + 1, self.first + BLOCK - 1)
    }
}
