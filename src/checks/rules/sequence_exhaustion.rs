//! Sequences near the end of their range, or of the column type that they fill.

use crate::checks::evidence::{collect_database_facts, relation_subject};
use crate::checks::thresholds::{Percent, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding};
use crate::facts::Unavailable;
use crate::message::{Fragment, message};
use crate::quote::quote_identifier;

limits! {
    /// Share of a sequence's range that is used: WARNING
    warning: Percent = 75.0;
    /// Share of a sequence's range that is used: CRITICAL
    critical: Percent = 90.0;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    for (db, used) in collect_database_facts(evidence.snapshot, |contents| &contents.sequence_use, &mut outcome) {
        let database = &db.database;
        let hidden = used.sequences.iter().filter(|sequence_state| !sequence_state.may_read).count();
        if hidden > 0 {
            // Not readable with pg_monitor, so this is not a fault.
            outcome.not_applicable.push(NotApplicable::NotSupported(message![
                Fragment::Count(hidden as u64),
                if hidden == 1 { " sequence of database " } else { " sequences of database " },
                database,
                " cannot be read by this role: GRANT SELECT ON ALL SEQUENCES IN SCHEMA … TO ",
                quote_identifier(&evidence.snapshot.server.role)
            ]));
        }
        if used.left_out > 0 {
            let reason = format!("in database {database}: sequences not read: {}", used.left_out);
            outcome.add_unavailable(&Unavailable::new("sequence use", reason));
        }
        for sequence in &used.sequences {
            let Some(share) = sequence.used_percent().map(Percent) else { continue };
            let name = relation_subject(database, &sequence.schema, &sequence.sequence);
            let Some((level, threshold)) = outcome.record_and_compare(&name, share, limits.warning, limits.critical)
            else {
                continue;
            };
            let mut message = message!["sequence ", &name, " has used ", Fragment::Percent(share.0), " of its range"];
            if let (Some(column), Some(column_type)) = (&sequence.column, &sequence.column_type) {
                message.append(message![" (column ", column, " is ", column_type, ")"]);
            }
            outcome.add_finding(RuleFinding {
                level,
                subject: name,
                measured: Some(share.into()),
                threshold: Some(threshold),
                message,
                advice: message!["convert the column and the sequence to bigint before the range is exhausted"],
            });
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, sequence};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn sequence_exhaustion_both_directions() {
        let evaluate_sequence = |change: Value| {
            evaluate_check("sequence-exhaustion", |value| {
                let mut sequence_json = sequence(1);
                sequence_json.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
                value["database_snapshots"][0]["sequence_use"]["known"]["sequences"] = json!([sequence_json]);
            })
        };
        assert_eq!(evaluate_sequence(json!({"last_value": 1_600_000_000})).kind(), CheckOutcomeKind::Passed);
        assert_eq!(evaluate_sequence(json!({"last_value": null})).kind(), CheckOutcomeKind::Passed, "never used");
        let name = "shop/public.orders_id_seq";
        assert_eq!(found_subjects(&evaluate_sequence(json!({"last_value": 1_620_000_000}))), [(Level::Warning, name)]);
        assert_eq!(found_subjects(&evaluate_sequence(json!({"last_value": i32::MAX}))), [(Level::Critical, name)]);
        assert_eq!(
            found_subjects(&evaluate_sequence(json!({"first": -1, "last": -100, "last_value": -99}))),
            [(Level::Critical, name)]
        );
        assert_eq!(
            evaluate_sequence(json!({"last_value": null, "may_read": false})).kind(),
            CheckOutcomeKind::NotApplicable
        );
    }
}
