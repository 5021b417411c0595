//! The `[scheduler]` section: what is accepted, what is refused, and with which words.

#![allow(clippy::unwrap_used)] // helpers of tests

use forebay_scheduler::config::{
    Config, ConfigError, GateMode, Machine, Pinning, ReclaimMode, Size, SizeError,
};
use forebay_scheduler::gate::Mode;
use proptest::prelude::*;

const GIB: u64 = 1 << 30;
const MACHINE: Machine = Machine { memory: 16 * GIB, threads: 8, device_memory: Some(8 * GIB) };

fn refused(text: &str) -> String {
    Config::from_toml(text, &MACHINE).unwrap_err().to_string()
}

#[test]
fn an_absent_section_is_the_default() {
    assert_eq!(Config::from_toml("", &MACHINE), Ok(Config::default()));
    assert_eq!(Config::from_toml("[other]\nkey = 1\n", &MACHINE), Ok(Config::default()));
    let budgets = Config::default().budgets(&MACHINE).unwrap();
    assert_eq!(budgets.host, 16 * GIB * 27 / 40);
    assert!(budgets.pinned > 0 && budgets.host + budgets.pinned <= 12 * GIB);
}

#[test]
fn every_key_is_read() {
    let text = r#"
        [scheduler]
        host-budget = "12GiB"
        pinned-budget = "512MiB"
        device-budget = "50%"
        gate = "park"
        gate-evaluators = 3
        evaluators-at-knee = 5
        inflation-bound = 1.25
        reclaim = "mutex"
        huge-pages = false
        synthesis = 6
        gpu_threads = 2
        pin = "none"
        gw = 3
        pw = 12
        look-ahead = 4
        pacing = false
        in-flight = 20
        aging-seconds = 60
        deadline-seconds = 900
    "#;
    let config = Config::from_toml(text, &MACHINE).unwrap();
    let expected = Config {
        host_budget: Size::Bytes(12 * GIB),
        pinned_budget: Size::Bytes(GIB / 2),
        device_budget: Size::Percent(50.0),
        gate: GateMode::Park,
        gate_evaluators: 3,
        evaluators_at_knee: Some(5),
        inflation_bound: 1.25,
        reclaim: ReclaimMode::Mutex,
        huge_pages: false,
        synthesis: 6,
        msm: 2,
        pin: Pinning::None,
        gw: 3,
        pw: 12,
        look_ahead: 4,
        pacing: false,
        in_flight: 20,
        aging_seconds: 60,
        deadline_seconds: 900,
    };
    assert_eq!(config, expected);
    let budgets = config.budgets(&MACHINE).unwrap();
    assert_eq!((budgets.host, budgets.pinned, budgets.device), (12 * GIB, GIB / 2, 4 * GIB));
    assert_eq!(config.deadline(), Some(std::time::Duration::from_secs(900)));
}

#[test]
fn nonsense_is_refused_with_the_reason_and_the_line() {
    let cases = [
        ("[scheduler]\n\nhost-bugdet = \"1GiB\"\n", "line 3: unknown field `host-bugdet`"),
        ("[scheduler]\nhost-budget = 5\n", "line 2: invalid type: integer `5`"),
        ("[scheduler]\nhost-budget = \"12 apples\"\n", "line 2: \"12 apples\" has no unit that is known"),
        ("[scheduler]\nhost-budget = \"0GiB\"\n", "line 2: \"0GiB\" is out of range"),
        ("[scheduler]\nhost-budget = \"101%\"\n", "line 2: \"101%\" is out of range"),
        ("[scheduler]\ngate = \"pork\"\n", "line 2: unknown variant `pork`"),
        ("[scheduler]\ngw = -1\n", "line 2: invalid value: integer `-1`"),
        ("[scheduler]\ngw = 1\ngw = 2\n", "line 3: duplicate key"),
        ("[scheduler\n", "line 1: "),
        (
            "# budgets\n[scheduler]\ngw = 1\nhost-budget = \"17GiB\"\n",
            "line 4: host-budget: 17GiB is more than there is",
        ),
        ("[scheduler]\npinned-budget = \"17GiB\"\n", "line 2: pinned-budget: 17GiB is more than there is"),
        ("[scheduler]\nhost-budget = \"12GiB\"\npinned-budget = \"5GiB\"\n", "line 3: pinned-budget: "),
        ("scheduler.device-budget = \"9GiB\"\n", "line 1: device-budget: 9GiB is more than there is"),
        ("[scheduler]\ngw = 0\n", "line 2: gw: 0 is not between 1 and 65536"),
        ("[scheduler]\nsynthesis = 1000000\n", "line 2: synthesis: 1000000 is not between 0 and 65536"),
        ("[scheduler]\ngpu_threads = 70000\n", "line 2: msm: 70000 is not between 0 and 65536"),
        (
            "[scheduler]\nevaluators-at-knee = 65537\n",
            "line 2: evaluators-at-knee: 65537 is not between 0 and 65536",
        ),
        ("[scheduler]\nevaluators-at-knee = -1\n", "line 2: invalid value: integer `-1`"),
        ("[scheduler]\nevaluators-at-knee = \"all\"\n", "line 2: invalid type: string \"all\""),
        ("[scheduler]\nevaluators-at-the-knee = 1\n", "line 2: unknown field `evaluators-at-the-knee`"),
        ("[scheduler]\ninflation-bound = 1.0\n", "line 2: inflation-bound: 1 is not above 1"),
        ("[scheduler]\ninflation-bound = nan\n", "line 2: inflation-bound: NaN is not above 1"),
    ];
    for (text, reason) in cases {
        let message = refused(text);
        assert!(message.starts_with(reason), "{text:?}: {message:?} does not start with {reason:?}");
    }
    assert!(matches!(
        Config::from_toml("[scheduler]\nlook-ahead = 0", &MACHINE),
        Err(ConfigError::Value { line: Some(2), key: "look-ahead", .. })
    ));
}

