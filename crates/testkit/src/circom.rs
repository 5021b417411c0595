//! circom2: compiling circuits; node: computing witnesses with what it emits.

use crate::cache::{digest, entry, read, write};
use crate::packages::{circuits_dir, node_modules, poseidon_constants_dir, versions};
use crate::process::run;
use forebay_msm::CurveId;
use std::path::{Path, PathBuf};

/// A compiled circuit. The files are shared and must not be changed.
#[derive(Clone, Debug)]
pub struct Circuit {
    /// The field it was compiled for.
    pub curve: CurveId,
    /// Constraints.
    pub r1cs: PathBuf,
    /// Witness generator.
    pub wasm: PathBuf,
    /// Names of the signals.
    pub sym: PathBuf,
}

/// How far circom simplifies the constraints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimize {
    /// circom's default: constants and equalities are substituted (`--O1`).
    #[default]
    Default,
    /// All linear constraints are eliminated (`--O2`), as in the demo assets: Poseidon of two elements has 240 rows
    /// then, instead of 327, and fits [`MAX_POWER`](crate::MAX_POWER).
    Full,
}

/// Compiles `circuits/NAME.circom` for a curve.
#[track_caller]
pub fn circom_compile(name: &str, curve: CurveId) -> Circuit {
    circom_compile_with(name, curve, Optimize::Default)
}

/// Compiles `circuits/NAME.circom` for a curve with a level of optimisation.
#[track_caller]
pub fn circom_compile_with(name: &str, curve: CurveId, optimize: Optimize) -> Circuit {
    let source = read(&circuits_dir().join(format!("{name}.circom")));
    let source = String::from_utf8(source).expect("a circuit in UTF-8");
    circom_compile_source(name, &source, curve, optimize)
}

/// Compiles circom source for a curve. It may include `poseidon/poseidon.circom` (this repository's, with the curve's
/// constants) and `circomlib/circuits/…`. The name is that of the files.
#[track_caller]
pub fn circom_compile_source(name: &str, source: &str, curve: CurveId, optimize: Optimize) -> Circuit {
    let prime = curve.snarkjs_name();
    let level = match optimize {
        Optimize::Default => "--O1",
        Optimize::Full => "--O2",
    };
    let (circuits, constants) = (circuits_dir(), poseidon_constants_dir(curve));
    let poseidon = read(&circuits.join("poseidon/poseidon.circom"));
    let values = read(&constants.join("poseidon_constants.circom"));
    let versions = versions();
    let key = digest(&[
        source.as_bytes(),
        prime.as_bytes(),
        level.as_bytes(),
        versions.as_bytes(),
        &poseidon,
        &values,
    ]);
    let folder = entry("circuits", &format!("{name}-{}-{key}", curve.name()), |folder| {
        let file = folder.join(format!("{name}.circom"));
        write(&file, source);
        let modules = node_modules();
        let cli = modules.join("circom2/cli.js");
        let arguments = [
            cli.as_os_str(),
            file.as_os_str(),
            "--r1cs".as_ref(),
            "--wasm".as_ref(),
            "--sym".as_ref(),
            level.as_ref(),
            "-p".as_ref(),
            prime.as_ref(),
            "-o".as_ref(),
            folder.as_os_str(),
            "-l".as_ref(),
            circuits.as_os_str(),
            "-l".as_ref(),
            constants.as_os_str(),
            "-l".as_ref(),
            modules.as_os_str(),
        ];
        // circom2 finds included files only below the folder that it runs in.
        run("node", &arguments, folder.ancestors().last().unwrap_or(folder)).expect_success();
    });
    Circuit {
        curve,
        r1cs: folder.join(format!("{name}.r1cs")),
        wasm: folder.join(format!("{name}_js/{name}.wasm")),
        sym: folder.join(format!("{name}.sym")),
    }
}

/// Computes a witness with the calculator that circom put beside the wasm; answers the wtns file, in `out`.
#[track_caller]
pub fn node_witness(wasm: &Path, input_json: &str, out: &Path) -> PathBuf {
    let (input, wtns) = (out.join("input.json"), out.join("witness.wtns"));
    write(&input, input_json);
    let generate = wasm.with_file_name("generate_witness.js");
    run("node", &[&generate, wasm, &input, &wtns], out).expect_success();
    wtns
}
