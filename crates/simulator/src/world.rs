//! What the pretended providers know: tasks, the account, how often they were asked.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use plantain_clock::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

use super::SimulatorOptions;
use super::dialect::Dialect;
use super::limits::{self, Recent};
use super::provider::Provider;
use super::script::{Answers, Script};

/// The pretended providers' memory. Clones share it.
#[derive(Debug, Clone)]
pub struct World {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    delay: Duration,
    clock: Clock,
    enforce_limits: bool,
    webhook_key: Option<String>,
    http: reqwest::Client,
}

#[derive(Debug)]
struct Memory {
    tasks: HashMap<String, SimTask>,
    answered: HashMap<String, u32>,
    accounts: HashMap<Provider, Account>,
    inputs: Vec<String>,
    journal: Option<File>,
}

/// How often the pretended providers were called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Submissions, refused ones included.
    pub submissions: u32,
    /// Tasks that a submission made.
    pub tasks: u32,
    /// Questions about tasks.
    pub queries: u32,
    /// Submissions that exceeded a limit.
    pub submissions_over_limit: u32,
    /// Questions that exceeded a limit.
    pub queries_over_limit: u32,
}

/// What one provider knows of its only customer.
#[derive(Debug, Default)]
struct Account {
    credits: f64,
    counts: Counts,
    submissions: Recent,
    queries: Recent,
}

/// A task at a pretended provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SimTask {
    pub(super) id: String,
    pub(super) dialect: Dialect,
    pub(super) prompt: String,
    pub(super) images: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) png: bool,
    pub(super) callback_url: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) done_at: Timestamp,
    pub(super) cost: f64,
    pub(super) script: Script,
}

impl SimTask {
    /// What it ends with; `None` when it makes an image.
    pub(super) fn failure(&self) -> Option<i64> {
        self.script.fail.or(self.script.create_failed.then_some(500))
    }
}

impl World {
    pub(super) fn open(options: &SimulatorOptions) -> std::io::Result<Self> {
        let mut tasks = HashMap::new();
        let mut journal = None;
        if let Some(path) = &options.journal {
            let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
            for line in BufReader::new(&file).lines() {
                // The last line may have been cut off by a kill.
                if let Ok(task) = serde_json::from_str::<SimTask>(&line?) {
                    tasks.insert(task.id.clone(), task);
                }
            }
            journal = Some(file);
        }
        let account = || Account { credits: options.credits, ..Account::default() };
        let accounts = Provider::ALL.map(|provider| (provider, account())).into();
        let memory =
            Memory { tasks, answered: HashMap::new(), accounts, inputs: Vec::new(), journal };
        #[expect(clippy::disallowed_methods, reason = "the simulator calls the gateway, its way")]
        let http = reqwest::Client::new();
        let shared = Shared {
            memory: Mutex::new(memory),
            delay: options.delay,
            clock: options.clock.clone(),
            enforce_limits: options.enforce_limits,
            webhook_key: options.webhook_key.clone(),
            http,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_account<T>(&self, of: Provider, look: impl FnOnce(&mut Account) -> T) -> T {
        look(self.memory().accounts.entry(of).or_default())
    }

    /// What is left in a provider's account.
    #[must_use]
    pub fn credits(&self, of: Provider) -> f64 {
        self.with_account(of, |account| account.credits)
    }

    /// Puts so much into a provider's account.
    pub fn set_credits(&self, of: Provider, credits: f64) {
        self.with_account(of, |account| account.credits = credits);
    }

    /// Links of the images that the newest editing task was to be made from.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.memory().inputs.clone()
    }

    pub(super) fn note_inputs(&self, links: &[String]) {
        if !links.is_empty() {
            self.memory().inputs = links.to_vec();
        }
    }

    /// Whether every task that will ever be done is done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unfinished().iter().all(|task| task.script.never)
    }

    /// How often a provider was called.
    #[must_use]
    pub fn counts_of(&self, provider: Provider) -> Counts {
        self.with_account(provider, |account| account.counts)
    }

