//! Prints the results, and compares their ratios with committed ones.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

/// How much worse than the committed ratio a ratio may be.
const TOLERANCE: f64 = 1.15;

/// One figure of the gateway, or of a peer, and of the baseline server, over all rounds.
pub struct Row {
    /// The name of the peer; `None` for the gateway.
    pub peer: Option<&'static str>,
    pub name: &'static str,
    pub unit: &'static str,
    /// Whether a greater figure is better.
    pub more_is_better: bool,
    pub baseline: Vec<f64>,
    /// The figures of the gateway, or of the peer.
    pub gateway: Vec<f64>,
}

impl Row {
    /// Rows without a baseline, from their names and units, and whether more is better.
    pub fn gateway_only<const N: usize>(
        rows: [(&'static str, &'static str, bool); N],
    ) -> [Self; N] {
        rows.map(|(name, unit, more_is_better)| Self {
            peer: None,
            name,
            unit,
            more_is_better,
            baseline: Vec::new(),
            gateway: Vec::new(),
        })
    }

    /// The name in the table.
    fn title(&self) -> String {
        self.peer.map_or(self.name.to_owned(), |peer| format!("{peer}: {}", self.name))
    }

    /// The cost of the gateway as a multiple of the cost of the baseline server; `None` when only the
    /// gateway was measured. Less is better.
    fn ratio(&self) -> Option<f64> {
        let (baseline, gateway) = (median(&self.baseline), median(&self.gateway));
        let ratio = if self.more_is_better { baseline / gateway } else { gateway / baseline };
        (!self.baseline.is_empty()).then_some(ratio)
    }
}

/// The median; 0 without values.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Prints a Markdown table of medians and ranges.
pub fn print(rows: &[Row]) {
    println!("\n| work | unit | baseline | gateway (range) | times the cost of the baseline |");
    println!("| --- | --- | --- | --- | --- |");
    for row in rows {
        let gateway = median(&row.gateway);
        let least = row.gateway.iter().copied().fold(f64::INFINITY, f64::min);
        let most = row.gateway.iter().copied().fold(0.0, f64::max);
        let baseline =
            row.ratio().map_or("–".to_owned(), |_| format!("{:.1}", median(&row.baseline)));
        let ratio = row.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        println!(
            "| {} | {} | {baseline} | {gateway:.1} ({least:.1} to {most:.1}) | {ratio} |",
            row.title(),
            row.unit
        );
    }
}

/// Writes the ratios, as a basis for later comparisons.
pub fn write(rows: &[Row], file: &Path) -> anyhow::Result<()> {
    let ratios: BTreeMap<_, _> = rows
        .iter()
        .filter(|row| row.peer.is_none())
        .filter_map(|row| Some((row.name, (row.ratio()? * 100.0).round() / 100.0)))
        .collect();
    let json = serde_json::to_string_pretty(&ratios)? + "\n";
    std::fs::write(file, json).with_context(|| format!("write {}", file.display()))
}

/// Fails when a ratio is worse than the committed one.
pub fn compare(rows: &[Row], file: &Path) -> anyhow::Result<()> {
    let json = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let committed: BTreeMap<String, f64> = serde_json::from_slice(&json)?;
    let mut worse = Vec::new();
    for row in rows.iter().filter(|row| row.peer.is_none()) {
        let Some(ratio) = row.ratio() else { continue };
        let before = committed.get(row.name);
        let before = before.with_context(|| format!("no committed ratio for {}", row.name))?;
        println!("{}: {ratio:.2}, committed {before:.2}", row.name);
        if ratio > *before * TOLERANCE {
            worse.push(row.name);
        }
    }
    anyhow::ensure!(worse.is_empty(), "worse by more than 15 %: {}", worse.join("; "));
    Ok(())
}
