//! The alert rules, with a real Prometheus: each is loaded and described, and those that a test can cause fire.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{TestApp, User, eventually_within};

const RULES: &str = include_str!("../../docker/observe/alerts.yml");
/// Prometheus reads the metrics each second here, and a rule needs some of them.
const DEADLINE: Duration = Duration::from_mins(1);

/// A Prometheus that reads the metrics of one gateway.
struct Prometheus {
    url: String,
    process: Child,
    _folder: TempDir,
}

impl Prometheus {
    fn start(target: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/find-prometheus");
        let found = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
        assert!(found.status.success(), "Prometheus cannot be installed");
        let binary =
            PathBuf::from(String::from_utf8(found.stdout).unwrap().trim()).join("prometheus");
        let folder = TempDir::new().unwrap();
        // The test does not wait for the minutes for which a condition must hold.
        let waits = RULES.lines().filter(|line| !line.trim_start().starts_with("for:"));
        let rules: Vec<&str> = waits.collect();
        std::fs::write(folder.path().join("alerts.yml"), rules.join("\n")).unwrap();
        let configuration = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}
rule_files: [alerts.yml]
scrape_configs:
  - job_name: plantain
    static_configs: [{{ targets: ['{target}'] }}]
"
        );
        std::fs::write(folder.path().join("prometheus.yml"), configuration).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(binary);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = command.spawn().unwrap();
        Self { url: format!("http://127.0.0.1:{port}"), process, _folder: folder }
    }

    /// The names of the alerts that fire.
    async fn firing(&self) -> Vec<String> {
        let Ok(response) = reqwest::get(format!("{}/api/v1/alerts", self.url)).await else {
            return Vec::new();
        };
        let alerts: Value = response.json().await.unwrap();
        let alerts = alerts["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }

    async fn wait_for(&self, alert: &str) {
        eventually_within(DEADLINE, alert, || async {
            self.firing().await.iter().any(|name| name == alert).then_some(())
        })
        .await;
    }

    async fn wait_until_quiet(&self, alert: &str) {
        eventually_within(DEADLINE, alert, || async {
            let is_up = reqwest::get(format!("{}/-/ready", self.url)).await.is_ok();
            (is_up && !self.firing().await.iter().any(|name| name == alert)).then_some(())
        })
        .await;
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn names() -> Vec<&'static str> {
    RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn each_alert_has_a_section_in_the_incident_guide() {
    let guide = include_str!("../../docs/incidents.md");
    assert!(names().len() > 10);
    for name in names() {
        assert!(guide.contains(&format!("\n## {name}\n")), "{name} is not in docs/incidents.md");
    }
    let sections = guide.lines().filter_map(|line| line.strip_prefix("## Plantain"));
    assert_eq!(sections.count(), names().len(), "a section is for no alert");
}

#[tokio::test]
async fn every_metric_of_the_rules_and_of_the_dashboard_exists() {
    let app = TestApp::start().await;
    app.user("ana").wait_for_nano_banana_balance().await;
    app.advance(2);
    let metrics = reqwest::get(format!("{}/metrics", app.url)).await.unwrap().text().await.unwrap();
    let dashboard = include_str!("../../docker/observe/dashboard.json");
    let is_name = |character: char| character.is_ascii_lowercase() || character == '_';
    for text in [RULES, dashboard] {
        for word in text.split(|character| !is_name(character)) {
            if word.starts_with("plantain_") || word.starts_with("process_") {
                assert!(metrics.contains(&format!("\n{word}")), "there is no metric {word}");
            }
        }
    }
}

#[tokio::test]
async fn alerts_fire_when_what_they_watch_breaks_and_end_when_it_is_mended() {
    let app = TestApp::with(&["--user-quota=100", "--metrics-bind=127.0.0.1:0"]).await;
    let (ana, root) = (app.user("ana"), User::new(&app, "root", Some("admin")));
    ana.wait_until_finished(&ana.submit("a").await).await;
    let target = app.metrics_url.clone().unwrap();
    let prometheus = Prometheus::start(target.trim_start_matches("http://"));
    prometheus.wait_until_quiet("PlantainDown").await;

    root.graphql("mutation { pauseProvider(provider: \"nano-banana\") { __typename } }", json!({}))
        .await;
    prometheus.wait_for("PlantainProviderPaused").await;
    let waiting = json!({ "prompt": "b", "model": "nano-banana" });
    let waiting = ana.generate(waiting).await["task"]["id"].as_str().unwrap().to_owned();
    app.wait_until_nothing_is_leased().await;
    app.advance(700);
    prometheus.wait_for("PlantainQueueOld").await;
    root.graphql(
        "mutation { resumeProvider(provider: \"nano-banana\") { __typename } }",
        json!({}),
    )
    .await;
    ana.wait_until_finished(&waiting).await;
    prometheus.wait_until_quiet("PlantainQueueOld").await;
    prometheus.wait_until_quiet("PlantainProviderPaused").await;

    let mut database = app.database.connect().await;
    let changed = sqlx::query("UPDATE users SET spent = spent + 1 WHERE id = 'ana'");
    changed.execute(&mut database).await.unwrap();
    app.advance(20);
    prometheus.wait_for("PlantainUnbalancedAccounts").await;

    let broken = "UPDATE providers SET paused_until = now() + interval '1 day', pause_reason = 'UPSTREAM_AUTH'
        WHERE name = 'ace-data'";
    sqlx::query(broken).execute(&mut database).await.unwrap();
    prometheus.wait_for("PlantainProviderUnavailable").await;

    let poor = "UPDATE providers SET remaining = 5000 WHERE name = 'ace-data'";
    sqlx::query(poor).execute(&mut database).await.unwrap();
    prometheus.wait_for("PlantainCreditsLow").await;

    app.stop().await;
    prometheus.wait_for("PlantainDown").await;
}
