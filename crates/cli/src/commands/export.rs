//! `forebay export`.

use crate::{args::Export, exit::Failure, session::Session};
use forebay_formats::{AnyZkey, Load};
use serde_json::json;

pub(crate) fn run(session: &Session, what: &Export) -> Result<(), Failure> {
    let Export::Vkey { key, output } = what;
    let file = AnyZkey::open(key, Load::Auto)?;
    match &file {
        AnyZkey::Bls12_381(key) => key.vkey()?.write(output)?,
        AnyZkey::Bn254(key) => key.vkey()?.write(output)?,
    }
    session.output.line(format!("wrote {} ({})", output.display(), file.curve()));
    session.output.result(&json!({ "curve": file.curve().name(), "vkey": output }));
    Ok(())
}
