//! The tables of a record as Parquet files, one row type each.

mod classes;
mod columns;
mod density;
mod eigenvalues;
mod energy_paths;
mod escape_times;
mod noise;
mod path;
mod phase_diagram;
mod row;
mod scaling;
mod spectrum;
mod stationary;
mod table;
mod training;
mod trajectories;

pub use classes::ClassRow;
use classes::class_rows;
pub use columns::{Column, Values};
pub use density::{DensityRow, LanczosRow};
pub(crate) use density::{density_rows, lanczos_rows};
pub use eigenvalues::EigenvalueRow;
pub(crate) use eigenvalues::eigenvalue_rows;
pub use energy_paths::EnergyPathRow;
pub(crate) use energy_paths::energy_path_rows;
pub use escape_times::EscapeRow;
pub(crate) use escape_times::escape_rows;
pub use noise::{LeadingNoiseRow, NoiseRow};
use noise::{leading_noise_rows, noise_rows};
pub use path::PathRow;
pub(crate) use path::path_rows;
pub use phase_diagram::PhaseRow;
pub use scaling::ScalingRow;
use scaling::scaling_rows;
pub use spectrum::SpectrumRow;
use spectrum::spectrum_rows;
pub use stationary::StationaryRow;
pub(crate) use stationary::stationary_rows;
pub use table::Table;
pub(crate) use training::training_rows;
pub use training::{TrainingNoiseRow, TrainingRow};
pub use trajectories::TrajectoryRow;
pub(crate) use trajectories::trajectory_rows;

use logscape::Geometry;
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The tables: the name of each, which is that of its file, and its rows.
macro_rules! tables {
    ($($name:ident: $row:ident),+ $(,)?) => {
        /// All tables; one that a study does not ask for is empty.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Tables {
            $(
                #[doc = concat!("`", stringify!($name), "`, of [`", stringify!($row), "`].")]
                pub $name: Vec<$row>,
            )+
        }

        impl Tables {
            /// Adds the rows of another set of tables.
            pub fn extend(&mut self, other: Self) {
                $($row::extend(&mut self.$name, other.$name);)+
            }

            /// Writes every table that has rows into `folder`, as `NAME.parquet`.
            ///
            /// # Errors
            /// If the system or the format refuses.
            pub fn write(&self, folder: &Path) -> Result<(), ParquetError> {
                $(table::write(folder, stringify!($name), &self.$name[..])?;)+
                Ok(())
            }

            /// Reads the tables of a folder; a file that is not there is an empty table.
            ///
            /// # Errors
            /// If a file cannot be read as its table.
            pub fn read(folder: &Path) -> Result<Self, ParquetError> {
                Ok(Self { $($name: table::read(folder, stringify!($name))?,)+ })
            }

            /// Name, meaning and number of rows of each table in this folder.
            ///
            /// # Errors
            /// If a file cannot be read as a table.
            pub fn list_in(folder: &Path) -> Result<Vec<(&'static str, &'static str, usize)>, ParquetError> {
                let mut tables = Vec::new();
                $(if let Some(rows) = table::rows(folder, stringify!($name))? {
                    tables.push((stringify!($name), $row::MEANING, rows));
                })+
                Ok(tables)
            }

            /// The columns of a table in this folder, in their order; none where there is no such table.
            ///
            /// # Errors
            /// If the file cannot be read as a table.
            pub fn columns(folder: &Path, name: &str) -> Result<Option<Vec<Column>>, ParquetError> {
                let path = folder.join(format!("{name}.parquet"));
                let is_table = [$(stringify!($name)),+].contains(&name) && path.exists();
                is_table.then(|| columns::columns(&path)).transpose()
            }

            /// Name, meaning and number of rows of each table.
            pub fn list(&self) -> Vec<(&'static str, &'static str, usize)> {
                vec![$((stringify!($name), $row::MEANING, self.$name.len()),)+]
            }
        }
    };
}

tables! {
    training: TrainingRow,
    training_noise: TrainingNoiseRow,
    spectrum: SpectrumRow,
    eigenvalues: EigenvalueRow,
    density: DensityRow,
    lanczos: LanczosRow,
    noise: NoiseRow,
    leading_noise: LeadingNoiseRow,
    classes: ClassRow,
    scaling: ScalingRow,
    path: PathRow,
    energy_paths: EnergyPathRow,
    stationary: StationaryRow,
    escape_times: EscapeRow,
    phase_diagram: PhaseRow,
    trajectories: TrajectoryRow,
}

impl Tables {
    /// The tables of a geometry; the others are empty.
    pub fn of_geometry(geometry: &Geometry) -> Self {
        Self {
            spectrum: spectrum_rows(geometry),
            noise: noise_rows(geometry),
            leading_noise: leading_noise_rows(geometry),
            classes: class_rows(geometry),
            scaling: scaling_rows(geometry),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_kept_once_and_other_rows_add_up() {
        let one =
            || Tables { path: vec![PathRow::default()], scaling: vec![ScalingRow::default()], ..Tables::default() };
        let mut tables = one();
        tables.extend(one());
        assert_eq!((tables.path.len(), tables.scaling.len()), (1, 2));
    }

    #[test]
    fn every_table_has_a_file_of_its_name_when_it_has_rows() {
        let folder = std::env::temp_dir().join(format!("logscape-tables-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let tables = Tables {
            spectrum: vec![SpectrumRow { rank: 1, eigenvalue: 0.1, residual: 1e-12, outlier: true }],
            phase_diagram: vec![PhaseRow { batch_size: 3, quantity: "q".to_owned(), ..PhaseRow::default() }],
            trajectories: vec![
                TrajectoryRow { dynamics: "sgd".to_owned(), theta: vec![1.0, -0.5], ..TrajectoryRow::default() },
                TrajectoryRow {
                    dynamics: "sgd".to_owned(),
                    step: 7,
                    theta: vec![2.0, 0.1],
                    ..TrajectoryRow::default()
                },
            ],
            ..Tables::default()
        };
        tables.write(&folder).expect("written");
        for (name, meaning, rows) in tables.list() {
            assert_eq!(folder.join(format!("{name}.parquet")).exists(), rows > 0, "{name}");
            assert!(!meaning.is_empty());
        }
        let read = Tables::read(&folder).expect("read");
        std::fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(read, tables);
    }
}
