//! Consent: nothing is done that nobody agreed to.

use serde::Serialize;

/// How somebody agreed to a plan that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Typed on a terminal, in answer to the plan: `yes`, or the names that were asked for.
    Typed(Vec<String>),
    /// `--yes`: perhaps nobody looked at the plan.
    Unattended,
}

/// What is to be done, before anybody agreed to it.
pub trait Plan: Sized {
    /// Why a consent does not do.
    type Unconfirmed;

    /// The part of the plan that the consent covers. Nothing left is an error.
    fn restrict_to(self, consent: &Consent) -> Result<Self, Self::Unconfirmed>;

    /// The only way to a [`ConfirmedPlan`].
    fn confirm(self, consent: Consent) -> Result<ConfirmedPlan<Self>, Self::Unconfirmed> {
        let plan = self.restrict_to(&consent)?;
        Ok(ConfirmedPlan { plan, consent })
    }
}

/// A plan somebody agreed to. Only this can be executed, and its fields are nobody else's to fill.
#[derive(Debug)]
pub struct ConfirmedPlan<P> {
    plan: P,
    consent: Consent,
}

impl<P> ConfirmedPlan<P> {
    pub fn plan(&self) -> &P {
        &self.plan
    }

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
