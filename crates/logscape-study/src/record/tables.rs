//! The tables of a record as Parquet files: one row type per table.

use super::trajectories::{self, TrajectoryRow};
use logscape::ensemble::Termination;
use logscape::stats::Histogram;
use logscape::{Geometry, Path, SgdSettings, WayOut};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::{RecordReader, RecordWriter};
use parquet_derive::{ParquetRecordReader, ParquetRecordWriter};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::Path as FilePath;
use std::sync::Arc;

/// One Hessian eigenvalue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct SpectrumRow {
    /// 1 for the largest.
    pub rank: u64,
    /// Eigenvalue of the Hessian.
    pub eigenvalue: f64,
    /// Residual norm `‖Hv − λv‖`.
    pub residual: f64,
    /// Whether it is an outlier.
    pub outlier: bool,
}

/// Curvature and noise along one leading direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct NoiseRow {
    /// 1 for the sharpest direction.
    pub rank: u64,
    /// Curvature `h`.
    pub curvature: f64,
    /// One-sample noise `vᵀCv`.
    pub noise: f64,
    /// Lower end of its 95 % interval.
    pub noise_low: f64,
    /// Upper end.
    pub noise_high: f64,
    /// Whether the direction is an outlier.
    pub outlier: bool,
    /// `vᵀCv/(2 L* h)`.
    pub ratio: f64,
    /// Lower end of its 95 % interval.
    pub ratio_low: f64,
    /// Upper end.
    pub ratio_high: f64,
}

/// One displaced point of the scaling test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct ScalingRow {
    /// Loss `L`.
    pub loss: f64,
    /// `tr C`.
    pub noise_trace: f64,
}

/// One node of a path through the minimum.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct PathRow {
    /// Arc length.
    pub position: f64,
    /// Loss.
    pub loss: f64,
    /// Slope of the loss.
    pub gradient: f64,
    /// Its curvature.
    pub curvature: f64,
    /// One-sample noise along the path.
    pub noise: f64,
}

/// One node of a minimum-energy path over a saddle, from the minimum to the one beyond.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct EnergyPathRow {
    /// Saddle, in the order of `results.json`, from 0.
    pub saddle: u64,
    /// Arc length from the minimum.
    pub position: f64,
    /// Loss.
    pub loss: f64,
    /// Slope of the loss along the path.
    pub gradient: f64,
    /// Its curvature along the path's tangent.
    pub curvature: f64,
    /// One-sample noise along the path's tangent.
    pub noise: f64,
}

/// The end of one replica.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct EscapeRow {
    /// Setting, in the order of `results.json`, from 0.
    pub setting: u64,
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: u64,
    /// `sgd`, or the name of the dynamics.
    pub dynamics: String,
    /// Replica, from 0.
    pub replica: u64,
    /// Steps taken, of the dynamics' own.
    pub steps: u64,
    /// Time `t`.
    pub time: f64,
    /// `escaped`, `censored` or `diverged`.
    pub end: String,
}

/// One bin of a stationary histogram, summed over all groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct StationaryRow {
    /// Setting, in the order of `results.json`, from 0.
    pub setting: u64,
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: u64,
    /// `sgd`, or the name of the dynamics.
    pub dynamics: String,
    /// `excess_loss` (`L − L*`), or `displacement_K` along the `K`-th outlier direction, from 1.
    pub quantity: String,
    /// Lower edge.
    pub lower: f64,
    /// Upper edge.
    pub upper: f64,
    /// Samples in the bin.
    pub count: u64,
    /// Samples of this quantity in all, those outside of all bins included.
    pub total: u64,
}

/// A number of theory at one point of the plane of learning rates and batch sizes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter, ParquetRecordReader)]
pub struct PhaseRow {
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: u64,
    /// `log10_mean_steps` to the region's event, `critical_dimension_measured` or `mean_square_growth`.
    pub quantity: String,
    /// The theory behind the mean steps; empty for the others.
    pub theory: String,
    /// Its value; points without one have no row.
    pub value: f64,
}

