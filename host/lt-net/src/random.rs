//! Random numbers of nonces and TLS handshakes: each thread has a source of its own.

use aws_lc_rs::rand;

/// Bytes that are asked for: any would do.
const FIRST_BYTES: usize = 16;

/// Seed this thread's source. It happens by itself at the first use, and takes a processor some 100 ms to 250 ms (it gathers jitter of its own
/// clock): without this, the first handshake or login of a thread would seem to have waited for the server.
pub fn seed_random() {
    // What fails here fails again where the numbers are needed, which says so.
    let _ = rand::fill(&mut [0; FIRST_BYTES]);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Nanoseconds that this thread has had a processor.
    fn worked() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        stat.split(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn a_thread_that_is_seeded_has_its_first_nonce_at_once() {
        let took = std::thread::spawn(|| {
            seed_random();
            // The kernel counts when it switches.
            std::thread::yield_now();
            let before = worked();
            rand::fill(&mut [0; FIRST_BYTES]).unwrap();
            std::thread::yield_now();
            worked() - before
        });
        let took = took.join().unwrap();
        assert!(took < 20_000_000, "{took} ns of a processor");
    }
}
