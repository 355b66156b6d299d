//! The definitions in a database, as lines that a dump and a restore leave as they are.
//!
//! What the server prints of an expression changes once when it is dumped and read again: casts and parentheses are
//! added or moved (`x IN ('a', 'b')` on a `varchar` is the usual case). So casts, parentheses and white space are
//! taken out of expressions before they are compared. Privileges are compared by who may do what, whoever granted
//! it, and columns by name, because a restore may put inherited ones in another order.

use super::PostgresProblem;
use super::session::Session;

/// Kinds of definitions, in the order of the digest.
pub(super) const PARTS: [&str; 11] = [
    "schemas",
    "relations",
    "columns",
    "constraints",
    "indexes",
    "triggers",
    "functions",
    "types",
    "policies",
    "extensions",
    "others",
];

/// Casts, parentheses and white space.
const NOISE: &str = r#"::[[:space:]]*("[^"]+"|[a-z_][a-z0-9_]*)(\."[^"]+"|\.[a-z_][a-z0-9_]*)*(\([0-9, ]*\))?( varying| precision| without time zone| with time zone)?(\([0-9, ]*\))?(\[\])*|[()[:space:]]"#;

/// The lines of one kind, sorted.
pub(super) async fn lines(
    session: &mut Session,
    part: &str,
) -> Result<Vec<String>, PostgresProblem> {
    let query = query(part, session.major);
    let rows: Vec<(String,)> = session.rows("read the definitions", &query, &[]).await?;
    let mut lines: Vec<String> = rows.into_iter().map(|(line,)| line).collect();
    lines.sort();
    Ok(lines)
}

fn query(part: &str, major: u32) -> String {
    match part {
        "schemas" => format!(
            "SELECT json_build_array(n.nspname, pg_get_userbyid(n.nspowner), {})::text FROM pg_namespace n \
             WHERE {} AND {}",
            grants("n.nspacl", "n", "n.nspowner"),
            OURS,
            own("pg_namespace", "n.oid")
        ),
        "relations" => relations(),
        "columns" => columns(),
        "constraints" => format!(
            "SELECT json_build_array(c.conname, c.conrelid::regclass, c.contypid::regtype, c.contype, {})::text \
             FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace \
             WHERE {OURS} AND {} AND {}",
            plain("pg_get_constraintdef(c.oid)"),
            own("pg_class", "c.conrelid"),
            own("pg_type", "c.contypid")
        ),
        "indexes" => format!(
            "SELECT json_build_array(i.indexrelid::regclass, {})::text FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {OURS} AND (i.indisvalid OR c.relkind = 'I') AND {}",
            plain("pg_get_indexdef(i.indexrelid)"),
            own("pg_class", "i.indrelid")
        ),
        "triggers" => format!(
            "SELECT json_build_array(t.tgrelid::regclass, t.tgname, t.tgenabled, {})::text FROM pg_trigger t \
             JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {OURS} AND NOT t.tgisinternal AND {} \
             UNION ALL SELECT json_build_array(r.ev_class::regclass, r.rulename, r.ev_enabled, {})::text \
             FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE {OURS} AND r.rulename <> '_RETURN' AND {}",
            plain("pg_get_triggerdef(t.oid)"),
            own("pg_class", "t.tgrelid"),
            plain("pg_get_ruledef(r.oid)"),
            own("pg_class", "r.ev_class")
        ),
        "functions" => functions(major),
        "types" => types(),
        "policies" => format!(
            "SELECT json_build_array(p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive, \
             (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END, ',' \
              ORDER BY r = 0, pg_get_userbyid(r)) FROM unnest(p.polroles) AS r), {}, {})::text FROM pg_policy p \
             JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS}",
            plain("pg_get_expr(p.polqual, p.polrelid)"),
            plain("pg_get_expr(p.polwithcheck, p.polrelid)")
        ),
        "extensions" => "SELECT json_build_array(e.extname, n.nspname)::text FROM pg_extension e \
             JOIN pg_namespace n ON n.oid = e.extnamespace"
            .to_owned(),
        _ => others(),
    }
}

/// Tables, views, sequences and the rest of `pg_class` but indexes.
fn relations() -> String {
    format!(
        "SELECT json_build_array(c.oid::regclass, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner), {}, \
         (SELECT string_agg(o, ',' ORDER BY o COLLATE \"C\") FROM unnest(c.reloptions) AS o), \
         c.relrowsecurity, c.relforcerowsecurity, {}, \
         CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END, \
         (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno) FROM pg_inherits i \
          WHERE i.inhrelid = c.oid), \
         CASE WHEN c.relkind IN ('v', 'm') THEN {} END, \
         (SELECT concat_ws(',', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, \
          s.seqcycle) FROM pg_sequence s WHERE s.seqrelid = c.oid))::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S') AND c.relpersistence <> 't' AND {}",
        grants(
            "c.relacl",
            "CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END",
            "c.relowner"
        ),
        plain("pg_get_expr(c.relpartbound, c.oid)"),
        plain("pg_get_viewdef(c.oid)"),
        own("pg_class", "c.oid")
    )
}

