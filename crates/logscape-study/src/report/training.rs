//! The training, in words.

use super::words::interval;
use crate::figures::number;
use crate::record::{Record, TrainingRecord};
use crate::text::count;

/// What the training was and came to; none where the study asks for none.
pub(super) fn training(record: &Record) -> Option<Vec<String>> {
    let (training, table) = (record.results.training.as_ref()?, record.study.minimum.train.as_ref()?);
    let (steps, epochs) = (count(training.steps, "step"), number(training.epochs));
    let mut lines = vec![format!(
        "{steps} of {} ({epochs} epochs) with learning rate {} and batch size {}. The batches of the last window of steps have the mean \
         loss {}.",
        training.optimiser,
        number(table.learning_rate),
        table.batch_size,
        number(training.final_batch_loss)
    )];
    if table.weight_decay.map_or(training.optimiser == "adamw", |decay| decay > 0.0) {
        let after = if record.study.minimum.search {
            "the search after it is on the loss alone, and leaves where the training ended"
        } else {
            "it ends where the loss alone has a gradient"
        };
        lines.push(format!("Its weight decay is no part of the loss: {after}."));
    }
    lines.extend(exponents(training));
    Some(lines)
}

/// How the noise scaled with the loss, in words.
fn exponents(training: &TrainingRecord) -> Option<String> {
    let windows: Vec<String> = training
        .noise_exponents
        .iter()
        .map(|window| {
            let [low, high] = window.losses.map(number);
            format!("{} for losses from {high} to {low}", interval(&window.exponent))
        })
        .collect();
    let words = windows.join("; ");
    (!windows.is_empty())
        .then(|| format!("In the training the noise of one sample went as a power of the loss: {words}."))
}
