//! Objects that a role other than a superuser could replace, and that are therefore not executed.

use super::Unavailable;
use crate::quote::quote_identifier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first object of an extension that an untrusted role owns, or the schema of the extension if such a role owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ForeignObject {
    /// `pg_extension.extname`, unquoted.
    pub extension: String,
    /// `VIEW`, `TABLE`, `FUNCTION`, `ROUTINE` or `SCHEMA`, as in ALTER.
    pub kind: String,
    /// Qualified and quoted for SQL.
    pub name: String,
    /// The owner's name, unquoted.
    pub owner: String,
    /// The bootstrap superuser, quoted for SQL.
    pub superuser: String,
}

/// A relation in the schema of an extension with the name of a member that is not a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct LookAlike {
    /// Qualified and quoted for SQL.
    pub name: String,
    /// The owner's name, unquoted.
    pub owner: String,
}

impl ForeignObject {
    /// Returns why `fact` is not read, and the statement that makes it readable.
    pub fn unavailable(&self, fact: &str) -> Unavailable {
        let ForeignObject { extension, kind, name, owner, superuser } = self;
        let (kind_in_text, owner) = (kind.to_lowercase(), quote_identifier(owner));
        let extension = quote_identifier(extension);
        if kind == "SCHEMA" {
            let reason = format!(
                "schema {name} of extension {extension} is owned by role {owner}, which could replace the objects in it; \
                 pgtend does not execute them"
            );
            let hint =
                format!("as a superuser: CREATE SCHEMA monitoring; ALTER EXTENSION {extension} SET SCHEMA monitoring");
            return Unavailable::new(fact, reason).with_hint(Some(hint));
        }
        let reason = format!(
            "{kind_in_text} {name} of extension {extension} is owned by role {owner}, which could replace it; pgtend does \
             not execute it"
        );
        Unavailable::new(fact, reason)
            .with_hint(Some(format!("check its definition, then ALTER {kind} {name} OWNER TO {superuser}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign_unavailable(kind: &str, name: &str) -> Unavailable {
        let object = ForeignObject {
            extension: "pgstattuple".to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            owner: "App".to_owned(),
            superuser: "postgres".to_owned(),
        };
        object.unavailable("exact heap bloat")
    }

    #[test]
    fn foreign_object_names_owner_and_remedy() {
        let function = foreign_unavailable("FUNCTION", "public.pgstattuple(regclass)");
        assert_eq!(
            function.reason,
            "function public.pgstattuple(regclass) of extension pgstattuple is owned by role \"App\", which could replace \
             it; pgtend does not execute it"
        );
        assert_eq!(
            function.hint.as_deref(),
            Some("check its definition, then ALTER FUNCTION public.pgstattuple(regclass) OWNER TO postgres")
        );
        assert!(!function.not_set_up, "it counts as a gap");
        let schema = foreign_unavailable("SCHEMA", "public");
        assert!(schema.reason.contains("schema public") && schema.reason.contains("role \"App\""), "{schema:?}");
        let hint = "as a superuser: CREATE SCHEMA monitoring; ALTER EXTENSION pgstattuple SET SCHEMA monitoring";
        assert_eq!(schema.hint.as_deref(), Some(hint));
    }
}
