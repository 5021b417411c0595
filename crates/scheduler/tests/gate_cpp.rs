//! The C ABI of the gate, used by a C++ host that is compiled here. The library itself needs no C++ compiler, so the host
//! is built by the test, not by a build script, and loaded as a shared object.

#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::cancel::Wait;
use forebay_scheduler::gate::{BandwidthGate, Mode, ffi};
use std::ffi::{CString, c_int, c_void};
use std::path::Path;
use std::time::Duration;

/// Loads the host. It takes the gate's functions from a table that the test fills (a test's executable exports no symbols).
struct Host {
    library: *mut c_void,
}

impl Host {
    fn build(folder: &Path) -> Host {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let compiler = cc::Build::new()
            .cpp(true)
            .target(&target)
            .host(&target)
            .opt_level(2)
            .cargo_metadata(false)
            .get_compiler();
        let object = folder.join("libhost.so");
        let status = compiler
            .to_command()
            .args(["-std=c++17", "-shared", "-fPIC", "-pthread", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(root.join("include"))
            .arg(root.join("tests/gate_cpp.cpp"))
            .arg(root.join("tests/gate_table.cpp"))
            .arg("-o")
            .arg(&object)
            .status()
            .unwrap();
        assert!(status.success());
        let path = CString::new(object.to_str().unwrap()).unwrap();
        // SAFETY: the object was just built; it has no initialisers of note.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!library.is_null());
        let host = Host { library };
        let table: [*const c_void; 7] = [
            ffi::forebay_gate_create as *const c_void,
            ffi::forebay_gate_destroy as *const c_void,
            ffi::forebay_gate_hold as *const c_void,
            ffi::forebay_gate_release as *const c_void,
            ffi::forebay_gate_checkpoint as *const c_void,
            ffi::forebay_gate_leave as *const c_void,
            ffi::forebay_gate_flag as *const c_void,
        ];
        // SAFETY: gate_table.cpp declares it so.
        let connect: extern "C" fn(*const *const c_void) =
            unsafe { core::mem::transmute(host.symbol("connect_gate")) };
        connect(table.as_ptr());
        host
    }

    fn symbol(&self, name: &str) -> *mut c_void {
        let name = CString::new(name).unwrap();
        // SAFETY: the library is loaded and the name is a C string.
        let symbol = unsafe { libc::dlsym(self.library, name.as_ptr()) };
        assert!(!symbol.is_null());
        symbol
    }

    fn run(&self, name: &str) {
        // SAFETY: gate_cpp.cpp declares each of them so.
        let function: extern "C" fn() -> c_int = unsafe { core::mem::transmute(self.symbol(name)) };
        assert_eq!(function(), 0, "{name}: the line of gate_cpp.cpp that failed");
    }
}

#[test]
fn a_cpp_host_counts_its_holds() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::build(folder.path());
    host.run("null_is_an_error");
    host.run("host_counts_holds");
    host.run("many_threads_count");
    host.run("one_of_two_runs");
    the_host_has_the_address_alone(&host);
}

fn the_host_has_the_address_alone(host: &Host) {
    // SAFETY: gate_cpp.cpp declares both so.
    let [begin, end]: [extern "C" fn(*mut i32); 2] =
        ["host_begins", "host_ends"].map(|name| unsafe { core::mem::transmute(host.symbol(name)) });
    let gate = BandwidthGate::new(Mode::Park(0));
    begin(gate.flag_address());
    assert!(gate.is_held());
    let waiting = {
        let gate = gate.clone();
        std::thread::spawn(move || gate.enter(Wait::forever()).map(drop))
    };
    while gate.parked() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    // A hold of ours that begins and ends meanwhile does not free the host's.
    drop(gate.hold());
    assert!(gate.is_held());
    assert_eq!(gate.parked(), 1);
    end(gate.flag_address());
    assert_eq!(waiting.join().unwrap(), Ok(()));
    assert_eq!((gate.running(), gate.parked()), (0, 0));
}