/// All tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tables {
    /// `spectrum`.
    pub spectrum: Vec<SpectrumRow>,
    /// `noise`.
    pub noise: Vec<NoiseRow>,
    /// `scaling`.
    pub scaling: Vec<ScalingRow>,
    /// `path`; empty in more than one dimension.
    pub path: Vec<PathRow>,
    /// `energy_paths`; empty in one dimension.
    #[serde(default)]
    pub energy_paths: Vec<EnergyPathRow>,
    /// `escape_times`.
    pub escape_times: Vec<EscapeRow>,
    /// `stationary`.
    pub stationary: Vec<StationaryRow>,
    /// `phase_diagram`; empty without a grid in learning rate and batch size.
    #[serde(default)]
    pub phase_diagram: Vec<PhaseRow>,
    /// `trajectories`.
    pub trajectories: Vec<TrajectoryRow>,
}

impl Tables {
    /// The tables of a geometry; the others are empty.
    pub fn of_geometry(geometry: &Geometry) -> Self {
        let spectrum = geometry.eigenvalues.iter().zip(&geometry.residuals).zip(1..);
        let noise = geometry.directions.iter().zip(1..);
        Self {
            spectrum: spectrum
                .map(|((&eigenvalue, &residual), rank)| SpectrumRow {
                    rank,
                    eigenvalue,
                    residual,
                    outlier: rank as usize <= geometry.outliers.count,
                })
                .collect(),
            noise: noise
                .map(|(direction, rank)| NoiseRow {
                    rank,
                    curvature: direction.curvature,
                    noise: direction.noise.value,
                    outlier: rank as usize <= geometry.outliers.count,
                    noise_low: direction.noise.ci95[0],
                    noise_high: direction.noise.ci95[1],
                    ratio: direction.ratio.value,
                    ratio_low: direction.ratio.ci95[0],
                    ratio_high: direction.ratio.ci95[1],
                })
                .collect(),
            scaling: geometry
                .decoupling
                .scaling_points
                .iter()
                .map(|&(loss, noise_trace)| ScalingRow { loss, noise_trace })
                .collect(),
            ..Self::default()
        }
    }

    /// Adds the rows of another set of tables.
    pub fn extend(&mut self, other: Self) {
        self.spectrum.extend(other.spectrum);
        self.noise.extend(other.noise);
        self.scaling.extend(other.scaling);
        // Every setting of a study walks the same path.
        if self.path.is_empty() {
            self.path = other.path;
        }
        self.energy_paths.extend(other.energy_paths);
        self.escape_times.extend(other.escape_times);
        self.stationary.extend(other.stationary);
        self.phase_diagram.extend(other.phase_diagram);
        self.trajectories.extend(other.trajectories);
    }

    /// Writes every table that has rows into `folder`, as `NAME.parquet`.
    ///
    /// # Errors
    /// If the system or the format refuses.
    pub fn write(&self, folder: &FilePath) -> Result<(), ParquetError> {
        write(folder, "spectrum", &self.spectrum[..])?;
        write(folder, "noise", &self.noise[..])?;
        write(folder, "scaling", &self.scaling[..])?;
        write(folder, "path", &self.path[..])?;
        write(folder, "energy_paths", &self.energy_paths[..])?;
        write(folder, "escape_times", &self.escape_times[..])?;
        write(folder, "stationary", &self.stationary[..])?;
        write(folder, "phase_diagram", &self.phase_diagram[..])?;
        trajectories::write(folder, &self.trajectories)
    }

    /// Reads the tables of a folder; a file that is not there is an empty table.
    ///
    /// # Errors
    /// If a file cannot be read as its table.
    pub fn read(folder: &FilePath) -> Result<Self, ParquetError> {
        Ok(Self {
            spectrum: read(folder, "spectrum")?,
            noise: read(folder, "noise")?,
            scaling: read(folder, "scaling")?,
            path: read(folder, "path")?,
            energy_paths: read(folder, "energy_paths")?,
            escape_times: read(folder, "escape_times")?,
            stationary: read(folder, "stationary")?,
            phase_diagram: read(folder, "phase_diagram")?,
            trajectories: trajectories::read(folder)?,
        })
    }
}