/// Mode adaptive begins at the knee that the doctor measured, at most with the evaluators that there are.
#[test]
fn the_gate_begins_at_the_knee() {
    let begins = |config: Config| config.stages(8).gate().mode();
    let adaptive = |evaluators_at_knee| Config { evaluators_at_knee, ..Config::default() };
    assert_eq!(begins(adaptive(None)), Mode::Park(8));
    assert_eq!(begins(adaptive(Some(0))), Mode::Park(0));
    assert_eq!(begins(adaptive(Some(3))), Mode::Park(3));
    assert_eq!(begins(adaptive(Some(65_536))), Mode::Park(8));
    // The other modes have settings of their own.
    assert_eq!(begins(Config { gate: GateMode::Park, ..adaptive(Some(3)) }), Mode::Park(1));
    assert_eq!(begins(Config { gate: GateMode::Off, ..adaptive(Some(3)) }), Mode::Off);
    let text = adaptive(Some(3)).to_toml();
    assert_eq!(Config::from_toml(&text, &MACHINE), Ok(adaptive(Some(3))));
    assert!(!adaptive(None).to_toml().contains("knee"));
}

#[test]
fn sizes() {
    let size = |text: &str| text.parse::<Size>();
    assert_eq!(size("12GiB"), Ok(Size::Bytes(12 * GIB)));
    assert_eq!(size("1.5 GiB"), Ok(Size::Bytes(3 * GIB / 2)));
    assert_eq!(size("10GB"), Ok(Size::Bytes(10_000_000_000)));
    assert_eq!(size("7B"), Ok(Size::Bytes(7)));
    assert_eq!(size("12.5%"), Ok(Size::Percent(12.5)));
    assert!(matches!(size("12"), Err(SizeError::Unit(_))));
    for text in ["", "GiB", "-1GiB", "1.2.3GiB", "."] {
        assert!(matches!(size(text), Err(SizeError::NotANumber(_))), "{text}");
    }
    for text in ["0B", "0%", "99999999999TiB", "18446744073709551616B", "0.1B"] {
        assert!(matches!(size(text), Err(SizeError::Range(_))), "{text}");
    }
    assert_eq!(Size::Bytes(3 * GIB / 2).to_string(), "1536MiB");
    assert_eq!(Size::Bytes(1001).to_string(), "1001B");
}

proptest! {
    #[test]
    fn sizes_round_trip(bytes in 1u64.., percent in 0.001f64..100.0) {
        for size in [Size::Bytes(bytes), Size::Percent(percent)] {
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,40}") {
        let _ = text.parse::<Size>();
        let _ = Config::from_toml(&format!("[scheduler]\n{text}"), &MACHINE);
    }

    #[test]
    fn sections_round_trip(gw in 1usize..9, host in 1u64..15 * GIB, msm in 0usize..300, bound in 1.001f64..9.9) {
        let host_budget = Size::Bytes(host);
        let config = Config {
            gw, host_budget, msm, inflation_bound: bound, pinned_budget: Size::Bytes(1), ..Config::default()
        };
        prop_assert_eq!(Config::from_toml(&config.to_toml(), &MACHINE), Ok(config));
    }
}
