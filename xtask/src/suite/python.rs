//! The wheel of the Python package, in an environment of its own, and its tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::junit;
use super::tally::Tally;
use crate::{cargo, workspace};

/// What may be called Python, the first choice first.
const NAMES: [&str; 6] = ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// Builds the wheel, installs it, and runs its tests; whether all passed, and what ran. Where there is no Python that it is for, or no way
/// to install what the tests need, they are skipped.
pub(crate) fn run() -> (bool, Tally) {
    run_with(&[])
}

/// The same with PyTorch, of the version that `bench peers` has.
pub(crate) fn run_with_torch() -> (bool, Tally) {
    let pinned = workspace::root().and_then(|root| {
        let path = root.join("bench/peers/requirements.txt");
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    });
    match pinned.map(|text| text.lines().find(|line| line.starts_with("torch==")).map(str::to_owned)) {
        Ok(Some(torch)) => run_with(&[&torch]),
        Ok(None) => failed("bench/peers/requirements.txt has no version of PyTorch"),
        Err(error) => failed(&error),
    }
}

/// The same with these requirements beside those of the tests.
fn run_with(more: &[&str]) -> (bool, Tally) {
    let skipped = |why: &str| {
        println!("skipped: the Python package: {why}");
        (true, Tally { skipped: 1, ..Tally::default() })
    };
    let (root, target) = match (workspace::root(), cargo::target()) {
        (Ok(root), Some(target)) => (root, target),
        (Err(error), _) => return failed(&error),
        (_, None) => return failed("cargo metadata does not say where builds go"),
    };
    let Some(python) = NAMES.into_iter().find(|name| is_new_enough(name)) else {
        return skipped("there is no Python from 3.10 on");
    };
    let package = root.join("crates/logscape-py");
    let environment = target.join("python");
    if !succeeds(Command::new(python).args(["-m", "venv", "--clear"]).arg(&environment)) {
        return skipped("no environment can be made");
    }
    let python = environment.join("bin/python");
    let pip = || {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip
    };
    if !succeeds(pip().arg("--requirement").arg(package.join("tests/requirements.txt")).args(more)) {
        return skipped("what the tests need cannot be installed");
    }
    let wheels = environment.join("wheels");
    // Of the profiles that of tests is built fastest.
    let build = ["-m", "maturin", "build", "--profile", "dev", "--locked", "--quiet", "--manifest-path"];
    if !succeeds(Command::new(&python).args(build).arg(package.join("Cargo.toml")).arg("--out").arg(&wheels)) {
        return failed("the wheel is not built");
    }
    let Some(wheel) = wheel(&wheels) else { return failed("there is no wheel") };
    if !succeeds(pip().arg(wheel)) {
        return failed("the wheel cannot be installed");
    }
    let report = environment.join("junit.xml");
    let mut tests = Command::new(&python);
    tests.current_dir(&environment).args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml"]).arg(&report);
    let sound = succeeds(tests.arg(package.join("tests")));
    match fs::read_to_string(&report).map(|text| junit::read(&text)) {
        Ok(Ok(tally)) => (sound, tally),
        _ => failed("pytest left no report"),
    }
}

fn is_new_enough(python: &str) -> bool {
    let mut command = Command::new(python);
    command
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The one wheel in a folder.
fn wheel(folder: &Path) -> Option<PathBuf> {
    let paths = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    paths.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

fn failed(why: &str) -> (bool, Tally) {
    eprintln!("xtask: the Python package: {why}");
    (false, Tally::default())
}

fn succeeds(command: &mut Command) -> bool {
    eprintln!("xtask: {command:?}");
    command.status().is_ok_and(|status| status.success())
}
