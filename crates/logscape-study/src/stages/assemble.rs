//! From what is known of the minimum and what was found in settings to results and tables.

use super::Known;
use super::phase::phase_diagram;
use super::setting::Surveyed;
use crate::asked::Study;
use crate::record::{
    CurvatureRecord, DataColumns, GeometryRecord, MinimumRecord, Results, SaddlesRecord, SettingRecord,
    StudyVerdictRecord, Tables, TrainingRecord, UnstandardisedRecord, density_rows, eigenvalue_rows, energy_path_rows,
    lanczos_rows, path_rows, training_rows,
};
use logscape::verdict::compare;
use logscape::{Barrier, SgdSettings, Verdict};

/// Results and tables of a study on data with these columns, of which these settings, in the order of its grid, are finished.
pub(super) fn assemble(
    study: &Study,
    columns: &DataColumns,
    known: &Known,
    surveyed: Vec<Surveyed>,
) -> (Results, Tables) {
    let (minimum, geometry) = (&known.minimum.value, &known.geometry.value);
    let mut tables = Tables::of_geometry(geometry);
    tables.eigenvalues = eigenvalue_rows(&known.curvature);
    tables.density = density_rows(&known.curvature);
    tables.lanczos = lanczos_rows(&known.curvature);
    if let Some(Barrier::Saddles { ways_out, .. }) = known.saddles.as_ref().map(|found| &found.value.barrier) {
        tables.energy_paths = energy_path_rows(ways_out);
    }
    if let Some(Barrier::Saddles { path: Some(path), .. } | Barrier::Interval { path, .. }) =
        known.barrier.as_ref().map(|barrier| &barrier.value)
    {
        tables.path = path_rows(path);
    }
    let training = known.training.as_ref().map(|training| &training.value);
    if let Some(training) = training {
        (tables.training, tables.training_noise) = training_rows(training);
    }
    let (mut settings, mut judged) = (Vec::with_capacity(surveyed.len()), Vec::new());
    for Surveyed { record, predictions, tables: more } in surveyed {
        if let (Some(predictions), Some(escape)) = (predictions, &record.escape) {
            judged.push((record.sgd, Verdict::new(&predictions.value, escape.measured.judged())));
        }
        settings.push(record);
        tables.extend(more);
    }
    let verdict = judge(&mut settings, &mut judged);
    tables.phase_diagram = phase_diagram(study, known, &settings);
    let saddles = known.saddles.as_ref().map(|found| &found.value);
    let mut minimum_record = MinimumRecord::new(minimum, geometry);
    minimum_record.unstandardised =
        minimum_record.theta.as_ref().and_then(|theta| unstandardised(study, columns, theta));
    let results = Results {
        study: study.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        training: training.zip(study.minimum.train.as_ref()).and_then(|(training, table)| {
            TrainingRecord::new(training, &table.config(geometry.samples, study.seed), geometry.samples)
        }),
        minimum: minimum_record,
        geometry: GeometryRecord::from(geometry),
        curvature: known.curvature.iter().map(CurvatureRecord::from).collect(),
        saddles: saddles.map(|found| SaddlesRecord::new(minimum, &found.search, &found.barrier)),
        settings,
        verdict,
    };
    (results, tables)
}

/// The parameters for inputs as they were before they were standardised, if they were.
fn unstandardised(study: &Study, columns: &DataColumns, theta: &[f64]) -> Option<UnstandardisedRecord> {
    let table = study.problem.as_ref().filter(|_| !columns.standardised.is_empty())?;
    table.known()?.unstandardised(&table.options, theta, &columns.standardised).map(Into::into)
}

/// Compares the settings' verdicts, and puts what comes of it in their records.
fn judge(settings: &mut [SettingRecord], judged: &mut [(SgdSettings, Verdict)]) -> Option<StudyVerdictRecord> {
    let study = compare(judged);
    let escapes = settings.iter_mut().filter_map(|setting| setting.escape.as_mut());
    escapes.zip(&*judged).for_each(|(escape, (_, verdict))| escape.verdict = verdict.into());
    (!judged.is_empty()).then(|| (&study).into())
}
