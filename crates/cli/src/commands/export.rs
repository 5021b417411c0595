//! `forebay export`.

use crate::{args::Export, exit::Failure, keys::AnyVkey, session::Session};
use forebay_msm::CurveId;
use serde_json::json;

pub(crate) fn run(session: &Session, what: &Export) -> Result<(), Failure> {
    let Export::Vkey { key, output } = what;
    let curve = match AnyVkey::read(key)? {
        AnyVkey::Bls12_381(vkey) => vkey.write(output).map(|()| CurveId::Bls12_381)?,
        AnyVkey::Bn254(vkey) => vkey.write(output).map(|()| CurveId::Bn254)?,
    };
    session.output.line(format!("wrote {} ({curve})", output.display()));
    session.output.result(&json!({ "curve": curve.name(), "vkey": output }));
    Ok(())
}
