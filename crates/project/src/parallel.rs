//! Coding sound on a few threads.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most threads that code sound at once.
const THREADS: usize = 4;

/// How many threads code sound at once here.
pub(super) fn thread_count() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS)
}

/// `work` on each item, on a few threads; results in the items' order.
pub(super) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread_count();
    if threads == 1 || items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let run = || {
            let mut done = Vec::new();
            while let Some((index, item)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                items.get(index).map(|item| (index, item))
            } {
                done.push((index, work(item)));
            }
            done
        };
        let others: Vec<_> = (1..threads.min(items.len())).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            // A panic of the work is passed on.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