    /// How often all providers were called.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let all = Provider::ALL.map(|provider| self.counts_of(provider));
        all.into_iter().fold(Counts::default(), |sum, each| Counts {
            submissions: sum.submissions + each.submissions,
            tasks: sum.tasks + each.tasks,
            queries: sum.queries + each.queries,
            submissions_over_limit: sum.submissions_over_limit + each.submissions_over_limit,
            queries_over_limit: sum.queries_over_limit + each.queries_over_limit,
        })
    }

    /// Counts a submission; whether the limits permit it.
    pub(super) fn may_submit(&self, to: Provider) -> bool {
        let (now, at_work) = (self.now(), self.at_work(to));
        let enforced = self.shared.enforce_limits;
        self.with_account(to, |account| {
            account.counts.submissions += 1;
            let permitted = limits::permit_submission(to, &mut account.submissions, at_work, now);
            account.counts.submissions_over_limit += u32::from(!permitted);
            permitted || !enforced
        })
    }

    /// Counts a question; whether the limits permit it.
    pub(super) fn may_ask(&self, provider: Provider) -> bool {
        let (now, enforced) = (self.now(), self.shared.enforce_limits);
        self.with_account(provider, |account| {
            account.counts.queries += 1;
            let permitted = limits::permit_query(provider, &mut account.queries, now);
            account.counts.queries_over_limit += u32::from(!permitted);
            permitted || !enforced
        })
    }

    fn at_work(&self, provider: Provider) -> usize {
        let of_provider = |task: &&SimTask| task.dialect.provider() == provider;
        self.unfinished().iter().filter(of_provider).count()
    }

    pub(super) fn webhook_key(&self) -> Option<&str> {
        self.shared.webhook_key.as_deref()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) async fn sleep_until(&self, at: Timestamp) {
        self.shared.clock.sleep_until(at).await;
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    /// 32 hexadecimal digits, like the real ones.
    pub(super) fn new_id() -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    /// When a task that begins now will be done.
    pub(super) fn done_at(&self, script: &Script) -> Timestamp {
        if script.never {
            return Timestamp::MAX_UTC;
        }
        let delay = script.delay.unwrap_or(self.shared.delay);
        self.now() + TimeDelta::from_std(delay).unwrap_or_default()
    }

    /// Whether this one is among the first so many that are answered with a code.
    pub(super) fn answers(&self, about: &str, answers: Option<Answers>) -> Option<i64> {
        let answers = answers?;
        let mut memory = self.memory();
        let answered = memory.answered.entry(about.to_owned()).or_default();
        if *answered >= answers.times {
            return None;
        }
        *answered += 1;
        Some(answers.code)
    }

    /// Takes a task and its price, unless the account is short of it. Failures are not charged.
    pub(super) fn take(&self, task: &SimTask) -> bool {
        let paid = self.with_account(task.dialect.provider(), |account| {
            let cost = if task.failure().is_none() { task.cost } else { 0.0 };
            let affordable = account.credits >= task.cost;
            if affordable {
                account.credits -= cost;
                account.counts.tasks += 1;
            }
            affordable
        });
        if !paid {
            return false;
        }
        let mut memory = self.memory();
        memory.tasks.insert(task.id.clone(), task.clone());
        if let Some(journal) = &mut memory.journal {
            let line = serde_json::to_string(task).unwrap_or_default() + "\n";
            if let Err(error) = journal.write_all(line.as_bytes()) {
                tracing::warn!(%error, "the simulator could not remember a task");
            }
        }
        true
    }

    pub(super) fn task(&self, id: &str) -> Option<SimTask> {
        self.memory().tasks.get(id).cloned()
    }

    /// Tasks whose callback may still be due.
    pub(super) fn unfinished(&self) -> Vec<SimTask> {
        let now = self.now();
        self.memory().tasks.values().filter(|task| task.done_at > now).cloned().collect()
    }
}
