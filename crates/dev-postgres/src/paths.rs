//! Paths of the cluster, and the user who runs its binaries: Postgres does not run as root.
//!
//! Does not depend on what the binaries do.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::{ProgressFn, run};

const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct ClusterPaths {
    /// Holds `data`, `npm` and, if its path is short enough, `socket`.
    pub(super) home: PathBuf,
    /// The current user is root, so the binaries run as `uid` and `gid`.
    runs_as_root: bool,
    uid: u32,
    gid: u32,
}

impl ClusterPaths {
    /// The directory itself, unless the unprivileged user who runs the binaries for root cannot enter it.
    pub(super) async fn choose(directory: &Path, progress: ProgressFn<'_>) -> anyhow::Result<Self> {
        let note = directory.join("elsewhere");
        let recorded_home = fs::read_to_string(&note).ok().map(PathBuf::from);
        let mut paths =
            Self::at(recorded_home.clone().unwrap_or_else(|| directory.to_owned())).await?;
        if recorded_home.is_some() {
            paths.private_folder(&paths.home)?;
        } else if paths.runs_as_root && !paths.is_reachable().await {
            // The process id makes the name new: when the directory was deleted and created again, the old folder is not used.
            paths.home = PathBuf::from(format!(
                "/var/tmp/plantain-{}",
                short_name(&(directory, std::process::id()))
            ));
            paths.private_folder(&paths.home)?;
            let (directory, home) = (directory.display(), paths.home.display());
            progress(&format!(
                "user {} cannot enter {directory}: the cluster is stored in {home}",
                paths.uid
            ));
            fs::write(&note, home.to_string())
                .with_context(|| format!("write {}", note.display()))?;
        }
        Ok(paths)
    }

    async fn at(home: PathBuf) -> anyhow::Result<Self> {
        let own = id(&["-u"]).await?;
        if own != 0 {
            return Ok(Self { home, runs_as_root: false, uid: own, gid: 0 });
        }
        // An existing cluster keeps its owner.
        if let Ok(data) = fs::metadata(home.join("data")).as_ref()
            && data.uid() != 0
        {
            return Ok(Self { home, runs_as_root: true, uid: data.uid(), gid: data.gid() });
        }
        let user = if id(&["-u", "postgres"]).await.is_ok() { "postgres" } else { "nobody" };
        let (uid, gid) = (id(&["-u", user]).await?, id(&["-g", user]).await?);
        Ok(Self { home, runs_as_root: true, uid, gid })
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// A command that runs as the cluster's user, in the home folder.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // LC_ALL: errors contain the messages of Postgres, which does not start without a locale on macOS.
        command.current_dir(&self.home).env("LC_ALL", "C").stdin(Stdio::null());
        if self.runs_as_root {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Whether the cluster's user can enter the folder: the child changes to the folder after it has changed its user,
    /// so the kernel checks all parent folders.
    async fn is_reachable(&self) -> bool {
        run(self.command(Path::new("true")), COMMAND_TIMEOUT).await.is_ok()
    }

    /// Creates or checks a folder that only the cluster's user and root can enter.
    pub(super) fn private_folder(&self, path: &Path) -> anyhow::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("create {}", path.display()));
            }
            _ => {}
        }
        // In a world-writable folder such as /tmp, another user may have created the folder.
        let found = fs::symlink_metadata(path)
            .with_context(|| format!("read the metadata of {}", path.display()))?;
        let ours = found.uid() == self.uid || (self.runs_as_root && found.uid() == 0);
        let private = found.is_dir() && ours && found.mode() & 0o777 == 0o700;
        ensure!(private, "{} is not a private folder of user {}", path.display(), self.uid);
        if self.runs_as_root {
            lchown(path, Some(self.uid), Some(self.gid))
                .with_context(|| format!("chown {}", path.display()))?;
        }
        Ok(())
    }

    /// A new temporary folder. It is renamed when complete, so a folder with the final name is always complete.
    pub(super) fn unfinished(&self, name: &str) -> anyhow::Result<PathBuf> {
        for entry in fs::read_dir(&self.home)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with("unfinished-") {
                // Ignore an error: an orphaned initdb may still write to the folder, and the next start removes it.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let path = self.home.join(format!("unfinished-{name}-{}", process::id()));
        self.private_folder(&path)?;
        Ok(path)
    }

    /// An empty private folder whose path is short enough for a socket in it.
    pub(super) fn socket_folder(&self) -> anyhow::Result<PathBuf> {
        // A socket path has at most 107 bytes on Linux, 103 on macOS.
        const MAX_PATH_BYTES: usize = 103 - "/.s.PGSQL.5432".len();
        let near = self.home.join("socket");
        let far = || PathBuf::from(format!("/tmp/plantain-{}", short_name(&self.home)));
        let fits = near.to_str().is_some_and(|path| path.len() <= MAX_PATH_BYTES);
        let folder = if fits { near } else { far() };
        // After a reboot, the pid in an old socket lock may belong to another process.
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

/// Runs `id`, which reads all user databases of the system and not only /etc/passwd.
async fn id(arguments: &[&str]) -> anyhow::Result<u32> {
    let mut command = Command::new("id");
    command.args(arguments);
    let number = run(command, COMMAND_TIMEOUT).await?;
    number.trim().parse().with_context(|| format!("not a user id: {number}"))
}
