//! csv, tsv and plain text.

use expect_test::expect;

use super::*;

#[test]
fn csv_columns_are_typed_by_all_of_their_values() {
    check_one(
        "a.csv",
        "id,text,price,flag,zip,empty\n\
         1,\"a, \"\"b\"\"\nc\",2,true,00123,\n\
         2,\u{0}d,2.5,False,9,\n\
         ,é,,,,\n",
        expect![[r#"
            id: Int64
            text: Utf8
            price: Float64
            flag: Boolean
            zip: Utf8
            empty: Null
            {"id":1,"text":"a, \"b\"\nc","price":2.0,"flag":true,"zip":"00123","empty":null}
            {"id":2,"text":"\u0000d","price":2.5,"flag":false,"zip":"9","empty":null}
            {"id":null,"text":"é","price":null,"flag":null,"zip":null,"empty":null}
        "#]],
    );
}

#[test]
fn tsv_has_tabs() {
    check_one(
        "a.TSV",
        "text\tn\nx,y\t3\n",
        expect![[r#"
            text: Utf8
            n: Int64
            {"text":"x,y","n":3}
        "#]],
    );
}

#[test]
fn text_has_a_row_a_line() {
    check_one(
        "a.txt",
        "\u{feff}one\r\n\ntwo\u{0}\nthree",
        expect![[r#"
            text: Utf8
            {"text":"one"}
            {"text":""}
            {"text":"two\u0000"}
            {"text":"three"}
        "#]],
    );
}

#[test]
fn a_column_without_a_name_gets_the_one_that_pandas_gives() {
    check_one(
        "a.csv",
        ",text\n0,x\n",
        expect![[r#"
            Unnamed: 0: Int64
            text: Utf8
            {"Unnamed: 0":0,"text":"x"}
        "#]],
    );
}

#[test]
fn malformed_csv_rows_are_named() {
    check_one(
        "a.csv",
        "n,text\n1,\"a\nb\"\n2\n",
        expect![[r#"
            error: row 2 of DIR/a.csv cannot be read: line 4 has 1 fields, and the header has 2
        "#]],
    );
    check_one(
        "a.csv",
        "n,text\n1,a\n2,\"b\n3,c\n",
        expect![[r#"
            error: row 2 of DIR/a.csv cannot be read: a quote is opened in the row that begins on line 3, and never closed
        "#]],
    );
}
