//! How near two vectors are in OpenSearch's spaces, and the scores that it makes of that.

use index::Metric;
use wire::opensearch::search::Script;

use super::refuse;
use crate::error::HttpError;

/// A way to compare vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    L1,
    L2,
    Linf,
    Cosine,
    InnerProduct,
}

/// Which of OpenSearch's two scores of one space is wanted: they differ for the cosine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Of a `knn` query.
    Knn,
    /// Of a `script_score` query.
    Script,
}

impl Space {
    const ALL: [(&'static str, Self); 5] = [
        ("l1", Self::L1),
        ("l2", Self::L2),
        ("linf", Self::Linf),
        ("cosinesimil", Self::Cosine),
        ("innerproduct", Self::InnerProduct),
    ];

    /// Returns the space of this name.
    ///
    /// # Errors
    ///
    /// If there is none, or it is for vectors of bits.
    pub(crate) fn named(name: &str, field: &str) -> Result<Self, HttpError> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, space)| *space).ok_or_else(|| {
            refuse(field, format!("there is no space `{name}` for vectors of floats; use l2, l1, linf, cosinesimil or innerproduct"))
        })
    }

    /// Returns the metric of an index for vectors of this space. For `l1` and `linf` there is none;
    /// their indexes are scanned, and have the one that takes any vector.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Self::L1 | Self::L2 | Self::Linf => Metric::Euclidean,
            Self::Cosine => Metric::Cosine,
            Self::InnerProduct => Metric::DotProduct,
        }
    }

    /// Returns whether a query of an index with `metric` measures in this space.
    pub(crate) fn is_measured_by(self, metric: Metric) -> bool {
        match self {
            Self::L1 | Self::Linf => false,
            Self::L2 | Self::Cosine | Self::InnerProduct => self.metric() == metric,
        }
    }

    /// Compares two vectors of one length: a distance, squared in `l2`, or a likeness. A vector of
    /// length 0 has the cosine 0 with every other.
    pub(crate) fn measure(self, a: &[f32], b: &[f32]) -> f32 {
        let pairs = a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let measured = match self {
            Self::L1 => pairs.map(|(a, b)| (a - b).abs()).sum(),
            Self::L2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
            Self::Linf => pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
            Self::InnerProduct => pairs.map(|(a, b)| a * b).sum(),
            Self::Cosine => {
                let (mut dot, mut a_square, mut b_square) = (0.0, 0.0, 0.0);
                for (a, b) in pairs {
                    dot += a * b;
                    a_square += a * a;
                    b_square += b * b;
                }
                if dot == 0.0 { 0.0 } else { dot / (a_square.sqrt() * b_square.sqrt()) }
            }
        };
        measured as f32
    }

    /// Makes a score of a measure; a larger one is closer, and none is below 0.
    ///
    /// # Source
    ///
    /// OpenSearch's documentation, "Spaces", for `knn`; the plugin's scoring scripts for
    /// `script_score`, whose cosine is `1 + cos` where that of `knn` is half of it.
    pub(crate) fn score(self, measured: f32, scale: Scale) -> f32 {
        let score = match (self, scale) {
            (Self::L1 | Self::L2 | Self::Linf, _) => 1.0 / (1.0 + measured),
            (Self::Cosine, Scale::Knn) => f32::midpoint(1.0, measured),
            (Self::Cosine, Scale::Script) => 1.0 + measured,
            (Self::InnerProduct, _) if measured > 0.0 => 1.0 + measured,
            (Self::InnerProduct, _) => 1.0 / (1.0 - measured),
        };
        // JSON has no infinity, and rounding may take a cosine below -1.
        score.clamp(0.0, f32::MAX)
    }
}

/// Reads which space a script measures in the field of vectors.
///
/// # Errors
///
/// If it is none of the scripts that are known, or has no or another field.
pub(crate) fn of_script(script: &Script, vector_field: &str) -> Result<Space, HttpError> {
    let lang = script.lang.as_deref().unwrap_or("painless");
    let named = script.params.field.as_deref();
    let space = match (lang, script.source.as_str()) {
        ("knn", "knn_score") => {
            let field = "query.script_score.script.params.space_type";
            let name = script.params.space_type.as_deref();
            let name = name.ok_or_else(|| refuse(field, "knn_score needs a space type"))?;
            if named.is_none() {
                return Err(refuse("query.script_score.script.params.field", "knn_score needs it"));
            }
            Some(Space::named(name, field)?)
        }
        ("painless", source) => of_expression(source, vector_field, named),
        _ => None,
    };
    if let Some(named) = named.filter(|named| *named != vector_field) {
        let why = format!("`{named}` is no field of vectors; this index has `{vector_field}`");
        return Err(refuse("query.script_score.script.params.field", why));
    }
    space.ok_or_else(|| {
        let why = format!(
            "scripts are not run; the ones that are understood are `knn_score` in the language knn, \
             `(1.0 + cosineSimilarity(params.query_value, doc['{vector_field}']))`, \
             `1/(1.0 + l2Squared(params.query_value, doc['{vector_field}']))` and \
             `1/(1.0 + l1Norm(params.query_value, doc['{vector_field}']))`"
        );
        refuse("query.script_score.script.source", why)
    })
}

