//! Where a component's memory comes from.
//!
//! An instance serves one call and is thrown away. Most calls need some kilobytes, and the usual allocator asks the server
//! for them. That changes the protection of pages twice, there and back before the next call, and the way back interrupts
//! every other processor. So the component has its first memory from the beginning, and asks only for what is beyond it.

use core::alloc::Layout;
use core::arch::wasm32::memory_grow;
use core::mem::MaybeUninit;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

#[global_allocator]
static ALLOCATOR: TalcSyncCell<FirstThenMore, WasmBinning> = TalcSyncCell::new_wasm(FirstThenMore {
    first_is_taken: false,
});

/// Enough for a context and a plan of some hundred fields. What is not touched costs nothing.
const FIRST: usize = 256 * 1_024;
/// Bytes of a page (WebAssembly Core Specification, section 4.2.8).
const PAGE: usize = 64 * 1_024;

static mut MEMORY: [MaybeUninit<u8>; FIRST] = [MaybeUninit::uninit(); FIRST];

#[derive(Debug)]
struct FirstThenMore {
    first_is_taken: bool,
}

// SAFETY: it allocates nothing itself.
unsafe impl Source for FirstThenMore {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let (begin, size) = if talc.source.first_is_taken {
            // One more, for what the allocator notes beside what is asked for.
            let pages = (layout.size() + layout.align()).div_ceil(PAGE) + 1;
            match memory_grow::<0>(pages) {
                usize::MAX => return Err(()),
                end => ((end * PAGE) as *mut u8, pages * PAGE),
            }
        } else {
            talc.source.first_is_taken = true;
            ((&raw mut MEMORY).cast(), FIRST)
        };
        // SAFETY: nobody else has it: the array is named here alone and taken once, and the pages are new.
        match unsafe { talc.claim(begin, size) } {
            Some(_) => Ok(()),
            None => Err(()),
        }
    }
}
