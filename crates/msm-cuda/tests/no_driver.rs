//! A binary built with feature `cuda` starts on a machine without a driver, and says so.
#![cfg(feature = "cuda")]

use forebay_msm::ErrorClass;
use forebay_msm_cuda::Driver;

#[test]
fn without_a_driver_there_is_no_device() {
    match Driver::count() {
        Ok(count) => println!("{count} GPUs: nothing to test here"),
        Err(e) => {
            assert_eq!((e.code, e.class()), (100, ErrorClass::DeviceLost), "{e}");
            assert!(e.to_string().contains("no CUDA device"), "{e}");
            assert_eq!(Driver::open(0).map(drop), Err(e));
        }
    }
}
