//! A finding, the same in every report.

use crate::facts::{Class, Finding, Level, Measure};
use crate::render::format_message;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// A finding as JSON, the same in every report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct FindingLine {
    pub id: String,
    pub check: String,
    pub class: Class,
    #[schemars(with = "Level")]
    pub status: &'static str,
    pub subject: String,
    pub message: String,
    #[serde(serialize_with = "serialize_number")]
    #[schemars(with = "Option<f64>")]
    pub measured: Option<Measure>,
    /// Unit of `measured` and `threshold`; null when nothing is measured.
    pub unit: Option<&'static str>,
    #[serde(serialize_with = "serialize_number")]
    #[schemars(with = "Option<f64>")]
    pub threshold: Option<Measure>,
    pub advice: Option<String>,
}

impl FindingLine {
    pub(super) fn new(finding: &Finding) -> FindingLine {
        let advice = format_message(&finding.advice);
        FindingLine {
            id: finding.id(),
            check: finding.check.clone(),
            class: finding.class,
            status: finding.level.name(),
            subject: finding.subject.clone(),
            message: format_message(&finding.message),
            measured: finding.measured,
            unit: finding.measured.or(finding.threshold).map(Measure::unit),
            threshold: finding.threshold,
            advice: (!advice.is_empty()).then_some(advice),
        }
    }
}

/// Serialises the plain number in its unit, as an integer where the unit is one.
fn serialize_number<S: Serializer>(measure: &Option<Measure>, serializer: S) -> Result<S::Ok, S::Error> {
    match measure {
        None => serializer.serialize_none(),
        Some(Measure::Bytes(value) | Measure::Seconds(value) | Measure::Count(value)) => {
            serializer.serialize_u64(*value)
        }
        Some(Measure::Percent(value)) => serializer.serialize_f64((value * 10.0).round() / 10.0),
    }
}
