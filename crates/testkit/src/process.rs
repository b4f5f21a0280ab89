//! Child processes that die with us, however we die.
//!
//! A child is started through util-linux `setpriv --pdeathsig`, so that the kernel signals it the
//! moment its parent is gone, even by SIGKILL. The kernel ties that to the parent *thread*; test
//! and runtime threads come and go, so every child is forked by one thread that never ends.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// How often a wait looks whether the child has ended.
const WAIT_INTERVAL: Duration = Duration::from_millis(10);

/// How often and how long a start looks whether the child is bound to us.
const BOND_INTERVAL: Duration = Duration::from_micros(200);
const BOND_LIMIT: Duration = Duration::from_secs(1);

/// A program to start: what to run, as whom, where its output goes and how it dies with us.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    inherits_environment: bool,
    directory: Option<PathBuf>,
    user: Option<User>,
    output: Destination,
    death_signal: Signal,
}

/// An account of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User number.
    pub uid: u32,
    /// Number of its primary group.
    pub gid: u32,
}

#[derive(Debug)]
enum Destination {
    Inherited,
    Discarded,
    Log(PathBuf),
}

impl Program {
    /// A program by path, or by a name looked up in `PATH`. Unless told otherwise it inherits our
    /// environment, runs as us, writes to our output and is killed when we die.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            inherits_environment: true,
            directory: None,
            user: None,
            output: Destination::Inherited,
            death_signal: Signal::KILL,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        for (name, value) in variables {
            self = self.env(name, value);
        }
        self
    }

    /// Starts the program with the variables given here and `PATH` only, so that what it reads
    /// does not depend on the shell that started us.
    #[must_use]
    pub fn clear_environment(mut self) -> Self {
        self.inherits_environment = false;
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Runs the program as another user; only root can.
    #[must_use]
    pub fn as_user(mut self, user: Option<User>) -> Self {
        self.user = user;
        self
    }

    /// Appends standard output and error to a file.
    #[must_use]
    pub fn log_to(mut self, file: impl Into<PathBuf>) -> Self {
        self.output = Destination::Log(file.into());
        self
    }

    /// Throws standard output and error away.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.output = Destination::Discarded;
        self
    }

    /// The signal the kernel sends when we die: SIGKILL unless set. Programs with children of
    /// their own want one that makes them clean up.
    #[must_use]
    pub fn dies_by(mut self, signal: Signal) -> Self {
        self.death_signal = signal;
        self
    }

    /// Starts the program.
    pub fn spawn(&self) -> io::Result<Guarded> {
        let mut command = self.command();
        let (out, err) = match &self.output {
            Destination::Inherited => (Stdio::inherit(), Stdio::inherit()),
            Destination::Discarded => (Stdio::null(), Stdio::null()),
            Destination::Log(path) => {
                let file = File::options().create(true).append(true).open(path)?;
                (Stdio::from(file.try_clone()?), Stdio::from(file))
            }
        };
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        // A group of its own: Ctrl-C in a terminal reaches us alone, and we stop it in order.
        command.process_group(0);
        let child = spawn_from_keeper(command).map_err(|error| self.name_in(&error))?;
        Ok(Guarded {
            pid: child.id(),
            child: Mutex::new(child),
        })
    }

    /// Runs the program to its end and returns what it wrote to both outputs together with its
    /// status. The program still dies with us.
    pub fn run(&self) -> io::Result<(ExitStatus, String)> {
        let output = self.output()?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status, text))
    }

    /// Runs the program to its end and returns its status and what it wrote to each output.
    pub fn output(&self) -> io::Result<Output> {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.process_group(0);
        let child = spawn_from_keeper(command).map_err(|error| self.name_in(&error))?;
        child.wait_with_output()
    }

    /// As [`Program::run`], without blocking the runtime.
    pub async fn run_to_end(self) -> io::Result<(ExitStatus, String)> {
        let running = tokio::task::spawn_blocking(move || self.run());
        running.await.map_err(io::Error::other)?
    }

    /// As [`Program::output`], without blocking the runtime.
    pub async fn output_to_end(self) -> io::Result<Output> {
        let running = tokio::task::spawn_blocking(move || self.output());
        running.await.map_err(io::Error::other)?
    }

    fn name_in(&self, error: &io::Error) -> io::Error {
        io::Error::new(
            error.kind(),
            format!("start {}: {error}", self.path.display()),
        )
    }

    fn command(&self) -> Command {
        let mut command = if let Some(setpriv) = setpriv() {
            let mut command = Command::new(setpriv);
            if let Some(user) = &self.user {
                command.arg(format!("--reuid={}", user.uid));
                command.arg(format!("--regid={}", user.gid));
                command.arg("--clear-groups");
            }
            command.arg("--pdeathsig");
            command.arg(signal_name(self.death_signal));
            command.arg("--").arg(&self.path);
            command
        } else {
            let mut command = Command::new(&self.path);
            if let Some(user) = &self.user {
                command.uid(user.uid).gid(user.gid);
            }
            command
        };
        command.args(&self.arguments);
        if !self.inherits_environment {
            command.env_clear();
            command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}

/// A running child. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Guarded {
    pid: u32,
    child: Mutex<Child>,
}

