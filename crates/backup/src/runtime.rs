//! Asynchronous work in a crate that blocks: each operation has a runtime on a thread of its own, which also works where
//! the caller is asynchronous.

/// Runs asynchronous work to its end; `lost` says it if that cannot be done.
pub(crate) fn blocking<T: Send, E: Send>(
    work: impl Future<Output = Result<T, E>> + Send,
    lost: impl Fn(String) -> E + Sync,
) -> Result<T, E> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| lost(error.to_string()))?;
        runtime.block_on(work)
    };
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().spawn_scoped(scope, run);
        let worker = worker.map_err(|error| lost(error.to_string()))?;
        let ended = worker.join();
        ended.unwrap_or_else(|_| Err(lost("it stopped unexpectedly".to_owned())))
    })
}
