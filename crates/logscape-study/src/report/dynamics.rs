//! The dynamics beside SGD.

use super::words::{interval, signed};
use crate::record::{MeasuredRecord, SettingRecord};
use crate::summary::reason;
use crate::text::ends;
use logscape::{Estimate, dynamics};
use serde::Serialize;

/// A dynamics beside SGD.
#[derive(Serialize)]
pub(super) struct DynamicsView {
    name: String,
    equation: &'static str,
    phi: String,
    steps: String,
    decades: String,
    ends: String,
}

impl DynamicsView {
    pub(super) fn all(setting: &SettingRecord) -> Vec<Self> {
        let escapes = setting.escape.as_ref().map_or(&[][..], |escape| &escape.dynamics);
        let names = setting.stationary_dynamics.iter().map(|law| (&law.name, &law.kind));
        let mut names: Vec<_> = names.collect();
        if names.is_empty() {
            names = escapes.iter().map(|escape| (&escape.name, &escape.kind)).collect();
        }
        names
            .into_iter()
            .map(|(name, kind)| {
                let law = setting.stationary_dynamics.iter().find(|law| law.name == *name).map(|found| &found.law);
                let escape = escapes.iter().find(|escape| escape.name == *name);
                let measured = escape.map(|escape| &escape.measured);
                let decades = |d: Estimate| format!("{} {}", signed(d.value), ends(&d, signed));
                Self {
                    name: name.clone(),
                    equation: dynamics::by_name(kind).map_or("", dynamics::Kind::equation),
                    phi: law.map_or_else(
                        || "not asked for".to_owned(),
                        |law| match &law.tail_exponent {
                            Some(_) if law.is_poor() => "no such power".to_owned(),
                            Some(phi) => interval(phi),
                            None => format!("not measurable: {}", reason(law)),
                        },
                    ),
                    steps: measured.map_or_else(
                        || "not asked for".to_owned(),
                        |measured| match &measured.mean_steps {
                            Some(steps) => interval(steps),
                            None => measured.bound(),
                        },
                    ),
                    decades: escape.map_or_else(
                        || "not asked for".to_owned(),
                        |escape| {
                            escape.decades_from_sgd.map_or_else(|| "not known without both means".to_owned(), decades)
                        },
                    ),
                    ends: measured.map_or_else(String::new, MeasuredRecord::ends),
                }
            })
            .collect()
    }
}
