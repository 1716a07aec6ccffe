//! `cargo xtask bench peers`: our rates beside those of other libraries, on the same work, in turns.

mod process;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use process::{Process, Started};
use table::Row;

const PAIRS: usize = 5;
const THREADS: &str = "2";
const PRECISIONS: [&str; 2] = ["f32", "f64"];

/// Two means that differ by more than this many joint standard errors do not agree; equal ones do so about once in 10⁵.
const LIMIT: f64 = 4.5;

/// Our programs: what simulates, what multiplies with matrices of curvature, what takes gradients of single samples, what trains, and what is
/// only checked.
const SIMULATE: &str = "throughput";
const MULTIPLY: &str = "products";
const DIFFERENTIATE: &str = "gradients";
const TRAIN: &str = "training";
const AGREE: &str = "layers";
const PROGRAMS: [&str; 5] = [SIMULATE, MULTIPLY, DIFFERENTIATE, TRAIN, AGREE];

/// What bounds the rate of a work: the name of a measurement of `floors.py`, and how much of it one replica-step takes.
type Floor = (&'static str, f64);

struct Work {
    name: &'static str,
    /// Our program.
    ours: &'static str,
    floor: Option<Floor>,
    /// The first is what the others are checked against where we do not have the work.
    peers: &'static [&'static str],
}

/// `4 d B + 2 d` flops for linear regression with `d = 10`, `B = 10`; for the perceptron `10,112 B` with `B = 32`: six per
/// weight, less two for the first layer's, which hand no gradient to the inputs. A product with the Hessian takes twelve flops for each
/// weight and place where it is used, that with the Gauss–Newton matrix eight; four of the first layer's, whose inputs do not move. A step of
/// training takes six, four of the first layer's. A covariance of gradients is symmetric: half of the product of `P × N` numbers with
/// themselves.
const WORKS: [Work; 24] = [
    Work { name: "layers", ours: AGREE, floor: None, peers: &["jax_layers"] },
    Work { name: "linear", ours: SIMULATE, floor: Some(("gemm", 420.0)), peers: &["numba", "torch", "jax"] },
    Work { name: "perceptron", ours: SIMULATE, floor: Some(("gemm", 0.324e6)), peers: &["numpy", "torch", "jax"] },
    Work {
        name: "sde",
        ours: SIMULATE,
        floor: Some(("normals", 1.0)),
        peers: &["numba_loop", "numba", "torch", "jax", "diffrax", "torchsde"],
    },
    Work {
        name: "log-landscape",
        ours: SIMULATE,
        floor: Some(("normals", 1.0)),
        peers: &["numba_loop", "numba", "jax"],
    },
    Work { name: "sinusoid-1", ours: SIMULATE, floor: None, peers: &["numba_loop", "numba"] },
    Work { name: "sinusoid-8", ours: SIMULATE, floor: None, peers: &["numba_loop", "numba"] },
    Work { name: "phase-retrieval-1", ours: SIMULATE, floor: None, peers: &["numba_loop", "numba"] },
    Work { name: "phase-retrieval-8", ours: SIMULATE, floor: None, peers: &["numba_loop", "numba"] },
    Work { name: "double-well", ours: SIMULATE, floor: None, peers: &["pytams"] },
    Work { name: "hessian", ours: MULTIPLY, floor: Some(("gemm", 4.46e9)), peers: &["jax_products"] },
    Work { name: "hessian-8", ours: MULTIPLY, floor: Some(("gemm", 4.46e9)), peers: &["jax_products"] },
    Work { name: "hessian-full", ours: MULTIPLY, floor: Some(("gemm", 4.46e9)), peers: &["jax_products"] },
    Work { name: "hessian-full-8", ours: MULTIPLY, floor: Some(("gemm", 4.46e9)), peers: &["jax_products"] },
    Work { name: "eigenpairs", ours: MULTIPLY, floor: None, peers: &["jax_products"] },
    Work { name: "eigenpairs-full", ours: MULTIPLY, floor: None, peers: &["jax_products"] },
    Work { name: "density", ours: MULTIPLY, floor: None, peers: &["pyhessian"] },
    Work { name: "gauss-newton", ours: MULTIPLY, floor: Some(("gemm", 4.02e9)), peers: &["jax_products"] },
    Work { name: "hessian-cnn", ours: MULTIPLY, floor: Some(("gemm", 55.5e9)), peers: &["jax_products"] },
    Work { name: "hessian-cnn-8", ours: MULTIPLY, floor: Some(("gemm", 55.5e9)), peers: &["jax_products"] },
    Work { name: "gradient", ours: DIFFERENTIATE, floor: None, peers: &["jax_gradients"] },
    Work {
        name: "covariance",
        ours: DIFFERENTIATE,
        floor: Some(("gemm", 10.4e9)),
        peers: &["jax_gradients", "backpack"],
    },
    Work { name: "sample-norms", ours: DIFFERENTIATE, floor: None, peers: &["jax_gradients", "jax_norms", "backpack"] },
    Work { name: "training-cnn", ours: TRAIN, floor: Some(("gemm", 0.912e9)), peers: &["jax_training"] },
];

