//! tables
use super::SimError;
/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// title
    pub title: String,
}
/// All.
pub fn tables() -> Result<Vec<Table>, SimError> {
    Ok(Vec::new())
}