fn columns() -> String {
    format!(
        "SELECT json_build_array(c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
         a.attidentity, a.attgenerated, {}, \
         (SELECT l.collname FROM pg_collation l WHERE l.oid = a.attcollation), {})::text \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' \
         AND a.attnum > 0 AND NOT a.attisdropped AND {}",
        plain("pg_get_expr(d.adbin, d.adrelid)"),
        grants("a.attacl", "c", "c.relowner"),
        own("pg_class", "c.oid")
    )
}

fn functions(major: u32) -> String {
    // Bodies in standard SQL, which the server prints from its own form, exist since PostgreSQL 14.
    let body = if major < 14 {
        "NULL"
    } else {
        "pg_get_function_sqlbody(p.oid)"
    };
    format!(
        "SELECT json_build_array(p.oid::regprocedure, p.prokind, l.lanname, pg_get_userbyid(p.proowner), {}, \
         p.prosrc, {}, p.prosecdef, p.provolatile, p.proisstrict, p.proleakproof, p.proparallel, \
         (SELECT string_agg(o, ',' ORDER BY o COLLATE \"C\") FROM unnest(p.proconfig) AS o), \
         pg_get_function_result(p.oid), {}, a.aggtransfn::regproc, a.aggfinalfn::regproc, a.agginitval)::text \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
         LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE {OURS} AND {}",
        grants("p.proacl", "f", "p.proowner"),
        plain(body),
        plain("pg_get_function_arguments(p.oid)"),
        own("pg_proc", "p.oid")
    )
}

fn types() -> String {
    format!(
        "SELECT json_build_array(t.oid::regtype, t.typtype, pg_get_userbyid(t.typowner), {}, \
         (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder) FROM pg_enum e \
          WHERE e.enumtypid = t.oid), \
         CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END, t.typnotnull, {}, \
         (SELECT r.rngsubtype::regtype FROM pg_range r WHERE r.rngtypid = t.oid))::text \
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
         WHERE {OURS} AND t.typtype IN ('e', 'd', 'r') AND {}",
        grants("t.typacl", "T", "t.typowner"),
        plain("t.typdefault"),
        own("pg_type", "t.oid")
    )
}

/// What else a database can have. Of these only that they are there counts, and for some a definition.
fn others() -> String {
    let mut all: Vec<String> = [
        "pg_cast", "pg_collation", "pg_conversion", "pg_default_acl", "pg_event_trigger", "pg_foreign_data_wrapper",
        "pg_foreign_server", "pg_language", "pg_opclass", "pg_operator", "pg_opfamily", "pg_publication",
        "pg_statistic_ext", "pg_transform", "pg_ts_config", "pg_ts_dict", "pg_ts_parser", "pg_ts_template",
    ]
    .iter()
    .map(|catalog| {
        format!(
            "SELECT json_build_array('{catalog}', pg_describe_object('{catalog}'::regclass, o.oid, 0))::text \
             FROM {catalog} o WHERE o.oid >= {FIRST_OWN} AND {}",
            own(catalog, "o.oid")
        )
    })
    .collect();
    all.push(format!(
        "SELECT json_build_array('comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description)::text \
         FROM pg_description d WHERE d.objoid >= {FIRST_OWN} AND d.classoid <> 'pg_extension'::regclass \
         AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classoid AND x.objid = d.objoid \
          AND x.deptype = 'e')"
    ));
    all.push(format!(
        "SELECT json_build_array('large object', m.oid, pg_get_userbyid(m.lomowner), {})::text \
         FROM pg_largeobject_metadata m",
        grants("m.lomacl", "L", "m.lomowner")
    ));
    all.join(" UNION ALL ")
}

/// The first number of an object that does not come with the server (`FirstNormalObjectId`).
const FIRST_OWN: u32 = 16384;

/// Schemas that are not the server's own; `n` is `pg_namespace`.
const OURS: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// That an object was not made by an extension, whose script makes it again.
fn own(catalog: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '{catalog}'::regclass AND x.objid = {oid} \
         AND x.deptype = 'e')"
    )
}

/// Who may do what with an object, in order.
fn grants(acl: &str, kind: &str, owner: &str) -> String {
    let kind = match kind.len() {
        1 => format!("'{kind}'::\"char\""),
        _ => format!("({kind})::\"char\""),
    };
    format!(
        "(SELECT string_agg(g.words, ',' ORDER BY g.words COLLATE \"C\") FROM (SELECT concat_ws('/', \
         CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END, a.privilege_type, \
         a.is_grantable) AS words FROM aclexplode(coalesce({acl}, acldefault({kind}, {owner}))) AS a) AS g)"
    )
}

/// An expression without what a restore may change in it.
fn plain(expression: &str) -> String {
    format!(
        "regexp_replace(({expression})::text, '{}', '', 'g')",
        NOISE.replace('\'', "''")
    )
}
