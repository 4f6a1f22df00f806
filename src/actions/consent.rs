//! Consent of a user to a plan.

use schemars::JsonSchema;
use serde::Serialize;

/// How a user consented to a plan that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Typed on a terminal after the plan was shown: `yes`, or the requested names.
    Typed(Vec<String>),
    /// Given in advance with `--yes`. The user may not have read the plan.
    Unattended,
}

/// A plan before consent.
pub trait Plan: Sized {
    /// Reason why a consent is not sufficient.
    type Unconfirmed;

    /// Returns the part of the plan that the consent covers.
    ///
    /// # Errors
    ///
    /// The consent covers nothing.
    fn restrict_to(self, consent: &Consent) -> Result<Self, Self::Unconfirmed>;

    /// Confirms the plan. Nothing else creates a [`ConfirmedPlan`].
    ///
    /// # Errors
    ///
    /// The consent covers nothing.
    fn confirm(self, consent: Consent) -> Result<ConfirmedPlan<Self>, Self::Unconfirmed> {
        let plan = self.restrict_to(&consent)?;
        Ok(ConfirmedPlan { plan, consent })
    }
}

/// A plan with consent. Only this can be executed, and only [`Plan::confirm`] creates it.
#[derive(Debug)]
pub struct ConfirmedPlan<P> {
    plan: P,
    consent: Consent,
}

impl<P> ConfirmedPlan<P> {
    /// Returns the part of the plan that the consent covers.
    pub fn plan(&self) -> &P {
        &self.plan
    }

    /// Returns the consent.
    pub fn consent(&self) -> &Consent {
        &self.consent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Names(Vec<String>);

    impl Plan for Names {
        type Unconfirmed = &'static str;

        fn restrict_to(self, consent: &Consent) -> Result<Names, &'static str> {
            let Consent::Typed(typed) = consent else { return Err("unattended") };
            let covered: Vec<String> = self.0.into_iter().filter(|name| typed.contains(name)).collect();
            if covered.is_empty() { Err("none of them") } else { Ok(Names(covered)) }
        }
    }

    #[test]
    fn confirm_keeps_only_consented_parts() {
        let plan = || Names(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(plan().confirm(Consent::Unattended).unwrap_err(), "unattended");
        assert_eq!(plan().confirm(Consent::Typed(vec!["c".to_owned()])).unwrap_err(), "none of them");
        let typed = Consent::Typed(vec!["b".to_owned()]);
        let confirmed = plan().confirm(typed.clone()).unwrap();
        assert_eq!((&*confirmed.plan().0, confirmed.consent()), (&["b".to_owned()][..], &typed));
    }
}
