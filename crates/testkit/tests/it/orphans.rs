//! A process that starts children and is killed leaves none of them behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use warung_testkit::eventually;
use warung_testkit::process::Program;

/// Set in the process that plays the parent to be killed.
const PARENT: &str = "WARUNG_TEST_ORPHANS_PARENT";

#[tokio::test]
async fn children_of_a_killed_process_die() {
    if std::env::var_os(PARENT).is_some() {
        // Started from a thread that ends: the child must outlive that, and not us.
        let start = || Program::new("sleep").arg("300").spawn().unwrap();
        let child = std::thread::spawn(start).join().unwrap();
        println!("\nchild {}", child.pid());
        child.wait(Duration::from_mins(5)).await.unwrap();
        return;
    }
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([
            "orphans::children_of_a_killed_process_die",
            "--exact",
            "--nocapture",
        ])
        .env(PARENT, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut numbers = lines.filter_map(|line| Some(line.strip_prefix("child ")?.to_owned()));
    let state = Path::new("/proc")
        .join(numbers.next().unwrap())
        .join("stat");
    // A dead child stays in the table until the new parent asks for its status.
    let alive = || std::fs::read_to_string(&state).is_ok_and(|text| !text.contains(") Z "));
    assert!(alive());

    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually(Duration::from_secs(5), async || !alive()).await;
}
