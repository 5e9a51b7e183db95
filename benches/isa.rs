//! Registers, spills, occupancy and instructions of every kernel on AMD's RDNA2 and RDNA3, without such a
//! GPU: `cargo bench --bench isa [-- --json FILE] [-- --asm KERNEL]`. Needs Mesa's RADV.
//!
//! Waves count 32 lanes each, as the driver counts them. The share of multiply-adds is taken over the vector
//! instructions of the main loop.

#[path = "isa/mod.rs"]
mod isa;

use std::process::ExitCode;

use impasto::kernels::catalogue;
use isa::{Driver, FAMILY_VARIABLE, Family, Figures, Outcome};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let outcome = Options::parse(std::env::args().skip(1)).and_then(|options| {
        if std::env::var_os(FAMILY_VARIABLE).is_some() {
            compile_all(&options)
        } else {
            report(&options)
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isa: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    json: Option<String>,
    assembly_of: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--json" => options.json = Some(value()?),
                "--asm" => options.assembly_of = Some(value()?),
                // Cargo says so to every bench.
                "--bench" => {}
                _ => Err(format!(
                    "`{argument}` is neither --json FILE nor --asm KERNEL"
                ))?,
            }
        }
        let forms = catalogue().into_iter().flat_map(isa::forms);
        let names: Vec<String> = forms.map(|(name, _)| name).collect();
        let unknown = options.assembly_of.as_ref();
        if let Some(name) = unknown.filter(|name| !names.contains(name)) {
            Err(format!(
                "there is no kernel `{name}`; choose one of {}",
                names.join(", ")
            ))?;
        }
        Ok(options)
    }
}

/// In the process of one family: prints a JSON object, or assembly if that was asked for.
fn compile_all(options: &Options) -> Outcome<()> {
    let driver = Driver::open()?;
    let mut rows = Vec::new();
    for kernel in catalogue() {
        for (name, knobs) in isa::forms(kernel) {
            let wanted = options.assembly_of.as_ref();
            if wanted.is_some_and(|wanted| *wanted != name) {
                continue;
            }
            let (figures, assembly) = isa::compile(&driver, kernel, &knobs)?;
            if wanted.is_some() {
                println!("{assembly}");
            }
            rows.push(row(&name, &figures));
        }
    }
    if options.assembly_of.is_none() {
        println!("{}", json!({ "driver": driver.name, "kernels": rows }));
    }
    Ok(())
}

fn row(kernel: &str, figures: &Figures) -> Value {
    json!({
        "kernel": kernel,
        "vgprs": figures.vector_registers,
        "sgprs": figures.scalar_registers,
        "vgpr_spills": figures.vector_spills,
        "sgpr_spills": figures.scalar_spills,
        "lds_bytes": figures.workgroup_bytes,
        "waves_per_simd": figures.waves,
        "instructions": figures.instructions,
        "main_loop_fma": figures.counts.fma,
        "main_loop_vector": figures.counts.vector,
        "main_loop_fma_share": figures.counts.fma_share(),
        "dual_issue": figures.counts.dual,
    })
}

/// In the first process: one further process per family, then a table of what each says.
fn report(options: &Options) -> Outcome<()> {
    let mut tables = Vec::new();
    for family in [isa::RDNA2, isa::RDNA3] {
        let Some(output) = ask(family)? else {
            println!("isa {}", isa::DRIVER_MISSING);
            return Ok(());
        };
        if options.assembly_of.is_some() {
            println!("; {}\n{output}", family.name);
            continue;
        }
        let mut table: Value = serde_json::from_str(&output)?;
        table["family"] = family.name.into();
        print_table(&table);
        tables.push(table);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", Value::from(tables)))
            .map_err(|error| format!("cannot write `{path}`: {error}"))?;
    }
    Ok(())
}

/// The answer of the first process that knows the family; none without the driver.
fn ask(family: Family) -> Outcome<Option<String>> {
    let mut complaint = None;
    for mut process in family.processes() {
        let output = process.args(std::env::args().skip(1)).output()?;
        if output.status.success() {
            return Ok(Some(String::from_utf8(output.stdout)?));
        }
        complaint = Some(String::from_utf8_lossy(&output.stderr).trim().to_string());
    }
    match complaint {
        None => Ok(None),
        Some(complaint) => Err(format!("{}: {complaint}", family.name).into()),
    }
}

const COLUMNS: [(&str, &str); 11] = [
    ("VGPRs", "vgprs"),
    ("SGPRs", "sgprs"),
    ("spilled V", "vgpr_spills"),
    ("spilled S", "sgpr_spills"),
    ("LDS bytes", "lds_bytes"),
    ("waves/SIMD", "waves_per_simd"),
    ("instructions", "instructions"),
    ("FMA in loop", "main_loop_fma"),
    ("of vector", "main_loop_vector"),
    ("share", "main_loop_fma_share"),
    ("dual", "dual_issue"),
];

fn print_table(table: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    println!("{}: {}", text(&table["family"]), text(&table["driver"]));
    print!("{:32}", "kernel");
    COLUMNS.iter().for_each(|(title, _)| print!("  {title}"));
    println!();
    for row in table["kernels"].as_array().into_iter().flatten() {
        print!("{:32}", text(&row["kernel"]));
        for (title, key) in COLUMNS {
            let cell = match &row[key] {
                Value::Null => "–".to_string(),
                value if key.ends_with("share") => {
                    format!("{:.0} %", 100.0 * value.as_f64().unwrap_or_default())
                }
                value => value.to_string(),
            };
            print!("  {cell:>width$}", width = title.len());
        }
        println!();
    }
    println!();
}
