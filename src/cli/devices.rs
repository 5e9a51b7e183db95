//! `impasto devices`.

use impasto::gpu::{ADAPTER_VARIABLE, AdapterList, AdapterSummary, GpuError};
use serde_json::{Value, json};

use super::arguments::{Common, DevicesArguments};
use super::failure::Failure;
use super::terminal::print;

/// Runs the command.
pub fn run(common: &Common, arguments: &DevicesArguments) -> Result<(), Failure> {
    let list = pollster::block_on(AdapterList::discover());
    let named = std::env::var(ADAPTER_VARIABLE)
        .ok()
        .filter(|name| !name.is_empty());
    let wanted = common.adapter.clone().or(named.clone());
    let (used, _) = list.choose(wanted.as_deref())?;
    let reason = match (&common.adapter, named) {
        (Some(flag), _) => format!("--adapter {flag} names it"),
        (None, Some(name)) => format!("{ADAPTER_VARIABLE}={name} names it"),
        (None, None) => {
            "it is the best of the list: discrete, then integrated, virtual, other, software"
                .to_string()
        }
    };
    let summaries = list.summaries();
    let adapters = summaries.iter();
    let adapters = adapters.map(|adapter| (adapter, adapter.index == used.index));
    if arguments.json {
        let adapters = adapters.map(|(adapter, is_used)| as_json(&list, adapter, is_used));
        let adapters: Vec<_> = adapters.collect();
        return print(json!({ "adapters": adapters, "reason": reason }));
    }
    for (adapter, is_used) in adapters {
        tell(&list, adapter, is_used)?;
    }
    print(format_args!("* is used because {reason}"))
}

fn as_json(list: &AdapterList, adapter: &AdapterSummary, is_used: bool) -> Value {
    let limits = list.capabilities(adapter.index).map(|(limits, features)| {
        json!({
            "max_buffer_bytes": limits.max_buffer_size,
            "max_binding_bytes": limits.max_storage_buffer_binding_size,
            "workgroup_bytes": limits.max_compute_workgroup_storage_size,
            "workgroup_threads": limits.max_compute_invocations_per_workgroup,
            "subgroups": features.contains(wgpu::Features::SUBGROUP),
            "timestamps": features.contains(wgpu::Features::TIMESTAMP_QUERY),
        })
    });
    json!({
        "index": adapter.index,
        "name": adapter.name,
        "kind": adapter.kind_in_words(),
        "backend": format!("{:?}", adapter.backend),
        "driver": adapter.driver,
        "used": is_used,
        "limits": limits,
    })
}

/// Prints three lines.
fn tell(list: &AdapterList, adapter: &AdapterSummary, is_used: bool) -> Result<(), Failure> {
    print(format_args!(
        "{} {}  {} ({}, {:?}, {})",
        if is_used { '*' } else { ' ' },
        adapter.index,
        adapter.name,
        adapter.kind_in_words(),
        adapter.backend,
        adapter.driver
    ))?;
    let (limits, features) = list
        .capabilities(adapter.index)
        .ok_or(GpuError::NoAdapter)?;
    print(format_args!(
        "     buffers up to {} MiB, bindings up to {} MiB, {} threads and {} KiB per workgroup",
        limits.max_buffer_size >> 20,
        limits.max_storage_buffer_binding_size >> 20,
        limits.max_compute_invocations_per_workgroup,
        limits.max_compute_workgroup_storage_size >> 10,
    ))?;
    let has = |feature| match features.contains(feature) {
        true => "yes",
        false => "no",
    };
    print(format_args!(
        "     subgroup operations: {}, timestamps: {}",
        has(wgpu::Features::SUBGROUP),
        has(wgpu::Features::TIMESTAMP_QUERY)
    ))
}