impl Guarded {
    /// The process number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal. A child that has already ended is not an error.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let mut child = self.child();
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        // Not yet waited for, so the number cannot belong to another process.
        send(self.pid, signal)
    }

    /// Asks the child to end (SIGTERM).
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Kills the child (SIGKILL) and waits until it is gone.
    pub fn kill(&self) -> io::Result<()> {
        let mut child = self.child();
        child.kill()?;
        child.wait().map(drop)
    }

    /// Freezes the child (SIGSTOP).
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen child go on (SIGCONT).
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// The exit status if the child has ended.
    pub fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        self.child().try_wait()
    }

    /// Whether the child still runs.
    pub fn is_running(&self) -> bool {
        matches!(self.try_wait(), Ok(None))
    }

    /// Waits for the end of the child, at most `limit`.
    pub async fn wait(&self, limit: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                let message = format!("process {} still runs after {limit:?}", self.pid);
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            tokio::time::sleep(WAIT_INTERVAL).await;
        }
    }

    /// Asks the child to end, and kills it when it has not after `limit`. Returns its status.
    pub async fn stop(&self, limit: Duration) -> io::Result<ExitStatus> {
        self.terminate()?;
        if let Ok(status) = self.wait(limit).await {
            return Ok(status);
        }
        self.kill()?;
        Ok(self.try_wait()?.unwrap_or(ExitStatus::from_raw(9)))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // An error here means that it is gone already, which is what is wanted.
        let _ = self.kill();
    }
}

/// Sends a signal to a process by number.
pub(crate) fn send(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("not a process number"))?;
    kill_process(pid, signal).map_err(io::Error::from)
}

/// Whether we run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Looks an account up in `/etc/passwd`.
pub fn user(name: &str) -> Option<User> {
    parse_user(&std::fs::read_to_string("/etc/passwd").ok()?, name)
}

fn parse_user(accounts: &str, name: &str) -> Option<User> {
    let fields: Vec<&str> = accounts
        .lines()
        .map(|line| line.split(':').collect())
        .find(|f: &Vec<&str>| f[0] == name)?;
    let number = |index: usize| fields.get(index)?.parse().ok();
    Some(User {
        name: name.to_owned(),
        uid: number(2)?,
        gid: number(3)?,
    })
}

/// Finds a program in `PATH` or in one of `places`.
pub fn find(name: &str, places: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let directories = places.iter().chain(&listed);
    directories
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

fn setpriv() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| find("setpriv", &["/usr/bin".into(), "/bin".into()]))
        .as_deref()
}

fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "INT",
        Signal::TERM => "TERM",
        Signal::QUIT => "QUIT",
        _ => "KILL",
    }
}

struct Order {
    command: Command,
    reply: mpsc::Sender<io::Result<Child>>,
}

/// Forks from the thread that never ends; see the module's text.
fn spawn_from_keeper(command: Command) -> io::Result<Child> {
    static KEEPER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for mut order in inbox {
                let child = order.command.spawn();
                if let Ok(child) = &child {
                    await_bond(child.id());
                }
                // The asker may have given up; its child then dies with us all the same.
                let _ = order.reply.send(child);
            }
        });
        orders
    });
    let (reply, answer) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts children is gone");
    keeper
        .send(Order { command, reply })
        .map_err(|_| gone(mpsc::RecvError))?;
    answer.recv().map_err(gone)?
}

/// Waits until the child has become `setpriv`, and that the program: before that it is not yet bound
/// to us. The kernel lets us go on shortly before a child gives up the name of the thread that forked
/// it, which must be the one that asks.
fn await_bond(pid: u32) {
    let name = format!("/proc/{pid}/comm");
    let ours = fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
    let unbound =
        || fs::read_to_string(&name).is_ok_and(|name| name == ours || name.trim_end() == "setpriv");
    let deadline = Instant::now() + BOND_LIMIT;
    while unbound() && Instant::now() < deadline {
        std::thread::sleep(BOND_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_runs_pauses_and_ends_when_asked() {
        let child = Program::new("sleep").arg("60").spawn().unwrap();
        assert!(child.is_running());
        child.pause().unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
        crate::eventually(Duration::from_secs(5), async || {
            state().contains(" T ").then_some(()).ok_or("not stopped")
        })
        .await;
        child.resume().unwrap();
        let status = child.stop(Duration::from_secs(5)).await.unwrap();
        assert_eq!(status.signal(), Some(15));
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let child = Program::new("sleep").arg("60").spawn().unwrap();
        let pid = child.pid();
        drop(child);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Program::new("/no/such/program").run();
        let named = match error {
            Ok((status, text)) => !status.success() && text.contains("/no/such/program"),
            Err(error) => error.to_string().contains("/no/such/program"),
        };
        assert!(named);
    }

    #[test]
    fn accounts_are_read_from_the_password_file() {
        let file = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:x:/var:/bin/bash\n";
        let user = parse_user(file, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        assert_eq!(parse_user(file, "post"), None);
    }
}