/// Runs the comparison; false when a check or a peer failed, or the arguments make no sense.
pub(crate) fn run(arguments: &[&str]) -> bool {
    match Options::parse(arguments).and_then(|options| compare(&options)) {
        Ok(sound) => sound,
        Err(error) => {
            eprintln!("xtask: {error}");
            false
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    json: Option<PathBuf>,
    /// Every work where empty.
    works: Vec<String>,
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(&flag) = arguments.next() {
            let value = *arguments.next().ok_or_else(|| format!("`{flag}` needs a value"))?;
            match flag {
                "--json" => options.json = Some(value.into()),
                "--work" if WORKS.iter().any(|work| work.name == value) => options.works.push(value.into()),
                "--work" => {
                    let names: Vec<_> = WORKS.iter().map(|work| work.name).collect();
                    return Err(format!("no work `{value}`; there are {}", names.join(", ")).into());
                }
                _ => return Err(format!("no option `{flag}`").into()),
            }
        }
        Ok(options)
    }

    fn wants(&self, work: &Work) -> bool {
        self.works.is_empty() || self.works.iter().any(|name| name == work.name)
    }
}

fn compare(options: &Options) -> Result<bool, Box<dyn Error>> {
    let bench = Bench::prepare()?;
    let mut rows = Vec::new();
    let mut sound = true;
    for work in WORKS.iter().filter(|work| options.wants(work)) {
        for precision in PRECISIONS {
            sound &= bench.compare(work, precision, &mut rows)?;
        }
    }
    print!("{}", table::text(&rows));
    if let Some(file) = &options.json {
        fs::write(file, table::json(&rows)).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(sound && rows.iter().all(|row| row.agrees != Some(false)))
}

/// Where both sides live.
struct Bench {
    scripts: PathBuf,
    python: PathBuf,
    /// The folder of our programs.
    ours: PathBuf,
    data: PathBuf,
}

impl Bench {
    /// Installs the peers, builds our side, and exports the data.
    fn prepare() -> Result<Self, Box<dyn Error>> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/peers").canonicalize()?;
        let executable = env::current_exe()?;
        let target = executable.ancestors().nth(2).ok_or("xtask does not run from a target folder")?;
        let environment = target.join("peers-venv");
        install(&scripts.join("requirements.txt"), &environment)?;
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let arguments = ["build", "--release", "--package", "logscape-bench", "--locked"];
        let programs = PROGRAMS.iter().flat_map(|program| ["--bin", program]);
        succeed(Command::new(cargo).args(arguments).args(programs).arg("--target-dir").arg(target))?;
        let (ours, data) = (target.join("release"), target.join("peers-data"));
        for program in PROGRAMS {
            succeed(Command::new(ours.join(program)).arg("export").arg(&data))?;
        }
        Ok(Self { scripts, python: environment.join("bin/python"), ours, data })
    }

    /// Adds the rows of one work; false when a peer did not answer.
    fn compare(&self, work: &Work, precision: &str, rows: &mut Vec<Row>) -> Result<bool, Box<dyn Error>> {
        let mut ours =
            match Process::start(settled(&mut Command::new(self.ours.join(work.ours))).args([work.name, precision]))? {
                Started::Ready(process) => Some(process),
                Started::Unsupported => None,
            };
        let mut reference = ours.as_mut().map(Process::check).transpose()?;
        let mut floor = match work.floor {
            None => None,
            Some((kind, amount)) => match self.script("floors", kind, precision)? {
                Started::Ready(process) => Some((process, amount)),
                Started::Unsupported => None,
            },
        };
        let mut all_answered = true;
        for peer in work.peers {
            eprintln!("xtask: {} {precision}: {peer}", work.name);
            match self.row(work, precision, peer, ours.as_mut(), floor.as_mut(), &mut reference) {
                Ok(row) => rows.extend(row),
                Err(error) => {
                    eprintln!("xtask: {peer} failed at {} {precision}: {error}", work.name);
                    all_answered = false;
                }
            }
        }
        Ok(all_answered)
    }

    /// Checks and times one peer; none where it does not have the work.
    fn row(
        &self,
        work: &Work,
        precision: &str,
        peer: &'static str,
        mut ours: Option<&mut Process>,
        mut floor: Option<&mut (Process, f64)>,
        reference: &mut Option<Vec<(f64, f64)>>,
    ) -> io::Result<Option<Row>> {
        let Started::Ready(mut process) = self.script(&format!("{peer}_peer"), work.name, precision)? else {
            return Ok(None);
        };
        let observed = process.check()?;
        let agrees = reference.as_ref().map(|reference| agree(reference, &observed));
        reference.get_or_insert(observed);
        let mut row = Row::new(work.name, precision, peer, agrees);
        let pairs = if work.ours == AGREE { 0 } else { PAIRS };
        for _ in 0..pairs {
            let our_rate = ours.as_mut().map(|ours| ours.run()).transpose()?;
            let bound = match &mut floor {
                Some((floor, amount)) => Some(floor.run()? / *amount),
                None => None,
            };
            row.add(our_rate, process.run()?, bound);
        }
        Ok(Some(row))
    }

    fn script(&self, script: &str, work: &str, precision: &str) -> io::Result<Started> {
        let file = self.scripts.join(script).with_extension("py");
        let mut command = Command::new(&self.python);
        Process::start(settled(&mut command).arg(file).args([work, precision]).arg(&self.data))
    }
}

/// Whether all means agree within their joint error.
fn agree(left: &[(f64, f64)], right: &[(f64, f64)]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|((a, e), (b, f))| (a - b).abs() <= LIMIT * e.hypot(*f))
}

