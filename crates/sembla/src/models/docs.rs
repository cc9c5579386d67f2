//! docs/models.md, generated from the registry of architectures. With `UPDATE_EXPECT=1` the test
//! writes the file.

use std::fmt::Write as _;

use expect_test::expect_file;

const HEAD: &str = "\
<!-- Generated from the registry of architectures; do not edit. -->

# Models

A model is a directory as sentence-transformers or transformers saves it, or the id of such a
directory on the Hub. `sembla model check MODEL` says in plain words what a directory is, what would
be assumed because it does not say, and what is in the way of loading it.

## Architectures

The key `model_type` of config.json chooses the architecture.

| `model_type` | Architecture | Published in |
| --- | --- | --- |
";

const FILES: &str = "
## Files

| File | What it decides | Without it |
| --- | --- | --- |
| `config.json` | the architecture and its sizes | an error |
| `tokenizer.json` | how text becomes token ids | an error; the older `vocab.txt` alone is not read |
| `model.safetensors`, or `model.safetensors.index.json` and the files that it names | the weights | an error; `pytorch_model.bin` is not read |
| `modules.json` | what follows the network: `Pooling`, `Dense`, `LayerNorm`, `Normalize`, with a folder each | a plain transformers model, and an assumption about its pooling that is said |
| `sentence_bert_config.json`, `tokenizer_config.json` | the most tokens of an input, lower case | what config.json allows |
| `config_sentence_transformers.json` | prompts by name, and which of them is the default | no prompts |

A module, pooling mode or setting that is not known is an error that names it, never a warning: it
would change embeddings.

## By name

`--model` takes `[NAME=]MODEL[@REVISION]`, where `MODEL` is a directory or a Hub id such as
`sentence-transformers/all-MiniLM-L6-v2`. A directory that exists wins over an id of the same
spelling. An id is looked up in the Hub's cache on this machine (`HF_HUB_CACHE`, `HF_HOME/hub`,
`~/.cache/huggingface/hub`), and nothing is asked of the network for a model that is there. What is
not there is downloaded from `HF_ENDPOINT`: only the files above, resumed where an earlier try broke
off, compared with the checksum that the Hub announces, and put into the cache in the layout of the
Hub's Python client, which then finds them too. With `HF_HUB_OFFLINE` nothing is downloaded. A token
for private and gated models comes from `HF_TOKEN` or from the file that `hf auth login` left.
`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` mean what they mean to other programs.

`sembla model pull MODEL` downloads a model or brings it up to date; `sembla model list` shows what
is in the cache.
";

#[test]
fn the_page_of_models_is_fresh() {
    let mut page = HEAD.to_owned();
    for architecture in model::architectures() {
        let keys: Vec<String> =
            architecture.model_types.iter().map(|key| format!("`{key}`")).collect();
        let _ = writeln!(
            page,
            "| {} | {} | <{}> |",
            keys.join(", "),
            architecture.title,
            architecture.paper
        );
    }
    page.push_str(FILES);
    expect_file!["../../../../docs/models.md"].assert_eq(&page);
}
