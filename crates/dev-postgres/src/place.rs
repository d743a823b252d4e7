//! Where the cluster lives and as whom its programs run: Postgres refuses to run as root.
//!
//! Must not know what the programs do.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::{Progress, run};

const QUICK: Duration = Duration::from_secs(10);

pub(super) struct Place {
    /// Holds `data`, `npm` and, if its path is short enough, `socket`.
    pub(super) home: PathBuf,
    /// We are root: programs run as `uid` and `gid` instead.
    root: bool,
    uid: u32,
    gid: u32,
}

impl Place {
    /// The directory itself, unless the unprivileged user that stands in for root cannot get there.
    pub(super) async fn choose(directory: &Path, progress: Progress<'_>) -> anyhow::Result<Self> {
        let note = directory.join("elsewhere");
        let noted = fs::read_to_string(&note).ok().map(PathBuf::from);
        let mut place = Self::at(noted.clone().unwrap_or_else(|| directory.to_owned())).await?;
        if noted.is_some() {
            place.private_folder(&place.home)?;
        } else if place.root && !place.is_reachable().await {
            // The time makes it a new folder when the directory, and the note with it, was deleted to start afresh.
            place.home = PathBuf::from(format!(
                "/var/tmp/plantain-{}",
                short_name(&(directory, std::process::id()))
            ));
            place.private_folder(&place.home)?;
            let (directory, home) = (directory.display(), place.home.display());
            progress(&format!(
                "user {} cannot enter {directory}: keeping the cluster in {home}",
                place.uid
            ));
            fs::write(&note, home.to_string())
                .with_context(|| format!("write {}", note.display()))?;
        }
        Ok(place)
    }

    async fn at(home: PathBuf) -> anyhow::Result<Self> {
        let own = id(&["-u"]).await?;
        if own != 0 {
            return Ok(Self { home, root: false, uid: own, gid: 0 });
        }
        // A cluster stays with its owner, whichever user would be chosen today.
        if let Ok(data) = fs::metadata(home.join("data")).as_ref()
            && data.uid() != 0
        {
            return Ok(Self { home, root: true, uid: data.uid(), gid: data.gid() });
        }
        let user = if id(&["-u", "postgres"]).await.is_ok() { "postgres" } else { "nobody" };
        let (uid, gid) = (id(&["-u", user]).await?, id(&["-g", user]).await?);
        Ok(Self { home, root: true, uid, gid })
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// A command that runs as the right user, in the home.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // LC_ALL: messages are read by `cluster`, and Postgres on macOS does not start without a locale.
        command.current_dir(&self.home).env("LC_ALL", "C").stdin(Stdio::null());
        if self.root {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// The kernel's own verdict, on all ancestors: the child enters the folder after it has changed its user.
    async fn is_reachable(&self) -> bool {
        run(self.command(Path::new("true")), QUICK).await.is_ok()
    }

    /// Makes sure of a folder that only the user the programs run as (and root) can enter.
    pub(super) fn private_folder(&self, path: &Path) -> anyhow::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("create {}", path.display()));
            }
            _ => {}
        }
        // In a folder that all may write to, somebody else may have been first.
        let found =
            fs::symlink_metadata(path).with_context(|| format!("look at {}", path.display()))?;
        let ours = found.uid() == self.uid || (self.root && found.uid() == 0);
        let private = found.is_dir() && ours && found.mode() & 0o777 == 0o700;
        ensure!(private, "{} is not a private folder of user {}", path.display(), self.uid);
        if self.root {
            lchown(path, Some(self.uid), Some(self.gid))
                .with_context(|| format!("chown {}", path.display()))?;
        }
        Ok(())
    }

    /// A new folder to prepare something in that is renamed when complete: one found under its final name always is.
    pub(super) fn unfinished(&self, name: &str) -> anyhow::Result<PathBuf> {
        for entry in fs::read_dir(&self.home)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with("unfinished-") {
                // An orphaned initdb may still be writing to it: then it goes the next time.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let path = self.home.join(format!("unfinished-{name}-{}", process::id()));
        self.private_folder(&path)?;
        Ok(path)
    }

    /// An empty private folder whose path is short enough for a socket in it.
    pub(super) fn socket_folder(&self) -> anyhow::Result<PathBuf> {
        // The whole path may have 107 bytes on Linux, 103 on macOS.
        const LONGEST: usize = 103 - "/.s.PGSQL.5432".len();
        let near = self.home.join("socket");
        let far = || PathBuf::from(format!("/tmp/plantain-{}", short_name(&self.home)));
        let fits = near.to_str().is_some_and(|path| path.len() <= LONGEST);
        let folder = if fits { near } else { far() };
        // A socket lock from before a reboot may name a process that is another one by now.
        let _ = fs::remove_dir_all(&folder);
        self.private_folder(&folder)?;
        Ok(folder)
    }
}

fn short_name(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// `id` knows users from every source of the system, as a look into /etc/passwd would not.
async fn id(arguments: &[&str]) -> anyhow::Result<u32> {
    let mut command = Command::new("id");
    command.args(arguments);
    let number = run(command, QUICK).await?;
    number.trim().parse().with_context(|| format!("no user number: {number}"))
}