/// The rows of a path.
pub(crate) fn path_rows(path: &Path) -> Vec<PathRow> {
    (0..path.position.len())
        .map(|k| PathRow {
            position: path.position[k],
            loss: path.loss[k],
            gradient: path.gradient[k],
            curvature: path.curvature[k],
            noise: path.noise[k],
        })
        .collect()
}

/// The rows of the paths over the saddles.
pub(crate) fn energy_path_rows(ways_out: &[WayOut]) -> Vec<EnergyPathRow> {
    let paths = ways_out.iter().zip(0..).filter_map(|(way, saddle)| Some((way.path.as_ref()?, saddle)));
    let rows = paths.flat_map(|(path, saddle)| path_rows(path).into_iter().map(move |row| (row, saddle)));
    rows.map(|(PathRow { position, loss, gradient, curvature, noise }, saddle)| EnergyPathRow {
        saddle,
        position,
        loss,
        gradient,
        curvature,
        noise,
    })
    .collect()
}
/// Setting, SGD's numbers in it, and the dynamics.
pub(crate) type Place<'a> = (usize, &'a SgdSettings, &'a str);

/// The rows of an escape ensemble.
pub(crate) fn escape_rows((setting, sgd, dynamics): Place, ends: &[Termination]) -> Vec<EscapeRow> {
    ends.iter()
        .zip(0..)
        .map(|(end, replica)| {
            let (end, steps, time) = match *end {
                Termination::Escaped { steps, time } => ("escaped", steps, time),
                Termination::Censored { steps, time } => ("censored", steps, time),
                Termination::Diverged { steps, time } => ("diverged", steps, time),
            };
            EscapeRow {
                setting: setting as u64,
                learning_rate: sgd.learning_rate,
                batch_size: sgd.batch_size as u64,
                dynamics: dynamics.to_owned(),
                replica,
                steps,
                time,
                end: end.to_owned(),
            }
        })
        .collect()
}

/// The rows of one stationary histogram.
pub(crate) fn stationary_rows(
    (setting, sgd, dynamics): Place,
    quantity: &str,
    histogram: &Histogram,
) -> Vec<StationaryRow> {
    let counts = histogram.counts();
    (0..counts.len())
        .map(|bin| StationaryRow {
            setting: setting as u64,
            learning_rate: sgd.learning_rate,
            batch_size: sgd.batch_size as u64,
            dynamics: dynamics.to_owned(),
            quantity: quantity.to_owned(),
            lower: histogram.edge(bin),
            upper: histogram.edge(bin + 1),
            count: counts[bin],
            total: histogram.total(),
        })
        .collect()
}

/// How every table is written.
pub(super) fn properties() -> Arc<WriterProperties> {
    Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build())
}

fn write<T>(folder: &FilePath, name: &str, rows: &[T]) -> Result<(), ParquetError>
where
    for<'a> &'a [T]: RecordWriter<T>,
{
    if rows.is_empty() {
        return Ok(());
    }
    let file = File::create(folder.join(format!("{name}.parquet")))?;
    let mut writer = SerializedFileWriter::new(file, rows.schema()?, properties())?;
    let mut group = writer.next_row_group()?;
    rows.write_to_row_group(&mut group)?;
    group.close()?;
    writer.into_inner()?.sync_all()?;
    Ok(())
}

fn read<T>(folder: &FilePath, name: &str) -> Result<Vec<T>, ParquetError>
where
    Vec<T>: RecordReader<T>,
{
    let path = folder.join(format!("{name}.parquet"));
    if !path.exists() {
        return Ok(Vec::new());
    }
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let mut rows = Vec::new();
    for k in 0..reader.num_row_groups() {
        let mut group = reader.get_row_group(k)?;
        let count = group.metadata().num_rows() as usize;
        let mut part = Vec::new();
        part.read_from_row_group(&mut *group, count)?;
        rows.append(&mut part);
    }
    Ok(rows)
}
