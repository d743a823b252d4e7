//! What an operator does with the data and the secrets: a restored backup works, and a secret is exchanged while tasks run.

use std::path::PathBuf;
use std::process::Command;

use futures_util::future::join_all;
use serde_json::json;

use crate::credits::invariants::assert_invariants;
use crate::harness::{Database, TestApp, User};

const IMAGES: &str = "{ tasks { nodes { id status images { url } } } }";

/// A program of Postgres, where one is installed; the binaries from npm lack it.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for version in (14..=18).rev() {
        folders.push(format!("/usr/lib/postgresql/{version}/bin").into());
        folders.push(format!("/opt/homebrew/opt/postgresql@{version}/bin").into());
    }
    folders.into_iter().map(|folder| folder.join(name)).find(|file| file.exists())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_backup_is_restored_into_a_new_database_and_a_new_image_store() {
    let (Some(dump), Some(restore)) = (program("pg_dump"), program("pg_restore")) else {
        println!("not tried, because pg_dump is missing");
        return;
    };
    let app = TestApp::with(&["--user-quota=100"]).await;
    let ana = app.user("ana");
    let task = ana.submit("a lighthouse").await;
    let image = ana.wait_until_finished(&task).await["images"][0]["url"].clone();
    let bytes = ana.get(image.as_str().unwrap()).await.bytes().await.unwrap();
    let waiting =
        json!({ "prompt": "b [sim:submit=503] [sim:submit=503]", "model": "nano-banana" });
    ana.generate(waiting).await;
    app.wait_until_nothing_is_leased().await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    run(Command::new(dump).arg("--format=custom").arg("--file").arg(&file).arg(app.database.url()));
    let restored = Database::create_with_locale("C.UTF-8").await;
    run(Command::new(restore)
        .args(["--no-owner", "--exit-on-error", "--dbname"])
        .arg(restored.url())
        .arg(&file));
    let restored = app.restored(restored).await;

    let ana = ana.at(&restored);
    let history = ana.graphql(IMAGES, json!({})).await["tasks"]["nodes"].clone();
    assert_eq!(history.as_array().unwrap().len(), 2, "{history}");
    let link = history[1]["images"][0]["url"].as_str().unwrap();
    assert!(link.starts_with(&restored.url), "{link}");
    let again = ana.get(link).await;
    assert_eq!((again.status().as_u16(), again.bytes().await.unwrap()), (200, bytes));
    ana.wait_until_finished(&ana.submit("c").await).await;
    assert_invariants(&mut restored.database.connect().await, "a restore").await;
}

/// The statuses of the answers to these links.
async fn statuses(user: &User, links: &[String]) -> Vec<u16> {
    let answers = links.iter().map(|link| async { user.get(link).await.status().as_u16() });
    join_all(answers).await
}

#[tokio::test]
async fn a_secret_is_exchanged_while_tasks_run() {
    let (old, new) =
        ("old-secret-of-the-rotation-test-0001", "new-secret-of-the-rotation-test-0002");
    // The same address after each restart: callbacks go to it.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let bind = format!("--bind=127.0.0.1:{port}");
    let app = TestApp::with(&[&format!("--secret={old}"), &bind]).await;
    let ana = app.user("ana");
    let first = ana.wait_until_finished(&ana.submit("a").await).await;
    let path = |app: &TestApp, url: &str| url.replace(&app.url, "");
    let old_link = path(&app, first["images"][0]["url"].as_str().unwrap());
    let running = join_all((0..10).map(|_| ana.submit("b [sim:slow=2]"))).await;
    for task in &running {
        ana.wait_for_status(task, "GENERATING").await;
    }

    let mut killed = app.kill();
    killed.flags = vec![format!("--secret={new},{old}"), bind.clone()];
    let both = killed.restart().await;
    let ana = ana.at(&both);
    for task in &running {
        assert_eq!(ana.wait_until_finished(task).await["status"], "SUCCEEDED");
    }
    let last = ana.wait_until_finished(&ana.submit("c").await).await;
    let new_link = path(&both, last["images"][0]["url"].as_str().unwrap());
    let links = [&old_link, &new_link].map(|link| format!("{}{link}", both.url));
    assert_eq!(statuses(&ana, &links).await, [200, 200], "both secrets verify");

    let mut killed = both.kill();
    killed.flags = vec![format!("--secret={new}"), bind];
    let app = killed.restart().await;
    let ana = ana.at(&app);
    let links = [&old_link, &new_link].map(|link| format!("{}{link}", app.url));
    let [old_status, new_status] = statuses(&ana, &links).await[..] else { panic!() };
    assert!((400..500).contains(&old_status), "the old secret is gone: {old_status}");
    assert_eq!(new_status, 200, "the new one signed this link");
}
