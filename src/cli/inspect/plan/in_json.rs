//! The plan for programs.

use impasto::graph::Purpose;
use serde_json::{Value, json};

use super::Report;

/// Everything that the text has, in bytes.
pub fn write(report: &Report) -> Value {
    let forecast = &report.forecast;
    let live = report.plan().live_bytes();
    let steps: Vec<Value> = (0..live.len())
        .map(|index| json!({ "step": report.step_name(index), "live_bytes": live[index] }))
        .collect();
    let values: Vec<Value> = report
        .lives()
        .into_iter()
        .map(|life| {
            json!({
                "value": report.value_name(life),
                "bytes": life.bytes,
                "slot": report.slot_of(life),
                "first": life.first,
                "last": life.last,
            })
        })
        .collect();
    let buffers: Vec<Value> = forecast
        .allocations
        .iter()
        .map(|of| json!({ "label": of.label, "purpose": of.purpose.name(), "bytes": of.bytes }))
        .collect();
    let sums: serde_json::Map<String, Value> = Purpose::ALL
        .into_iter()
        .map(|purpose| (purpose.name().to_string(), forecast.bytes(purpose).into()))
        .collect();
    json!({
        "model": report.architecture.to_string(),
        "width": report.size[0],
        "height": report.size[1],
        "adapter": report.adapter.adapter,
        "optimizer": report.optimiser(),
        "strategy": forecast.way.candidate.strategy.to_string(),
        "flop_ratio": forecast.way.candidate.flop_ratio,
        "memory": report.budget,
        "steps": steps,
        "values": values,
        "slots": report.plan().slots,
        "buffers": buffers,
        "sums": sums,
        "most_alive_bytes": report.busiest_step().1,
        "least_slot_bytes": report.plan().least_bytes(),
        "resident_bytes": forecast.resident(),
        "transfer_bytes": forecast.transfers(),
        "peak_bytes_of_targets": forecast.peak_of_targets,
        "peak_bytes": forecast.peak,
        "peak_bytes_per_pixel": report.bytes_per_pixel(forecast.peak),
    })
}