/// Two threads for everyone, which sleep while they wait: on a machine with other load, a thread that spins holds up the
/// one it waits for. Kernels chosen by hand for older libraries are slower than what the processor has.
fn settled(command: &mut Command) -> &mut Command {
    for variable in
        ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"]
    {
        command.env(variable, THREADS);
    }
    command.env("OMP_WAIT_POLICY", "passive").env_remove("OPENBLAS_CORETYPE").env_remove("OPENBLAS_L2_SIZE")
}

/// Makes the virtual environment, unless it was made from the same requirements.
fn install(requirements: &Path, environment: &Path) -> Result<(), Box<dyn Error>> {
    let wanted = fs::read_to_string(requirements)?;
    let stamp = environment.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(environment))?;
    let python = environment.join("bin/python");
    succeed(Command::new(python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    Ok(fs::write(stamp, wanted)?)
}

fn succeed(command: &mut Command) -> Result<(), Box<dyn Error>> {
    eprintln!("xtask: {command:?}");
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_agree_within_their_joint_error() {
        let (left, near, far) = ([(1.0, 0.03), (2.0, 0.04)], [(1.1, 0.04), (1.9, 0.03)], [(1.0, 0.03), (2.3, 0.03)]);
        assert!(agree(&left, &near));
        assert!(!agree(&left, &far));
        assert!(!agree(&left, &near[..1]), "a missing observable is not an agreement");
        assert!(!agree(&left, &[(f64::NAN, 0.1), (2.0, 0.1)]));
    }

    #[test]
    fn options_are_read_and_unknown_works_named() {
        let options = Options::parse(&["--json", "a.json", "--work", "sde", "--work", "linear"]).expect("valid");
        assert_eq!(options.json.as_deref(), Some(Path::new("a.json")));
        assert_eq!(options.works, ["sde", "linear"]);
        assert!(Options::parse(&["--work", "sdf"]).is_err_and(|error| error.to_string().contains("log-landscape")));
        assert!(Options::parse(&["--json"]).is_err());
    }
}
