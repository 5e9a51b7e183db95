//! A Vulkan layer that loses the device, as a driver does whose GPU was reset: once the file that `IMPASTO_TEST_LOSS` names
//! is there, every wait, submit and look at a semaphore is answered with the number in it, a VkResult.
//!
//! Built by the test with `rustc --crate-type cdylib`, without any crate; the structures are those of Vulkan's
//! `vk_layer.h`. One instance and one device are enough here, so the functions of the next layer are kept in statics.
#![allow(non_snake_case)]

use std::ffi::{CStr, c_char, c_void};
use std::mem::transmute;
use std::sync::OnceLock;

type Handle = *mut c_void;
type Function = Option<unsafe extern "system" fn()>;
type GetProcAddr = unsafe extern "system" fn(Handle, *const c_char) -> Function;
type Create = unsafe extern "system" fn(Handle, *const c_void, *mut Handle) -> i32;
type CreateDevice = unsafe extern "system" fn(Handle, Handle, *const c_void, *mut Handle) -> i32;
type Wait = unsafe extern "system" fn(Handle, Handle, u64) -> i32;
type Counter = unsafe extern "system" fn(Handle, u64, *mut u64) -> i32;
type Submit = unsafe extern "system" fn(Handle, u32, Handle, u64) -> i32;
type Idle = unsafe extern "system" fn(Handle) -> i32;

/// VkNegotiateLayerInterface.
#[repr(C)]
pub struct Negotiation {
    kind: u32,
    next: Handle,
    version: u32,
    instance_functions: Option<GetProcAddr>,
    device_functions: Option<GetProcAddr>,
    physical_device_functions: Option<GetProcAddr>,
}

/// VkLayerInstanceCreateInfo and VkLayerDeviceCreateInfo, in the chain of what the application passes.
#[repr(C)]
struct Link {
    kind: u32,
    next: *mut Link,
    function: u32,
    layer: *mut Layer,
}

/// VkLayerInstanceLink and VkLayerDeviceLink; the last is that of devices, or of physical devices.
#[repr(C)]
struct Layer {
    next: *mut Layer,
    instance_functions: GetProcAddr,
    more_functions: GetProcAddr,
}

const OF_AN_INSTANCE: u32 = 47;
const OF_A_DEVICE: u32 = 48;

static INSTANCE_FUNCTIONS: OnceLock<GetProcAddr> = OnceLock::new();
static DEVICE_FUNCTIONS: OnceLock<GetProcAddr> = OnceLock::new();
static WAIT: OnceLock<Wait> = OnceLock::new();
static COUNTER: OnceLock<Counter> = OnceLock::new();
static SUBMIT: OnceLock<Submit> = OnceLock::new();
static IDLE: OnceLock<Idle> = OnceLock::new();

/// What every call is answered with once the device is lost.
fn loss() -> Option<i32> {
    let path = std::env::var_os("IMPASTO_TEST_LOSS")?;
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkNegotiateLoaderLayerInterfaceVersion(
    negotiation: *mut Negotiation,
) -> i32 {
    let negotiation = unsafe { &mut *negotiation };
    negotiation.version = negotiation.version.min(2);
    negotiation.instance_functions = Some(of_instance);
    negotiation.device_functions = Some(of_device);
    negotiation.physical_device_functions = None;
    0
}

/// The next layer, which is taken off the chain in what the application passes.
unsafe fn next_layer(create_info: Handle, kind: u32) -> Option<(GetProcAddr, GetProcAddr)> {
    let mut link = unsafe { (*create_info.cast::<Link>()).next };
    while let Some(found) = unsafe { link.as_mut() } {
        if found.kind == kind && found.function == 0 {
            let layer = unsafe { &*found.layer };
            found.layer = layer.next;
            return Some((layer.instance_functions, layer.more_functions));
        }
        link = found.next;
    }
    None
}

unsafe extern "system" fn create_instance(
    info: Handle,
    allocator: *const c_void,
    instance: *mut Handle,
) -> i32 {
    let Some((functions, _)) = (unsafe { next_layer(info, OF_AN_INSTANCE) }) else {
        return -3;
    };
    let create = unsafe { functions(std::ptr::null_mut(), c"vkCreateInstance".as_ptr()) };
    INSTANCE_FUNCTIONS.get_or_init(|| functions);
    unsafe { transmute::<Function, Create>(create)(info, allocator, instance) }
}

unsafe extern "system" fn create_device(
    physical: Handle,
    info: Handle,
    allocator: *const c_void,
    device: *mut Handle,
) -> i32 {
    let Some((of_instance, of_device)) = (unsafe { next_layer(info, OF_A_DEVICE) }) else {
        return -3;
    };
    let create = unsafe { of_instance(std::ptr::null_mut(), c"vkCreateDevice".as_ptr()) };
    DEVICE_FUNCTIONS.get_or_init(|| of_device);
    unsafe { transmute::<Function, CreateDevice>(create)(physical, info, allocator, device) }
}

unsafe extern "system" fn wait(device: Handle, info: Handle, timeout: u64) -> i32 {
    loss().unwrap_or_else(|| unsafe { WAIT.get().unwrap()(device, info, timeout) })
}

unsafe extern "system" fn counter(device: Handle, semaphore: u64, value: *mut u64) -> i32 {
    loss().unwrap_or_else(|| unsafe { COUNTER.get().unwrap()(device, semaphore, value) })
}

unsafe extern "system" fn submit(queue: Handle, count: u32, submits: Handle, fence: u64) -> i32 {
    loss().unwrap_or_else(|| unsafe { SUBMIT.get().unwrap()(queue, count, submits, fence) })
}

unsafe extern "system" fn idle(queue: Handle) -> i32 {
    loss().unwrap_or_else(|| unsafe { IDLE.get().unwrap()(queue) })
}

unsafe extern "system" fn of_instance(instance: Handle, name: *const c_char) -> Function {
    unsafe {
        match CStr::from_ptr(name).to_bytes() {
            b"vkGetInstanceProcAddr" => transmute::<GetProcAddr, Function>(of_instance),
            b"vkGetDeviceProcAddr" => transmute::<GetProcAddr, Function>(of_device),
            b"vkCreateInstance" => transmute::<Create, Function>(create_instance),
            b"vkCreateDevice" => transmute::<CreateDevice, Function>(create_device),
            _ => INSTANCE_FUNCTIONS.get().and_then(|next| next(instance, name)),
        }
    }
}

unsafe extern "system" fn of_device(device: Handle, name: *const c_char) -> Function {
    unsafe {
        let next = DEVICE_FUNCTIONS.get().and_then(|next| next(device, name))?;
        match CStr::from_ptr(name).to_bytes() {
            b"vkGetDeviceProcAddr" => transmute::<GetProcAddr, Function>(of_device),
            b"vkWaitSemaphores" | b"vkWaitSemaphoresKHR" => {
                WAIT.get_or_init(|| transmute(next));
                transmute::<Wait, Function>(wait)
            }
            b"vkGetSemaphoreCounterValue" | b"vkGetSemaphoreCounterValueKHR" => {
                COUNTER.get_or_init(|| transmute(next));
                transmute::<Counter, Function>(counter)
            }
            b"vkQueueSubmit" => {
                SUBMIT.get_or_init(|| transmute(next));
                transmute::<Submit, Function>(submit)
            }
            b"vkQueueWaitIdle" => {
                IDLE.get_or_init(|| transmute(next));
                transmute::<Idle, Function>(idle)
            }
            _ => Some(next),
        }
    }
}
