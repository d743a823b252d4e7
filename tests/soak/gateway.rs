//! A process of the gateway.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// A debug build on a busy machine, with a database that may be starting as well.
const READY_TIME: Duration = Duration::from_mins(2);
/// The documents promise ten seconds; this is a debug build on a busy machine.
const SHUTDOWN_TIME: Duration = Duration::from_secs(15);
/// By how many seconds the clocks of the machines are wrong: more than any lease.
const CLOCK_ERRORS: [&str; 3] = ["0", "150", "-150"];
/// The signal of a process that aborts.
const SIGABRT: i32 = 6;

pub(crate) struct Gateway {
    pub(crate) url: String,
    settings: Vec<(String, String)>,
    log: PathBuf,
    process: Option<Child>,
}

impl Gateway {
    /// A gateway on a free port that is not started yet.
    pub(crate) fn new(
        number: usize,
        folder: &Path,
        database_url: &str,
        events_url: &str,
        simulator: &str,
    ) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let bind = format!("127.0.0.1:{port}");
        let mut settings: Vec<(&str, &str)> = vec![
            ("PLANTAIN_BIND", &bind),
            ("PLANTAIN_SIMULATOR_BIND", "127.0.0.1:0"),
            ("DATABASE_URL", database_url),
            ("PLANTAIN_EVENTS_URL", events_url),
            ("PLANTAIN_POLL_SECONDS", "2"),
            ("PLANTAIN_TASK_TIMEOUT_SECONDS", "30"),
            ("PLANTAIN_MAX_UNFINISHED_TASKS", "100000"),
            ("PLANTAIN_SUBMISSIONS_PER_10_SECONDS", "100000"),
            ("PLANTAIN_QUERIES_PER_SECOND", "10000"),
            ("ACE_DATA_MAX_CONCURRENT_JOBS", "10000"),
            ("ACE_DATA_QUERIES_PER_SECOND", "1000"),
            ("PLANTAIN_USER_QUOTA", "1000000"),
            ("NO_COLOR", "1"),
            ("PLANTAIN_CLOCK_ERROR", CLOCK_ERRORS[number % CLOCK_ERRORS.len()]),
        ];
        for name in ["NANOBANANA", "FLUX_KONTEXT", "ACE_DATA"] {
            let (key, url) = match name {
                "NANOBANANA" => ("NANOBANANA_API_KEY", "NANOBANANA_BASE_URL"),
                "FLUX_KONTEXT" => ("FLUX_KONTEXT_API_KEY", "FLUX_KONTEXT_BASE_URL"),
                _ => ("ACE_DATA_API_KEY", "ACE_DATA_BASE_URL"),
            };
            settings.extend([(key, "simulated"), (url, simulator)]);
        }
        let data = folder.join("data");
        let mut settings: Vec<(String, String)> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        settings.push(("PLANTAIN_DATA_DIR".to_owned(), data.display().to_string()));
        let log = folder.join(format!("gateway-{number}.log"));
        let _ = std::fs::remove_file(&log);
        Self { url: format!("http://{bind}"), settings, log, process: None }
    }

    /// Starts the process. With a fail point, such as `submit.called:3`, it aborts there the third time.
    pub(crate) fn start(&mut self, fail_point: Option<&str>) {
        let log: File = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_plantain"));
        command.arg("dev").env_clear().envs(self.settings.iter().cloned());
        command.envs(std::env::vars().filter(|(name, _)| name == "PATH"));
        command.envs(fail_point.map(|point| ("PLANTAIN_FAIL_POINT", point)));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.process = Some(command.kill_on_drop(true).spawn().unwrap());
    }

    pub(crate) async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_TIME;
        while !self.is_ready().await {
            let exited = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(exited.is_none(), "{exited:?}: read {}", self.log.display());
            assert!(Instant::now() < deadline, "not ready: read {}", self.log.display());
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        reqwest::get(format!("{}/readyz", self.url))
            .await
            .is_ok_and(|answer| answer.status() == 200)
    }

    pub(crate) async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have aborted at its fail point.
            let _ = process.kill().await;
        }
    }

    /// Whether the process aborts within this time. It ends in no other way by itself.
    pub(crate) async fn aborts_within(&mut self, time: Duration) -> bool {
        let Ok(status) = timeout(time, self.process.as_mut().unwrap().wait()).await else {
            return false;
        };
        assert_eq!(status.unwrap().signal(), Some(SIGABRT), "read {}", self.log.display());
        true
    }

    /// Asks for a graceful shutdown, which ends in time and with the status 0.
    pub(crate) async fn terminate(&mut self) {
        let mut process = self.process.take().unwrap();
        let Some(pid) = process.id() else { return };
        let sent = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
        assert!(sent.unwrap().success());
        let ended = timeout(SHUTDOWN_TIME, process.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("no end: read {}", self.log.display()));
        assert!(status.unwrap().success(), "{}", self.log.display());
    }
}