// The expressions that LangChain's client writes, and the same without the outer brackets or with
// the field as a parameter, as OpenSearch's documentation has them.
fn of_expression(source: &str, vector_field: &str, named: Option<&str>) -> Option<Space> {
    let source: String = source.chars().filter(|c| !c.is_whitespace()).collect();
    let mut fields = vec![format!("doc['{vector_field}']"), format!("doc[\"{vector_field}\"]")];
    if named.is_some() {
        fields.push("doc[params.field]".to_owned());
    }
    for field in fields {
        let call = |function: &str| format!("1.0+{function}(params.query_value,{field})");
        let cosine = call("cosineSimilarity");
        if source == cosine || source == format!("({cosine})") {
            return Some(Space::Cosine);
        }
        for (function, space) in [("l2Squared", Space::L2), ("l1Norm", Space::L1)] {
            let inner = call(function);
            if source == format!("1/({inner})") || source == format!("1.0/({inner})") {
                return Some(space);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use wire::opensearch::search::ScriptParams;

    use super::*;

    fn script(source: &str, lang: Option<&str>, field: &str, space: Option<&str>) -> Script {
        Script {
            source: source.to_owned(),
            lang: lang.map(str::to_owned),
            params: ScriptParams {
                field: Some(field.to_owned()),
                query_value: vec![1.0],
                space_type: space.map(str::to_owned),
            },
        }
    }

    #[test]
    fn each_space_has_its_measure_and_its_scores() {
        let (a, b) = ([1.0, 2.0], [4.0, -2.0]);
        let mut table = String::new();
        for (name, space) in Space::ALL {
            let measured = space.measure(&a, &b);
            let (knn, script) =
                (space.score(measured, Scale::Knn), space.score(measured, Scale::Script));
            table += &format!("{name}: {measured:.3} {knn:.4} {script:.4}\n");
        }
        expect![[r#"
            l1: 7.000 0.1250 0.1250
            l2: 25.000 0.0385 0.0385
            linf: 4.000 0.2000 0.2000
            cosinesimil: 0.000 0.5000 1.0000
            innerproduct: 0.000 1.0000 1.0000
        "#]]
        .assert_eq(&table);
        assert_eq!(Space::InnerProduct.score(3.0, Scale::Knn), 4.0);
        assert_eq!(Space::InnerProduct.score(-3.0, Scale::Script), 0.25);
        assert_eq!(Space::Cosine.score(1.0, Scale::Knn), 1.0);
        assert_eq!(Space::Cosine.score(1.0, Scale::Script), 2.0);
        assert_eq!(Space::Cosine.score(-1.000_001, Scale::Script), 0.0);
        assert_eq!(Space::InnerProduct.score(f32::INFINITY, Scale::Knn), f32::MAX);
        assert_eq!(Space::Cosine.measure(&[0.0, 0.0], &a), 0.0);
    }

    #[test]
    fn the_scripts_of_the_client_are_understood() {
        for (source, space) in [
            ("(1.0 + cosineSimilarity(params.query_value, doc['v']))", Space::Cosine),
            ("1/(1.0 + l2Squared(params.query_value, doc['v']))", Space::L2),
            ("1/(1.0 + l1Norm(params.query_value, doc['v']))", Space::L1),
            ("1.0 + cosineSimilarity(params.query_value, doc[params.field])", Space::Cosine),
        ] {
            assert_eq!(
                of_script(&script(source, None, "v", None), "v").unwrap(),
                space,
                "{source}"
            );
        }
        let knn = script("knn_score", Some("knn"), "v", Some("linf"));
        assert_eq!(of_script(&knn, "v").unwrap(), Space::Linf);
    }

    #[test]
    fn any_other_script_is_refused() {
        let refused = |script: Script| of_script(&script, "v").unwrap_err().message;
        let message = refused(script("Math.log(2)", None, "v", None));
        assert!(message.starts_with("`query.script_score.script.source`: scripts are not run"));
        let expression = "1/(1.0 + l2Squared(params.query_value, doc['w']))";
        assert!(refused(script(expression, None, "v", None)).contains("scripts are not run"));
        expect!["`query.script_score.script.params.space_type`: there is no space `hammingbit` for vectors of floats; use l2, l1, linf, cosinesimil or innerproduct"]
            .assert_eq(&refused(script("knn_score", Some("knn"), "v", Some("hammingbit"))));
        expect!["`query.script_score.script.params.field`: `w` is no field of vectors; this index has `v`"]
            .assert_eq(&refused(script("knn_score", Some("knn"), "w", Some("l2"))));
    }
}
