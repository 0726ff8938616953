//! `concord-simulation`: lives through many worlds, and says which of them broke what.

fn main() -> anyhow::Result<()> {
    use concord_simulation::{chance::Script, phases::live, shrink::shrink};
    let mut args = std::env::args().skip(1);
    let from: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(0);
    let n: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(100);
    let mode = args.next().unwrap_or_default();
    let begun = std::time::Instant::now();
    let mut calls = 0;
    for seed in from..from + n {
        let script = Script::of_seed(seed);
        let outcome = live(&script, mode == "trace")?;
        calls += outcome.calls;
        if mode == "trace" {
            for l in &outcome.trace {
                println!("{l}");
            }
        }
        if let Some(broken) = outcome.broken {
            println!("seed {seed}: {broken}");
            if mode == "shrink" {
                let s = shrink(&script, broken.invariant)?;
                let o = live(&s, true)?;
                for l in &o.trace {
                    println!("{l}");
                }
                break;
            }
        }
    }
    println!("{} calls, {:?}", calls, begun.elapsed());
    Ok(())
}
