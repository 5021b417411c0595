//! The tables of `docs/scheduling.md`: prints them, or writes them into the document whose path is given.

use forebay_scheduler::sim;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut tables = sim::tables()?;
    tables.push(sim::fleet_table()?);
    let Some(path) = std::env::args().nth(1) else {
        for table in tables {
            println!("{}\n\n{}", table.name, table.to_markdown());
        }
        return Ok(());
    };
    let text = std::fs::read_to_string(&path)?;
    let text = sim::update(&text, &tables).map_err(|name| format!("{path} has no place for table {name}"))?;
    std::fs::write(path, text)?;
    Ok(())
}
