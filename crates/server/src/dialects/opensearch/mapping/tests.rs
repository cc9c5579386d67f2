//! Mappings that become an index, and those that say why they do not.

use expect_test::{Expect, expect};

use super::*;

fn body(json: &str) -> CreateIndexRequest {
    serde_json::from_str(json).unwrap()
}

const LANGCHAIN: &str = r#"{"settings":{"index":{"knn":true,"knn.algo_param.ef_search":512}},"mappings":{"properties":{"vector_field":{"type":"knn_vector","dimension":8,"method":{"name":"hnsw","space_type":"l2","engine":"nmslib","parameters":{"ef_construction":512,"m":16}}}}}}"#;

#[track_caller]
fn check_refused(name: &str, json: &str, expected: Expect) {
    expected.assert_eq(&Mapped::plan(name, body(json), 0).unwrap_err().message);
}

#[test]
fn what_is_kept_gives_the_index_again() {
    let planned = Mapped::plan("my_index", body(LANGCHAIN), 1_700_000_000_000).unwrap();
    assert_eq!(planned.spec.name.as_str(), "os-my-index-f52301e17c371540");
    assert_eq!(planned.spec.metric, Metric::Euclidean);
    let seen = Mapped::of_spec("my_index", planned.spec.clone()).unwrap();
    assert_eq!(seen, planned);
    assert_eq!(seen.vector_field, "vector_field");
    assert_eq!(seen.space, Space::L2);
    expect![[r#"{"aliases":{},"mappings":{"properties":{"vector_field":{"type":"knn_vector","dimension":8,"method":{"space_type":"l2","engine":"nmslib","name":"hnsw","parameters":{"ef_construction":512,"m":16}}}}},"settings":{"index":{"creation_date":"1700000000000","knn":"true","knn.algo_param.ef_search":"512","number_of_replicas":"0","number_of_shards":"1","provided_name":"my_index","uuid":"50b8648d662bad13"}}}"#]]
        .assert_eq(&serde_json::to_string(&seen.object()).unwrap());
}

#[test]
fn an_index_of_another_dialect_or_name_is_not_seen() {
    let mut spec = Mapped::plan("a", body(LANGCHAIN), 0).unwrap().spec;
    assert_eq!(Mapped::of_spec("b", spec.clone()).unwrap_err().message, "no such index [b]");
    spec.tags.clear();
    let err = Mapped::of_spec("a", spec).unwrap_err();
    assert_eq!(err.kind, ErrorKind::Index(IndexErrorKind::UnknownIndex));
}

#[test]
fn a_name_is_kept_where_it_can_be() {
    let ours = |name: &str| index_name(name).unwrap().as_str().to_owned();
    assert_eq!(ours("index-10k-report"), "index-10k-report");
    let derived = ["os-taken", "my_index", "my.index", &"x".repeat(255), "日本", "a-"].map(ours);
    for (index, name) in derived.iter().enumerate() {
        assert!(name.starts_with("os-") && name.len() <= IndexName::MAX_LEN, "{name}");
        assert!(!derived[..index].contains(name), "{name}");
    }
}

#[test]
fn a_name_that_breaks_the_rules_says_which() {
    let message = |name: &str| index_name(name).unwrap_err().message;
    expect![
        "invalid index name [a,b]: it must not have ','; name one index, without patterns or lists"
    ]
    .assert_eq(&message("a,b"));
    expect![
        "invalid index name [*]: it must not have '*'; name one index, without patterns or lists"
    ]
    .assert_eq(&message("*"));
    expect!["invalid index name [Abc]: it must be lowercase"].assert_eq(&message("Abc"));
    expect![
        "invalid index name [_all]: it must not begin with `_`, `-` or `+`, nor be `.` or `..`"
    ]
    .assert_eq(&message("_all"));
    expect!["invalid index name []: a name has 1 to 255 bytes"].assert_eq(&message(""));
}

#[test]
fn the_space_may_stand_in_three_places() {
    let space = |json: &str| Mapped::plan("a", body(json), 0).unwrap().space;
    assert_eq!(
        space(r#"{"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2}}}}"#),
        Space::L2
    );
    assert_eq!(
        space(
            r#"{"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2,"space_type":"innerproduct"}}}}"#
        ),
        Space::InnerProduct
    );
    assert_eq!(
        space(
            r#"{"settings":{"index.knn.space_type":"cosinesimil"},"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2}}}}"#
        ),
        Space::Cosine
    );
}

#[test]
fn a_mapping_that_is_not_served_says_why() {
    check_refused(
        "a",
        "{}",
        expect![
            "`mappings.properties`: an index here needs one field of the type knn_vector, with its dimension; none can be added later"
        ],
    );
    check_refused(
        "a",
        r#"{"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2},"w":{"type":"knn_vector","dimension":2}}}}"#,
        expect![
            "`mappings.properties`: an index here has one knn_vector field, and this mapping has several"
        ],
    );
    check_refused(
        "a",
        r#"{"mappings":{"properties":{"v":{"type":"knn_vector"}}}}"#,
        expect!["`mappings.properties.v`: a knn_vector needs a dimension"],
    );
    check_refused(
        "a",
        r#"{"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2,"data_type":"binary"}}}}"#,
        expect![
            "`mappings.properties.v`: vectors of the data type `binary` are not kept; use float"
        ],
    );
    check_refused(
        "a",
        r#"{"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2,"space_type":"hamming"}}}}"#,
        expect![
            "`mappings.properties.v`: there is no space `hamming` for vectors of floats; use l2, l1, linf, cosinesimil or innerproduct"
        ],
    );
    check_refused(
        "a",
        r#"{"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2},"o":{"properties":{"w":{"type":"knn_vector","dimension":2}}}}}}"#,
        expect![
            "`mappings.properties.o.w`: a knn_vector within an object is not served; put it at the top"
        ],
    );
    check_refused(
        "a",
        r#"{"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2},"n":{"type":"nested"}}}}"#,
        expect![
            "`mappings.properties.n`: fields of the type `nested` are not served; there are knn_vector, text, keyword, boolean, long, integer, short, byte, double, float, half_float, scaled_float, unsigned_long, date, ip, object, match_only_text"
        ],
    );
    check_refused(
        "a",
        r#"{"aliases":{"b":{}},"mappings":{"properties":{"v":{"type":"knn_vector","dimension":2}}}}"#,
        expect!["`aliases`: there are no aliases; use the index's own name"],
    );
    let long = format!(
        r#"{{"settings":{{"note":"{}"}},"mappings":{{"properties":{{"v":{{"type":"knn_vector","dimension":2}}}}}}}}"#,
        "x".repeat(70_000)
    );
    let err = Mapped::plan("a", body(&long), 0).unwrap_err().message;
    assert!(err.ends_with("and at most 65536 are kept"), "{err}");
}
